"""The requests of standby pods that are held until there is a task for them. Only those of the leader are.

Which pods are ready is known from these connections alone: nothing is written when one is, and a new leader knows it as
soon as they have come back.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from djangotasks_api.assignment import Assignment
from djangotasks_operator.cache.keys import Key

# Held at once. The server keeps 800 connections, and reports need some.
HELD_MAX = 400
# Of one namespace: others find room.
HELD_OF_NAMESPACE = HELD_MAX // 2


class Gone(Exception):
    """The pod gets no task any more: it is to end. The message says why."""


class Elsewhere(Exception):
    """This replica does not lead."""

    def __init__(self, leader: str | None) -> None:
        """`leader`: the address of the one that does, where it is known."""
        super().__init__("this replica does not lead")
        self.leader = leader


class TooMany(Exception):
    """As many requests are held as there may be."""


class Source(Protocol):
    """Who has tasks for them: the leader."""

    async def task_of(self, pod: Key, queue_uid: str) -> Assignment | None:
        """What the pod has to do, where a task has claimed it; None while it waits for that. Raises Gone, and what the
        client raises."""

    def arrived(self, pod: Key) -> None:
        """The pod waits."""

    def left(self, pod: Key) -> None:
        """It does not wait any more."""


@dataclass(eq=False, slots=True)
class Held:
    """One request."""

    is_open: Callable[[], bool]
    """Whether the pod is still there to be answered."""
    answer: asyncio.Future[Assignment | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class WaitingStandbys:
    """One instance a process."""

    def __init__(self, leader: Callable[[], str | None] = lambda: None) -> None:
        """`leader`: the address of the replica that leads, where that is known."""
        self._leader = leader
        self._source: Source | None = None
        self._held: dict[Key, Held] = {}

    def lead(self, source: Source) -> None:
        """Hold requests from now on."""
        self._source = source

    def stop(self) -> None:
        """Hold none any more: another replica leads, or is about to."""
        self._source = None
        for held in self._held.values():
            _answer(held, None)
        self._held.clear()

    def is_ready(self, pod: Key) -> bool:
        """Whether the pod can be given a task now."""
        held = self._held.get(pod)
        return held is not None and not held.answer.done() and held.is_open()

    def deliver(self, pod: Key, assignment: Assignment) -> None:
        """Answer the pod's request. Where there is none, the pod asks again, and finds the same."""
        if (held := self._held.get(pod)) is not None:
            _answer(held, assignment)

    async def next(self, pod: Key, queue_uid: str, is_open: Callable[[], bool], seconds: float) -> Assignment | None:
        """What the pod has to do. None where there was nothing for so many seconds: it asks again. Raises Gone,
        Elsewhere, TooMany, and what the client raises."""
        if (source := self._source) is None:
            raise Elsewhere(self._leader())
        if (found := await source.task_of(pod, queue_uid)) is not None:
            return found
        if self._source is not source:
            raise Elsewhere(self._leader())
        before = self._held.pop(pod, None)
        if before is not None:
            _answer(before, None)
        if len(self._held) >= HELD_MAX or self._held_of(pod.namespace) >= HELD_OF_NAMESPACE:
            raise TooMany
        held = self._held[pod] = Held(is_open)
        source.arrived(pod)
        try:
            async with asyncio.timeout(seconds):
                return await held.answer
        except TimeoutError:
            return None
        finally:
            if self._held.get(pod) is held:
                del self._held[pod]
            source.left(pod)

    def _held_of(self, namespace: str) -> int:
        return sum(pod.namespace == namespace for pod in self._held)

    def recheck(self, pod: Key) -> None:
        """Let the pod ask again at once: something became of it."""
        if (held := self._held.get(pod)) is not None:
            _answer(held, None)


def _answer(held: Held, assignment: Assignment | None) -> None:
    if not held.answer.done():
        held.answer.set_result(assignment)
