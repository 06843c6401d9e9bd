"""Limits, priorities and ends hold through a quota of the namespace that was full."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import at, make_task
from tests.unit.operator.controllers.many_tasks import fail, put_tasks
from tests.unit.operator.harness import make_operator
from tests.unit.operator.model.calls import run


@pytest.mark.thorough
def test_concurrency_holds_through_a_quota_that_was_full() -> None:
    """A Job whose Pod was refused waits as any task does."""
    operator = make_operator()
    operator.put_queue(concurrency=2)
    operator.server.refusal = "exceeded quota: narrow"
    put_tasks(operator, "default", 40)
    for _ in range(20):
        operator.wait(30)
    operator.server.refusal = None
    operator.wait(60)
    operator.wait(60)
    assert len(operator.names("pods")) == 2


def test_a_rate_holds_through_a_quota_that_was_full() -> None:
    operator = make_operator()
    operator.put_queue(rate_limit={"starts": 3, "period_seconds": 3600})
    operator.server.refusal = "exceeded quota: narrow"
    put_tasks(operator, "default", 20)
    for _ in range(10):
        operator.wait(60)
    operator.server.refusal = None
    operator.wait(3600)
    operator.wait(60)
    assert len(operator.names("pods")) <= 3


@pytest.mark.parametrize(
    "hours", [0, pytest.param(1, marks=pytest.mark.thorough)], ids=["at once", "after hours of tries"]
)
def test_priority_holds_through_a_quota_that_was_full(hours: int) -> None:
    """Room goes to the task with the highest priority, however often that was refused before."""
    operator = make_operator()
    operator.put_queue()
    operator.put_task(make_task("running", uid="running"))
    operator.drain()
    operator.server.quotas = {"pods": 1}
    put_tasks(operator, "default", 5)
    operator.drain()
    operator.put_task(make_task("urgent", uid="urgent", priority=100))
    for _ in range(hours * 60):
        operator.wait(60)
    operator.drain()
    order = []
    for _ in range(6):
        (running,) = (
            body["metadata"]["name"]
            for body in operator.server.list("pods")
            if body.get("status", {}).get("phase") != "Succeeded"
        )
        order.append(running.removesuffix("-1"))
        operator.set_pod_status(running, {"phase": "Succeeded"})
        operator.wait(1)
    assert order[:3] == ["running", "urgent", "default-000"]


@pytest.mark.thorough
def test_a_task_that_fits_no_quota_is_no_hindrance() -> None:
    """Beside the tasks of its queue that fit, and of which there are always some."""
    operator = make_operator()
    operator.put_queue(concurrency=1)
    operator.put_task(make_task("huge", uid="huge", priority=100))
    fail(operator, "create pods huge-1", ApiError(403, {"message": "exceeded quota: narrow"}))
    put_tasks(operator, "default", 40)
    operator.drain()
    operator.api.requests.clear()
    seconds = 0.0
    while len(pods := operator.names("pods")) < 40:
        for name in pods:
            operator.server.update("pods", name, {"status": {"phase": "Succeeded"}})
        run(operator.reflectors.list())
        operator.wait(0.1)
        seconds += 0.1
        assert seconds < 20, "it costs others little time"
    assert sum("create pods huge" in request for request in operator.api.requests) <= 10


@pytest.mark.parametrize("restart", [False, True], ids=["", "after a restart"])
def test_a_suspended_queue_starts_nothing_that_a_quota_held(restart: bool) -> None:
    operator = make_operator()
    operator.put_queue()
    operator.server.refusal = "exceeded quota: narrow"
    put_tasks(operator, "default", 5)
    operator.drain()
    assert operator.names("jobs"), "the quota is on pods"
    operator.put_queue(suspended=True)
    operator.server.refusal = None
    if restart:
        operator = make_operator(operator.api)
    operator.wait(3600)
    assert operator.names("pods") == []
    operator.put_queue(suspended=False)
    operator.wait(60)
    assert len(operator.names("pods")) == 5


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"expires_at": at(100)}, Reason.EXPIRED), ({"priority": 50}, Reason.NOT_ALLOWED), ({"cancel": True}, None)],
    ids=["expired", "above a ceiling", "cancelled"],
)
def test_a_task_that_a_quota_held_ends_as_one_without_a_job(fields: dict[str, Any], reason: Reason | None) -> None:
    operator = make_operator()
    operator.put_queue()
    operator.server.refusal = "exceeded quota: narrow"
    cancel = fields.pop("cancel", False)
    operator.put_task(make_task(**fields))
    operator.drain()
    assert operator.names("jobs") == ["receipt-1"]
    operator.put_queue(ceilings={"priority": 1})
    if cancel:
        operator.server.update("djangotasks", "receipt", {"spec": {"cancel": True}})
        operator.relist()
    operator.wait(100)
    status = operator.status()
    assert status.phase is (Phase.CANCELLED if cancel else Phase.FAILED)
    assert reason is None or status.reason is reason
    operator.server.refusal = None
    operator.wait(60)
    assert operator.names("pods") == []
    conditions = operator.server.get("jobs", "receipt-1")["status"]["conditions"]
    assert [condition["type"] for condition in conditions] == ["FailureTarget", "Failed"], "its Job is finished"
