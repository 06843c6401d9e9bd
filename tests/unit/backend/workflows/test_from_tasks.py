"""Workflows that tasks enqueue, without a cluster: as in their pods, with the same limits of what they may see."""

from typing import Any

import pytest
from django.tasks import TaskResultStatus, default_task_backend, task
from django.test import override_settings

from django_tasks_kubernetes.exceptions import PermissionDenied
from django_tasks_kubernetes.result import EnqueuedBy
from django_tasks_kubernetes.testing import in_memory
from django_tasks_kubernetes.workflows import call, chain
from tests.unit.backend.workflows.flows import LOCAL, add

BACKEND: Any = default_task_backend


def flow() -> Any:
    return chain(call(add, 1, 2), call(add, 10))


@task
def enqueue_one() -> str:
    return str(flow().enqueue().id)


@task
def wait_for_one() -> list[Any]:
    result = flow().enqueue()
    value = result.get(timeout=60)
    return [value, result.task_result("add").return_value, sum(1 for _ in result.task_results())]


@task
async def await_one() -> list[Any]:
    result = await flow().aenqueue()
    return [await result.aget(timeout=60), 3, 2]


@task
def read(workflow_id: str) -> str:
    return str(BACKEND.get_workflow(workflow_id).status)


@task
def wait_for(workflow_id: str) -> str:
    return str(BACKEND.get_workflow(workflow_id).wait(timeout=60).status)


@task
def cancel(workflow_id: str) -> None:
    BACKEND.get_workflow(workflow_id).cancel()


def test_a_workflow_says_who_enqueued_it_and_so_do_its_tasks() -> None:
    with in_memory() as cluster:
        parent = enqueue_one.enqueue()
        cluster.run_pending()
        found = BACKEND.get_workflow(BACKEND.get_result(parent.id).return_value)
        assert found.enqueued_by == EnqueuedBy(id=parent.id, attempt=1)
        assert {each.enqueued_by for each in found.task_results()} == {found.enqueued_by}
        assert found.return_value == 13
        assert flow().enqueue().enqueued_by is None


@pytest.mark.parametrize("parent", [wait_for_one, await_one])
def test_a_task_waits_for_what_it_has_enqueued(parent: Any) -> None:
    with in_memory() as cluster:
        result = parent.enqueue()
        cluster.run_pending()
        result.refresh()
        assert result.status == TaskResultStatus.SUCCESSFUL, result.errors
        assert result.return_value == [13, 3, 2]
    with override_settings(TASKS=LOCAL):
        assert parent.enqueue().return_value == [13, 3, 2]


@pytest.mark.parametrize("task", [read, wait_for, cancel], ids=["read", "wait", "cancel"])
def test_a_task_sees_its_own_alone(task: Any) -> None:
    with in_memory() as cluster:
        foreign = flow().enqueue()
        first = task.enqueue(foreign.id)
        cluster.run_pending()
        error = BACKEND.get_result(first.id).errors[-1]
        assert error.exception_class is PermissionDenied
        assert f"Workflow {foreign.id} was not enqueued by this task" in error.traceback
        cluster.task_access = "Namespace"
        second = task.enqueue(foreign.id)
        cluster.run_pending()
        assert BACKEND.get_result(second.id).status == TaskResultStatus.SUCCESSFUL


def test_none_is_enqueued_where_nothing_is_allowed() -> None:
    with in_memory() as cluster:
        cluster.task_access = "None"
        result = enqueue_one.enqueue()
        cluster.run_pending()
        assert BACKEND.get_result(result.id).errors[-1].exception_class is PermissionDenied
