"""A task or workflow that has the name of a scheduled time, and whether it is its run."""

from __future__ import annotations

import pytest

from djangotasks_api.names import TASK_PLURAL, WORKFLOW_PLURAL, scheduled_task_name
from tests.unit.operator.controllers.scheduled_times import FIRST, task_names, to
from tests.unit.operator.harness import InMemoryOperator


def test_a_task_that_is_not_its_own_keeps_its_name(operator: InMemoryOperator) -> None:
    operator.put_schedule()
    name = scheduled_task_name("nightly", FIRST)
    operator.server.create(TASK_PLURAL, {"metadata": {"name": name}, "spec": {"task": "a.b"}})
    to(operator, 10)
    assert operator.schedule_status()["skipped"]["reason"] == "NameTaken"
    assert task_names(operator) == [name]


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("changed", [{"task": "a.b"}, {"runAfter": "2099-01-01T00:00:00Z"}])
def test_another_task_that_says_that_it_is_its_own_is_none(
    operator: InMemoryOperator, changed: dict[str, str], seen: bool
) -> None:
    """Who may create tasks may write this, and nobody would miss the run."""
    operator.put_schedule()
    spec = {"task": "shop.tasks.nightly", "schedule": "nightly", "scheduledFor": FIRST.isoformat()} | changed
    operator.server.create(TASK_PLURAL, {"metadata": {"name": scheduled_task_name("nightly", FIRST)}, "spec": spec})
    if seen:
        operator.relist()
    to(operator, 10)
    assert operator.schedule_status()["skipped"]["reason"] == "NameTaken"
    assert "lastTask" not in operator.schedule_status()


def test_another_workflow_that_says_that_it_is_its_own_is_none(operator: InMemoryOperator) -> None:
    steps = [{"name": "first", "task": "shop.tasks.a"}]
    operator.put_schedule(workflow={"workflow": "shop.flows.nightly", "steps": steps})
    spec = {"workflow": "shop.flows.other", "steps": steps, "schedule": "nightly", "scheduledFor": FIRST.isoformat()}
    name = scheduled_task_name("nightly", FIRST)
    operator.server.create(WORKFLOW_PLURAL, {"metadata": {"name": name}, "spec": spec})
    operator.relist()
    to(operator, 10)
    assert operator.schedule_status()["skipped"]["reason"] == "NameTaken"


def test_a_backfilled_task_is_the_task_of_its_time(operator: InMemoryOperator) -> None:
    """Somebody has created it, as `manage.py schedules backfill` does."""
    operator.put_schedule()
    name = scheduled_task_name("nightly", FIRST)
    spec = {"task": "shop.tasks.nightly", "schedule": "nightly", "scheduledFor": FIRST.isoformat()}
    operator.server.create(TASK_PLURAL, {"metadata": {"name": name}, "spec": spec})
    operator.relist()
    to(operator, 10)
    assert operator.schedule_status()["lastTask"] == name
    assert "skipped" not in operator.schedule_status()
