"""A controller reconciles each key until it is done, and a failure harms that key alone."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import pytest

from djangotasks_operator.runtime.controller import AWAY_BACKOFF, Controller, Result
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.leader_election import NotLeading
from djangotasks_operator.runtime.workqueue import FIRST_RETRY, WorkQueue
from tests.unit.operator.harness import until
from tests.unit.operator.model.calls import run
from tests.unit.operator.model.server import Clock


class Reconciled:
    """A controller whose reconciles do what a test says."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.queue: WorkQueue[str] = WorkQueue(self.clock.seconds)
        self.outcome: Result | Exception = Result.DONE
        self.failures: list[Exception] = []
        self.controller = Controller(self.queue, self.reconcile, workers=1, failed=self.failures.append)

    async def reconcile(self, _: str) -> Result:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def process(self, outcome: Result | Exception) -> float | None:
        """Reconcile a key. Returns in how many seconds it is ready again."""
        self.outcome = outcome
        self.queue.add("a")
        assert self.queue.take() == "a"
        run(self.controller.process("a"))
        return self.queue.delay()


def test_a_key_that_is_done_is_not_reconciled_again() -> None:
    assert Reconciled().process(Result.DONE) is None


def test_a_key_to_be_retried_waits_longer_each_time_until_it_is_done() -> None:
    reconciled = Reconciled()
    assert [reconciled.process(Result.RETRY) for _ in range(3)] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY]
    reconciled.process(Result.DONE)
    assert reconciled.process(Result.RETRY) == FIRST_RETRY
    assert reconciled.failures == []


@pytest.mark.parametrize(
    "error", [ApiError(409, {}), ApiError(503, {}), OSError("away"), TimeoutError(), KeyError("x")]
)
def test_a_failure_is_reported_and_retried(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    reconciled = Reconciled()
    assert reconciled.process(error) == FIRST_RETRY
    assert reconciled.failures == [error]
    assert ("a defect" in caplog.text) == isinstance(error, KeyError)


@pytest.mark.parametrize(("error", "longest"), [(ApiError(503, {}), AWAY_BACKOFF), (ApiError(409, {}), 60.0)])
def test_an_api_server_that_is_away_is_asked_again_soon(error: ApiError, longest: float) -> None:
    reconciled = Reconciled()
    assert max(reconciled.process(error) or 0 for _ in range(20)) == longest


def test_a_key_that_may_not_be_written_now_is_retried(caplog: pytest.LogCaptureFixture) -> None:
    """A lease that is renewed late is no lost one, and nothing else would add the key again."""
    reconciled = Reconciled()
    assert reconciled.process(NotLeading()) == FIRST_RETRY
    assert (reconciled.failures, caplog.records) == ([], [])


def test_a_key_that_waits_keeps_its_backoff() -> None:
    """A pass in which a task only lines up again says nothing of whether it can start."""
    reconciled = Reconciled()
    delays = []
    for _ in range(4):
        delays.append(reconciled.process(Result.RETRY))
        reconciled.process(Result.WAITING)
    assert delays == [FIRST_RETRY * 2**number for number in range(4)]
    reconciled.process(Result.DONE)
    assert reconciled.process(Result.RETRY) == FIRST_RETRY


def test_no_key_is_reconciled_twice_at_the_same_time_and_workers_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    running, most, seen = Counter[str](), [0], Counter[str]()

    async def reconcile(key: str) -> Result:
        running[key] += 1
        assert running[key] == 1
        most[0] = max(most[0], running.total())
        await asyncio.sleep(0)
        running[key] -= 1
        seen[key] += 1
        return Result.DONE

    async def story() -> None:
        queue: WorkQueue[str] = WorkQueue()
        working = asyncio.create_task(Controller(queue, reconcile, workers=3).run())
        for _ in range(5):
            for key in "abcdef":
                queue.add(key)
            await asyncio.sleep(0)
        await until(lambda: len(seen) == 6 and not running.total() and len(queue) == 0)
        assert not working.done()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    asyncio.run(story())
    assert most[0] == 3
