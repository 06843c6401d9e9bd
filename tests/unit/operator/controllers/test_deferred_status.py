"""Informational status is written at a limited rate, and dropped when it is outdated."""

from __future__ import annotations

from djangotasks_api.phases import Phase
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers.deferred_status import PAUSE, DeferredStatus
from djangotasks_operator.runtime.controller import Result
from djangotasks_operator.runtime.rate_limit import TokenBucket
from tests.support.builders import NAMESPACE, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.model.calls import run

SLOW = 11.0


def slow_starts(*names: str) -> InMemoryOperator:
    """Tasks whose pods take their time to start."""
    operator = make_operator()
    operator.put_queue()
    for name in names:
        operator.put_task(make_task(name))
    operator.drain()
    operator.clock.advance(SLOW)
    return operator


def test_a_slow_start_is_written_apart_from_the_reconcile_of_the_task() -> None:
    operator = slow_starts("a")
    assert operator.reconcile("a") is Result.DONE
    assert operator.reconcile("a") is Result.DONE
    assert (operator.status("a").phase, len(operator.work.deferred_status)) == (Phase.QUEUED, 1)
    operator.drain()
    assert operator.status("a").phase is Phase.STARTING
    operator.reconcile("a")
    assert len(operator.work.deferred_status) == 0


def test_an_update_waits_for_a_token_and_is_dropped_when_it_is_outdated() -> None:
    operator = slow_starts("a", "b", "c")
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        """The task is deleted meanwhile."""
        slept.append(seconds)
        if (task := operator.store.task(Key(NAMESPACE, "b"))) is not None:
            operator.store.drop_task(task)

    limit = TokenBucket(1, 0.1, operator.clock.seconds)
    deferred = DeferredStatus(operator.writer, lambda: operator.clock.now, limit, sleep, operator.clock.seconds)
    for name in "ab":
        assert run(deferred.reconcile(Key(NAMESPACE, name))) is Result.DONE
    assert [operator.status(name).phase for name in "ab"] == [Phase.STARTING, Phase.QUEUED]
    assert slept == [10.0]
    # The token that b did not take.
    operator.clock.advance(10)
    run(deferred.reconcile(Key(NAMESPACE, "c")))
    assert (operator.status("c").phase, slept) == (Phase.STARTING, [10.0])


def test_an_api_server_that_is_slow_gets_fewer_updates() -> None:
    operator = slow_starts("a")
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    times = iter([5.0, 5.5])
    deferred = DeferredStatus(operator.writer, lambda: operator.clock.now, sleep=sleep, clock=lambda: next(times))
    run(deferred.reconcile(Key(NAMESPACE, "a")))
    assert (operator.status("a").phase, slept) == (Phase.STARTING, [0.5 * PAUSE])
