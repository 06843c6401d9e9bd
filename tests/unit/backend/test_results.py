"""Results of a queue, a status or a task, and to cancel one, with an API server in memory."""

import asyncio
import uuid
from typing import Any

import pytest
from django.tasks import TaskResultStatus, default_task_backend
from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes import exceptions
from django_tasks_kubernetes.testing import InMemoryCluster
from tests.unit.backend import tasks

ECHO: Any = tasks.echo
BACKEND: Any = default_task_backend


def test_cancel_fails_a_queued_task(cluster: InMemoryCluster) -> None:
    result = ECHO.enqueue()
    cancelled = BACKEND.cancel(result.id, "no longer needed")
    assert (cancelled.id, cancelled.status) == (result.id, TaskResultStatus.FAILED)
    assert cancelled.errors[0].exception_class is exceptions.Cancelled
    assert "no longer needed" in cancelled.errors[0].traceback
    assert cluster.run_pending() == []
    assert asyncio.run(BACKEND.acancel(result.id)) == BACKEND.get_result(result.id)
    for id_ in (str(uuid.uuid4()), "../secrets"):
        with pytest.raises(TaskResultDoesNotExist):
            BACKEND.cancel(id_)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"done", "mail", "failed"}),
        ({"queue": "mail"}, {"mail"}),
        ({"status": "READY"}, {"mail"}),
        ({"status": TaskResultStatus.SUCCESSFUL}, {"done"}),
        ({"status": "FAILED"}, {"failed"}),
        ({"status": "RUNNING"}, set()),
        ({"task": tasks.fails}, {"failed"}),
        ({"task": "tests.unit.backend.tasks.echo", "queue": "default"}, {"done"}),
    ],
)
def test_results_of_queue_status_and_task(cluster: InMemoryCluster, query: dict[str, Any], expected: set[str]) -> None:
    made = {"done": ECHO.enqueue().id, "failed": tasks.fails.enqueue().id}
    cluster.run_pending()
    made["mail"] = ECHO.using(queue_name="mail").enqueue().id
    found = {result.id for result in BACKEND.results(**query)}
    assert found == {made[name] for name in expected}


def test_results_leave_out_what_does_not_import(cluster: InMemoryCluster, caplog: pytest.LogCaptureFixture) -> None:
    gone, left = ECHO.enqueue(), ECHO.enqueue()
    cluster.resources[gone.id]["spec"]["task"] = "shop.tasks.removed"
    assert [result.id for result in BACKEND.results()] == [left.id]
    assert f"Task result {gone.id} is of shop.tasks.removed" in caplog.text


def test_results_refuse_an_unknown_status(cluster: InMemoryCluster) -> None:
    with pytest.raises(ValueError, match="'DONE' is not a valid"):
        list(BACKEND.results(status="DONE"))
