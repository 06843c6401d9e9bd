"""Retries of workflows, and tasks that go before them, without a cluster; and what is sent to one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, assert_type

import pytest
from django.tasks import task, task_backends
from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes import LocalBackend
from django_tasks_kubernetes.exceptions import NotRetryable, WorkflowFailed
from django_tasks_kubernetes.testing import in_memory
from django_tasks_kubernetes.workflows import ALWAYS, each, step, workflow
from django_tasks_kubernetes.workflows.result import WorkflowResult
from django_tasks_kubernetes.workflows.retry import retried
from tests.unit.backend.workflows.flows import note, total

BROKEN: set[int] = set()
RAN: list[int] = []


@pytest.fixture(autouse=True)
def _local(local: LocalBackend) -> None:
    BROKEN.clear()
    RAN.clear()


@task
def check(row: int) -> int:
    RAN.append(row)
    if row in BROKEN:
        raise ValueError(row)
    return row * 10


@workflow
def checks(number: int) -> list[object]:
    rows = each(check, range(number))
    summed = step(total)(rows)
    step(note, runs=ALWAYS, after=summed, name="clean")("clean")
    return [rows, summed]


def failed() -> WorkflowResult[list[object]]:
    BROKEN.add(1)
    result = checks.enqueue(3)
    BROKEN.clear()
    RAN.clear()
    assert result.phase == "Failed"
    return result


def test_a_retry_runs_what_had_not_succeeded() -> None:
    again = failed().retry()
    assert_type(again, WorkflowResult[list[object]])
    assert again.get() == [[0, 10, 20], {"title": "", "sum": 30}]
    assert RAN == [1]
    assert again.retry_of is not None
    assert [again.task_result("check", index).return_value for index in range(3)] == [0, 10, 20]
    assert again.task_result("check", 0).id.startswith(again.retry_of)


def test_a_retry_of_a_retry_and_of_many() -> None:
    BROKEN.update(range(0, 30, 3))
    first = checks.enqueue(30)
    BROKEN.difference_update(range(15))
    second = first.retry()
    assert second.phase == "Failed"
    BROKEN.clear()
    third = asyncio.run(second.aretry())
    assert third.get()[0] == [number * 10 for number in range(30)]


def test_what_succeeded_or_runs_cannot_be_retried() -> None:
    with pytest.raises(NotRetryable, match="succeeded"):
        checks.enqueue(1).retry()
    with in_memory(), pytest.raises(NotRetryable, match="is Pending\\. Wait for its end"):
        checks.enqueue(1).retry()


def test_a_retry_waits_in_memory_as_in_a_cluster() -> None:
    with in_memory() as cluster:
        result = checks.enqueue(2)
        cluster.workflows.advance()
        cluster.fail(f"{result.id}-check-00001", "OOMKilled")
        cluster.run_pending()
        result.refresh()
        again = result.retry()
        assert again.phase == "Pending"
        cluster.run_pending()
        assert RAN == [0, 1]
        assert again.get()[0] == [0, 10]


def test_a_retry_of_what_is_gone_fails_and_says_so() -> None:
    result = failed()
    store: Any = task_backends["default"]
    store.store.remove(f"{result.id}-check-00002")
    again = result.retry()
    with pytest.raises(WorkflowFailed, match=r"NotRetryable.*check-00002 of the earlier workflow was deleted"):
        again.get()


@workflow
def kept(keep: Any) -> object:
    rows = each(check, [1, 2], max_failed=1, keep=keep)
    return step(note, keep=keep)(step(total)(rows)["sum"])


@pytest.mark.parametrize(("keep", "left"), [("always", [0, 1]), ("on_failure", [1]), ("never", [])])
def test_tasks_that_go_before_their_workflow(keep: Any, left: list[int]) -> None:
    BROKEN.add(2)
    result = kept.enqueue(keep)
    assert result.get() == 10
    found = [task.id.rpartition("-")[2] for task in result.task_results() if "check" in task.id]
    assert [int(number) for number in found] == left
    if 0 not in left:
        with pytest.raises(TaskResultDoesNotExist, match="has ended, and was deleted since"):
            result.task_result("check", 0)


def test_what_is_no_way_to_keep_is_refused() -> None:
    with pytest.raises(ValueError, match="keep must be one of always, on_failure, never"):
        kept.enqueue("sometimes")


def test_the_resource_of_a_retry() -> None:
    body = {
        "metadata": {"name": "one", "uid": "u", "labels": {"djangotasks.dev/schedule": "nightly"}},
        "spec": {"queue": "q", "steps": [], "cancel": True, "idempotencyKey": "k"},
        "status": {"phase": "Cancelled"},
    }
    made = retried(body, datetime(2026, 11, 29, tzinfo=UTC))
    assert made["metadata"]["labels"] == {"djangotasks.dev/queue": "q", "djangotasks.dev/in-order": ""}
    assert made["spec"] == {
        "queue": "q",
        "steps": [],
        "enqueuedAt": "2026-11-29T00:00:00Z",
        "retryOf": {"name": "one", "uid": "u"},
    }
