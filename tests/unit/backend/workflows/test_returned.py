"""Tasks that return workflows, without a cluster."""

from collections.abc import Iterator
from typing import Any, assert_type

import pytest
from django.tasks import TaskResultStatus, task, task_backends
from django.tasks.exceptions import InvalidTask
from django.test import override_settings

from django_tasks_kubernetes.exceptions import PermissionDenied, TaskFailed, TaskRefused, WorkflowFailed
from django_tasks_kubernetes.signals import task_ended
from django_tasks_kubernetes.testing import InMemoryCluster, in_memory
from django_tasks_kubernetes.workflows import call, chain, each, group, step, workflow
from djangotasks_api.workflow.bounds import NESTING
from tests.unit.backend.workflows.flows import LOCAL, add, fail


@workflow
def sum_of(count: int) -> int:
    return step(total)(each(double, list(range(count))))


@task
def double(number: int) -> int:
    return 2 * number


@task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@task
def decide(count: int) -> int:
    """A branch that is known only now."""
    if count < 2:
        return -1
    return sum_of.as_result(count)


@task
async def adecide(count: int) -> int:
    return sum_of.as_result(count)


@workflow
def counted_down(left: int) -> str:
    return step(count_down)(left)


@task
def count_down(left: int) -> str:
    """A loop whose length is known only now."""
    return counted_down.as_result(left - 1) if left else "done"


@workflow
def outer(count: int) -> list[int]:
    return [step(add)(step(decide)(count), 1000), step(decide)(0)]


@task
def in_vain() -> Any:
    return chain(call(fail)).as_result()


@task
def forgetful(count: int) -> None:
    sum_of.as_result(count)


@task
def nested_in_a_list() -> Any:
    return [sum_of.as_result(2)]


@task
def enqueued() -> Any:
    return sum_of.enqueue(2)


@task
def use_it() -> Any:
    return sum_of.as_result(2).real


@pytest.fixture(params=["local", "memory"])
def memory(request: pytest.FixtureRequest) -> Iterator[InMemoryCluster | None]:
    if request.param == "memory":
        with in_memory() as cluster:
            yield cluster
    else:
        with override_settings(TASKS=LOCAL):
            found: Any = task_backends["default"]
            found.clear()
            yield None


@pytest.mark.parametrize("task", [decide, adecide])
def test_the_result_of_the_workflow_is_that_of_the_task(memory: Any, task: Any) -> None:
    result = task.enqueue(5)
    assert result.get(timeout=60) == 20
    assert result.status == TaskResultStatus.SUCCESSFUL
    assert result.attempts == 1


def test_its_type_is_that_of_the_result() -> None:
    with override_settings(TASKS=LOCAL):
        found = sum_of.as_result(3)
        assert_type(found, int)
        assert repr(found).startswith("<the workflow tests.unit.backend.workflows.test_returned.sum_of, to be")


def test_a_step_may_return_one(memory: Any) -> None:
    result = outer.enqueue(3)
    assert result.get(timeout=60) == [1006, -1]
    assert result.task_result("decide").return_value == 6


def test_a_loop(memory: Any) -> None:
    assert counted_down.enqueue(5).get(timeout=60) == "done"
    assert group(call(count_down, 3), call(count_down, 0)).enqueue().get(timeout=60) == ["done", "done"]


@pytest.mark.thorough
def test_it_is_bounded(memory: Any) -> None:
    count_down.enqueue(NESTING.most)
    result: Any = count_down.enqueue(NESTING.most + 1)
    with pytest.raises(TaskFailed, match="WorkflowFailed"):
        result.get(timeout=60)
    backend: Any = task_backends["default"]
    deepest = [found for found in backend.results() if found.errors and found.errors[0].exception_class is TaskRefused]
    assert f"may be {NESTING.most} deep in each other" in deepest[0].errors[0].traceback


def test_its_failure_is_the_tasks(memory: Any) -> None:
    result: Any = in_vain.enqueue()
    with pytest.raises(TaskFailed, match=r"The workflow \S+, which it returned, is Failed, StepFailed: fail: "):
        result.get(timeout=60)
    with pytest.raises(WorkflowFailed, match=r"in-vain: .*which it returned, is Failed"):
        chain(call(in_vain)).enqueue().get(timeout=60)


def test_it_is_returned_and_nothing_else(memory: Any) -> None:
    for wrong, words in (
        (nested_in_a_list, "ReturnedWorkflow is not JSON. A task returns it alone"),
        (enqueued, r"WorkflowResult is not JSON. Its id is. To go on as the workflow, a task returns as_result\(\)"),
        (use_it, "Return it, and no more"),
    ):
        with pytest.raises(TaskFailed, match=words):
            wrong.enqueue().get(timeout=60)  # type: ignore[attr-defined]


def test_one_that_is_not_returned_is_said_in_the_log(memory: Any, caplog: pytest.LogCaptureFixture) -> None:
    """No workflow was created, and nothing said so: as a coroutine that is never awaited."""
    results: list[Any] = [forgetful.enqueue(3)]
    assert results[0].get(timeout=60) is None
    assert f"{__name__}.sum_of.as_result() was called, and the task returned nothing" in caplog.text
    caplog.clear()
    results.append(decide.enqueue(3))
    assert results[1].get(timeout=60) == 6
    assert "as_result() was called" not in caplog.text


def test_it_is_for_tasks() -> None:
    @workflow
    def wrong() -> int:
        return sum_of.as_result(2)

    with override_settings(TASKS=LOCAL), pytest.raises(TypeError, match="Within a workflow call"):
        wrong.enqueue()
    backend: Any = task_backends["default"]
    with pytest.raises(InvalidTask, match="Elsewhere use enqueue"):
        backend.create_returned_workflow({})


def test_a_queue_may_refuse_it() -> None:
    with in_memory() as cluster:
        cluster.returned_workflows = "Refused"
        result: Any = decide.enqueue(2)
        cluster.run_pending()
        result.refresh()
        assert result.errors[0].exception_class is PermissionDenied
        assert "returnedWorkflows: Allowed" in result.errors[0].traceback


def test_a_task_that_is_cancelled_cancels_it() -> None:
    @workflow
    def around() -> int:
        decided: int = step(decide)(4)
        return step(double)(decided)

    with in_memory() as cluster:
        result = around.enqueue()
        cluster.workflows.advance()
        (parent,) = cluster.resources
        cluster._run(cluster.resources[parent])
        inner = cluster.resources[parent]["status"]["returnedWorkflow"]
        assert not cluster.results[0].is_finished
        result.cancel("enough")
        cluster.run_pending()
        result.refresh()
        assert result.phase == "Cancelled"
        assert cluster.workflows.resources[inner]["status"]["phase"] == "Cancelled"
        assert [found.is_finished for found in cluster.results] == [True]


def test_no_pod_reports_its_end() -> None:
    seen: list[Any] = []

    def receiver(task_result: Any, reported: bool, **kwargs: Any) -> None:
        if task_result.task.func is decide.func:
            seen.append((task_result.return_value, reported))

    task_ended.connect(receiver)
    try:
        with override_settings(TASKS=LOCAL):
            decide.enqueue(3)
            decide.enqueue(1)
    finally:
        task_ended.disconnect(receiver)
    assert seen == [(6, False), (-1, True)]
