"""Everything is listed again, so that whatever was missed is reconciled."""

from __future__ import annotations

from djangotasks_api.names import TASK_PLURAL
from djangotasks_operator.cache.resync import FRESH_SECONDS, Resync
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from tests.support.builders import make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.model.calls import run


def resync(operator: InMemoryOperator) -> Resync:
    monitor = WatchMonitor(clock=operator.clock.seconds)
    return Resync(operator.reflectors, operator.store, operator.work, monitor)


def lists(operator: InMemoryOperator) -> int:
    return operator.api.requests.count(f"list {TASK_PLURAL}")


def test_a_list_enqueues_all_tasks() -> None:
    operator = make_operator(leads=False)
    operator.put_task(make_task())
    operator.work.open()
    run(resync(operator).list())
    assert len(operator.work.tasks) == 1


def test_a_fresh_list_is_not_repeated_for_a_new_leader() -> None:
    operator = make_operator(leads=False)
    operator.put_task(make_task())
    syncing, before = resync(operator), lists(operator)
    run(syncing.list_unless_fresh())
    operator.work.open()
    run(syncing.list_unless_fresh())
    assert (lists(operator) - before, len(operator.work.tasks)) == (1, 1)
    operator.clock.advance(FRESH_SECONDS + 1)
    run(syncing.list_unless_fresh())
    assert lists(operator) - before == 2
