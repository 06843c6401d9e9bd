"""What a schedule does across leaders, deletions and clocks that were wrong."""

from __future__ import annotations

from djangotasks_api.names import scheduled_task_name
from tests.unit.operator.controllers.scheduled_times import FIRST, MINUTE, condition, end, task_names, to
from tests.unit.operator.harness import InMemoryOperator


def test_a_finished_task_is_kept_until_it_is_recorded(operator: InMemoryOperator) -> None:
    """Deleted before, it would be created a second time by the next leader."""
    operator.put_schedule(task={"task": "a.b", "queue": "missing", "policy": {"ttlSecondsAfterFinished": 0}})
    to(operator, 0)
    (name,) = task_names(operator)
    end(operator, name)
    operator.drain()
    assert task_names(operator) == [name]
    to(operator, 50)
    assert operator.schedule_status()["lastTask"] == name
    # And for as long as a request of a former leader may come.
    assert task_names(operator) == [name]
    to(operator, 80)
    assert name not in task_names(operator)


def test_a_new_leader_does_nothing_again(operator: InMemoryOperator) -> None:
    operator.put_schedule(catchUp="All", concurrencyPolicy="Allow")
    to(operator, 0)
    operator.lead()
    operator.drain()
    assert len(task_names(operator)) == 1
    to(operator, 130)
    assert len(task_names(operator)) == 3


def test_what_ended_while_nobody_led_is_in_nobodys_way(operator: InMemoryOperator) -> None:
    """A new leader finds the task unfinished, and its pod ended."""
    operator.put_schedule()
    to(operator, 20)
    (first,) = task_names(operator)
    operator.clock.advance(60)
    operator.lead()
    operator.drain()
    assert task_names(operator) == [first]
    end(operator, first)
    operator.wait(5)
    assert len(task_names(operator)) == 2
    assert "skipped" not in operator.schedule_status()


def test_a_clock_that_was_ahead_is_said_and_resuming_goes_on_from_now(operator: InMemoryOperator) -> None:
    """celery#5892"""
    operator.put_schedule(concurrencyPolicy="Allow")
    operator.drain()
    operator.clock.advance(365 * 86_400)
    operator.drain()
    operator.clock.advance(-365 * 86_400)
    to(operator, 130)
    assert len(task_names(operator)) == 1
    assert condition(operator) == ("False", "ClockWasAhead")
    assert "Suspend and resume" in operator.schedule_status()["conditions"][0]["message"]
    operator.put_schedule(concurrencyPolicy="Allow", suspended=True)
    operator.drain()
    assert condition(operator) == ("True", "Suspended")
    operator.put_schedule(concurrencyPolicy="Allow", suspended=False)
    to(operator, 190)
    assert condition(operator) == ("True", "Ready")
    assert scheduled_task_name("nightly", FIRST + 3 * MINUTE) in task_names(operator)


def test_a_clock_that_is_set_forward_is_noticed(operator: InMemoryOperator) -> None:
    """The next look is seconds away, whatever the timer says."""
    operator.put_schedule(cron=["@daily"])
    operator.drain()
    operator.clock.advance(86_400)
    operator.drain()
    assert len(task_names(operator)) == 1
