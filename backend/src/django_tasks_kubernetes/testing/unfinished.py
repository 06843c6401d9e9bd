"""What of a store in memory has not finished, so that a test with thousands of tasks does not read all of them after
each."""

from collections.abc import Iterator
from itertools import takewhile

from django_tasks_kubernetes.codec.resource import Resource
from djangotasks_api.phases import TERMINAL_PHASES


class Unfinished:
    """In the order of their creation. One that has finished is forgotten, and one that is new is found, when they are
    iterated over."""

    def __init__(self, resources: dict[str, Resource]) -> None:
        """`resources`: of the store, by name, in the order of their creation."""
        self._resources = resources
        self._known: dict[str, Resource] = {}
        self._last: Resource | None = None

    def __iter__(self) -> Iterator[Resource]:
        # Not by name, which one that was deleted and enqueued again has again.
        new = list(takewhile(lambda found: found[1] is not self._last, reversed(self._resources.items())))
        self._last = new[0][1] if new else self._last
        self._known |= dict(reversed(new))
        for name, resource in list(self._known.items()):
            if resource["status"]["phase"] in TERMINAL_PHASES or name not in self._resources:
                del self._known[name]
        return iter(list(self._known.values()))
