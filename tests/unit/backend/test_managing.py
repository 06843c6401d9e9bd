"""Idempotency keys, cancel(), retry() and results(), with an API server in memory."""

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.tasks import TaskResultStatus, default_task_backend
from django.tasks.exceptions import TaskResultDoesNotExist
from django.tasks.signals import task_enqueued

from django_tasks_kubernetes import exceptions
from django_tasks_kubernetes.codec import selector
from django_tasks_kubernetes.testing import InMemoryCluster, in_memory
from tests.unit.backend import tasks

ECHO: Any = tasks.echo
BACKEND: Any = default_task_backend


@pytest.fixture
def cluster() -> Iterator[InMemoryCluster]:
    with in_memory() as cluster:
        yield cluster


def test_the_same_key_gives_the_first_result(cluster: InMemoryCluster) -> None:
    told: list[str] = []

    def receiver(task_result: Any, **_: Any) -> None:
        told.append(task_result.id)

    task_enqueued.connect(receiver)
    try:
        first = ECHO.using(idempotency_key="order-1").enqueue(1)
        cluster.run_pending()
        again = ECHO.using(idempotency_key="order-1").enqueue(2)
        async_again = asyncio.run(ECHO.using(idempotency_key="order-1").aenqueue(3))
    finally:
        task_enqueued.disconnect(receiver)
    assert str(uuid.UUID(first.id)) == first.id
    assert again.id == async_again.id == first.id
    assert (again.args, again.status) == ([1], TaskResultStatus.SUCCESSFUL)
    assert (len(cluster.resources), told) == (1, [first.id])


def test_other_keys_and_other_tasks_are_others(cluster: InMemoryCluster) -> None:
    made = [ECHO.using(idempotency_key=key).enqueue() for key in ("a", "b", "a b")]
    other: Any = tasks.fails
    made.append(other.using(idempotency_key="a").enqueue())
    assert len({result.id for result in made}) == 4


def test_cancel(cluster: InMemoryCluster) -> None:
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


def test_retry_makes_a_new_task(cluster: InMemoryCluster) -> None:
    failed = tasks.fails
    first: Any = failed.using(priority=7, timeout=60, expires=60, idempotency_key="once").enqueue("no")  # type: ignore[call-arg]
    with pytest.raises(exceptions.NotFinished, match=f"Task {first.id} is not finished. Wait for its end"):
        BACKEND.retry(first.id)
    cluster.run_pending()
    second = BACKEND.retry(first.id)
    third = asyncio.run(BACKEND.aretry(first.id))
    assert len({first.id, second.id, third.id}) == 3
    assert (second.status, second.args, second.task.priority) == (TaskResultStatus.READY, ["no"], 7)
    spec = cluster.resources[second.id]["spec"]
    assert (spec["retryOf"], spec["policy"]) == (first.id, {"timeoutSeconds": 60})
    assert not {"expiresAt", "idempotencyKey", "cancel"} & spec.keys()


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
def test_results(cluster: InMemoryCluster, query: dict[str, Any], expected: set[str]) -> None:
    made = {"done": ECHO.enqueue().id, "failed": tasks.fails.enqueue().id}
    cluster.run_pending()
    made["mail"] = ECHO.using(queue_name="mail").enqueue().id
    found = {result.id for result in BACKEND.results(**query)}
    assert found == {made[name] for name in expected}


def test_what_does_not_import_is_left_out(cluster: InMemoryCluster, caplog: pytest.LogCaptureFixture) -> None:
    gone, left = ECHO.enqueue(), ECHO.enqueue()
    cluster.resources[gone.id]["spec"]["task"] = "shop.tasks.removed"
    assert [result.id for result in BACKEND.results()] == [left.id]
    assert f"Task result {gone.id} is of shop.tasks.removed" in caplog.text


def test_a_status_that_there_is_not(cluster: InMemoryCluster) -> None:
    with pytest.raises(ValueError, match="'DONE' is not a valid"):
        list(BACKEND.results(status="DONE"))


def test_the_selector() -> None:
    running = selector(queue="mail", status=TaskResultStatus.RUNNING, task="a.b")
    assert running == "spec.queue=mail,spec.task=a.b,status.phase=Running"
    ready = selector(queue=None, status=TaskResultStatus.READY, task=None)
    assert ready == "status.phase!=Running,status.phase!=Succeeded,status.phase!=Failed,status.phase!=Cancelled"
    assert selector(queue=None, status=None, task=None) == ""
