"""How much one attempt, a namespace, and all together may ask for at once.

| bound | why |
|---|---|
| requests of a kind in flight for an attempt | each holds a connection; `enqueue_many()` has 16 by default |
| a number of requests of a kind for an attempt | each costs CPU, and a request to the API server |
| new resources in flight of a namespace, and of all | each holds its body, and pods share a few places for writes |
| watches of a namespace, and of all | each holds a connection here, and one to the API server |

A request that comes a little too soon waits here for its turn: the client of one that is refused waits for a whole
second.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

from djangotasks_operator.reports.authentication import REMEMBERED_MAX, AttemptRef, SignedAttempt
from djangotasks_operator.reports.intake import too_many
from djangotasks_operator.runtime.rate_limit import TokenBuckets

# The longest that a request waits here for its turn.
PACE_SECONDS = 2.0


class Measure(NamedTuple):
    """Of one kind of request."""

    burst: int
    per_second: float
    in_flight: int
    """For an attempt."""
    namespace_in_flight: int
    all_in_flight: int


MEASURES = {
    "enqueue": Measure(burst=200, per_second=50, in_flight=16, namespace_in_flight=32, all_in_flight=64),
    # Each may be 1 MB, and stands for many tasks.
    "enqueue-workflow": Measure(burst=20, per_second=5, in_flight=4, namespace_in_flight=8, all_in_flight=16),
    "read": Measure(burst=400, per_second=50, in_flight=16, namespace_in_flight=32, all_in_flight=64),
    "list": Measure(burst=10, per_second=2, in_flight=2, namespace_in_flight=8, all_in_flight=16),
    # A process has one for tasks and one for workflows; for a moment two, when it changes what it watches.
    "watch": Measure(burst=20, per_second=1, in_flight=4, namespace_in_flight=128, all_in_flight=256),
    # 500 inputs, or the pages of a wide map, one after the other.
    "input": Measure(burst=200, per_second=50, in_flight=2, namespace_in_flight=32, all_in_flight=64),
    "cancel": Measure(burst=100, per_second=20, in_flight=16, namespace_in_flight=32, all_in_flight=64),
}


class TaskLimits:
    """What is asked for now. One instance a process."""

    def __init__(self) -> None:
        self._buckets = {
            kind: TokenBuckets[SignedAttempt](measure.burst, measure.per_second, REMEMBERED_MAX)
            for kind, measure in MEASURES.items()
        }
        self._in_flight: Counter[tuple[str, SignedAttempt | str | None]] = Counter()

    @contextlib.asynccontextmanager
    async def admit(self, kind: str, attempt: AttemptRef) -> AsyncIterator[None]:
        """Hold a place for a request, after a short wait for its turn. Raises HTTPTooManyRequests."""
        measure, namespace = MEASURES[kind], attempt.task.namespace
        with self._counted((kind, attempt.signed), measure.in_flight):
            await self._take_turn(kind, attempt.signed)
            with (
                self._counted((kind, namespace), measure.namespace_in_flight),
                self._counted((kind, None), measure.all_in_flight),
            ):
                yield

    async def _take_turn(self, kind: str, attempt: SignedAttempt) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PACE_SECONDS
        while wait := self._buckets[kind].reserve(attempt):
            if loop.time() + wait > deadline:
                raise too_many("this attempt asks too often", wait)
            await asyncio.sleep(wait)

    @contextlib.contextmanager
    def _counted(self, key: tuple[str, SignedAttempt | str | None], most: int) -> Iterator[None]:
        if self._in_flight[key] >= most:
            raise too_many("too many requests at once", 1)
        self._in_flight[key] += 1
        try:
            yield
        finally:
            self._in_flight[key] -= 1
            if not self._in_flight[key]:
                del self._in_flight[key]
