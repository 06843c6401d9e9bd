"""Which task of in_memory() runs next, without a look at all that wait: a test may enqueue thousands."""

from collections.abc import Callable, Collection
from heapq import heappop, heappush
from itertools import takewhile
from typing import NamedTuple

from django.tasks import DEFAULT_TASK_QUEUE_NAME

from django_tasks_kubernetes.codec.resource import Resource
from djangotasks_api.phases import Phase


class Place(NamedTuple):
    """The lower runs first: the highest priority, then the oldest."""

    priority: int
    number: int
    name: str


def queue_of(resource: Resource) -> str:
    """The name of a task's queue."""
    return str(resource["spec"].get("queue", DEFAULT_TASK_QUEUE_NAME))


class Line:
    """The tasks of a store that wait."""

    def __init__(self, resources: dict[str, Resource]) -> None:
        """`resources`: of the store, by name, in the order of their creation."""
        self._resources = resources
        self._last: Resource | None = None
        self._count = 0
        # By queue.
        self._ready: dict[str, list[Place]] = {}
        # Those that are deferred: the clock says when their time has come.
        self._deferred: set[Place] = set()

    def first(
        self, is_taken: Callable[[str], bool], can_end: Callable[[Resource], bool], held: Collection[str]
    ) -> Resource | None:
        """The one that runs next, or fails, as it has expired. `is_taken`: whether somebody runs the task of a name, or
        has run it. `can_end`: whether a task that is deferred, or of one of the `held` queues, can run or has
        expired."""

        def waits(place: Place) -> bool:
            found = self._resources.get(place.name)
            return found is not None and found["status"]["phase"] == Phase.QUEUED and not is_taken(place.name)

        self._find_new()
        heads: list[Place] = []
        stopped: list[Place] = []
        for queue, ready in self._ready.items():
            while ready and not waits(ready[0]):
                heappop(ready)
            if queue in held:
                stopped += filter(waits, ready)
            else:
                heads += ready[:1]
        self._deferred = {place for place in self._deferred if waits(place)}
        due = [place for place in (*self._deferred, *stopped) if can_end(self._resources[place.name])]
        place = min((*heads, *due), default=None)
        return None if place is None else self._resources[place.name]

    def _find_new(self) -> None:
        # Not by name, which one that was deleted and enqueued again has again.
        new = list(takewhile(lambda found: found[1] is not self._last, reversed(self._resources.items())))
        self._last = new[0][1] if new else self._last
        for name, resource in reversed(new):
            spec = resource["spec"]
            self._count += 1
            place = Place(-spec["priority"], self._count, name)
            if spec.get("runAfter") is None:
                heappush(self._ready.setdefault(queue_of(resource), []), place)
            else:
                self._deferred.add(place)
