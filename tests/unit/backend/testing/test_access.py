"""Tasks that enqueue tasks under in_memory(): as in their pods, with the same limits of what they may see."""

import sys
from typing import Any

import pytest
from django.db import transaction
from django.dispatch import receiver
from django.tasks import TaskResultStatus, default_task_backend, task
from django.tasks.signals import task_finished

from django_tasks_kubernetes import exceptions
from django_tasks_kubernetes.result import EnqueuedBy
from django_tasks_kubernetes.testing import InMemoryCluster, in_memory
from tests.unit.backend import tasks
from tests.unit.backend.large_data import limited

BACKEND: Any = default_task_backend


@task
def enqueue_one() -> str:
    return str(tasks.echo.enqueue("child").id)


@task
async def enqueue_one_async() -> str:
    return str((await tasks.echo.aenqueue("child")).id)


@task
def wait_for_one() -> Any:
    result: Any = tasks.echo.enqueue("child")
    return result.get(timeout=60)


@task
def read(result_id: str) -> str:
    return str(BACKEND.get_result(result_id).status)


@task
def wait_for(result_id: str) -> str:
    return str(BACKEND.get_result(result_id).wait(timeout=60).status)


@task
def cancel(result_id: str) -> None:
    BACKEND.cancel(result_id)


@task
def count() -> int:
    return sum(1 for _ in BACKEND.results())


@pytest.mark.parametrize("parent", [enqueue_one, enqueue_one_async])
def test_a_child_says_who_enqueued_it(parent: Any) -> None:
    with in_memory() as cluster:
        first = parent.enqueue()
        cluster.run_pending()
        child = BACKEND.get_result(BACKEND.get_result(first.id).return_value)
        assert child.enqueued_by == EnqueuedBy(id=first.id, attempt=1)
        assert cluster.resources[child.id]["metadata"]["labels"]["djangotasks.dev/enqueued-by"] == first.id
        assert BACKEND.get_result(first.id).enqueued_by is None


def test_a_task_waits_for_what_it_has_enqueued() -> None:
    with in_memory() as cluster:
        parent: Any = wait_for_one.enqueue()
        cluster.run_pending()
        parent.refresh()
        assert parent.return_value == {"args": ["child"], "kwargs": {}}


@task
def enqueue_two() -> list[str]:
    """As in a pod, the threads of enqueue_many() are the task's."""
    return [result.enqueued_by.id for result in BACKEND.enqueue_many([(tasks.echo,), (tasks.echo,)]).accepted]


def test_children_of_enqueue_many_say_so_too() -> None:
    with in_memory() as cluster:
        parent = enqueue_two.enqueue()
        cluster.run_pending()
        assert BACKEND.get_result(parent.id).return_value == [parent.id, parent.id]


@task
def look_at_child() -> list[Any]:
    """Within a transaction, and after it."""
    with transaction.atomic():
        child: Any = tasks.echo.enqueue("child")
        before = child.enqueued_by
    return [before and before.id, child.enqueued_by.id]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("mode", "known_before"), [("immediate", True), ("on_commit", False)])
def test_the_result_of_enqueue_says_so_once_the_child_is_created(mode: str, known_before: bool) -> None:
    with limited(ENQUEUE=mode), in_memory() as cluster:
        parent: Any = look_at_child.enqueue()
        cluster.run_pending()
        before, after = BACKEND.get_result(parent.id).return_value
        assert (before, after) == (parent.id if known_before else None, parent.id)
        assert parent.enqueued_by is None


@pytest.mark.parametrize("task", [read, wait_for, cancel], ids=["read", "wait", "cancel"])
def test_a_task_sees_its_own_alone(task: Any) -> None:
    with in_memory() as cluster:
        foreign = tasks.echo.enqueue()
        first = task.enqueue(foreign.id)
        cluster.run_pending()
        error = BACKEND.get_result(first.id).errors[-1]
        assert error.exception_class is exceptions.PermissionDenied
        assert f"Task {foreign.id} was not enqueued by this task" in error.traceback
        assert BACKEND.get_result(foreign.id).status == TaskResultStatus.SUCCESSFUL


def returned(cluster: InMemoryCluster, task: Any, *args: Any) -> Any:
    result = task.enqueue(*args)
    cluster.run_pending()
    return BACKEND.get_result(result.id).return_value


def test_what_a_task_lists_is_its_own() -> None:
    with in_memory() as cluster:
        tasks.echo.enqueue()
        assert returned(cluster, count) == 1  # itself
        cluster.task_access = "Namespace"
        assert returned(cluster, count) == 3


def test_a_test_widens_it_as_a_queue_does() -> None:
    with in_memory() as cluster:
        foreign = tasks.echo.enqueue()
        cluster.task_access = "Namespace"
        assert returned(cluster, read, foreign.id) == "SUCCESSFUL"
        cluster.task_access = "None"
        first = enqueue_one.enqueue()
        cluster.run_pending()
        assert "has taskAccess: None" in BACKEND.get_result(first.id).errors[-1].traceback


def test_a_receiver_of_task_finished_enqueues_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    """In a pod, the outcome is sent by then. Packages enqueue their own retries there."""
    seen: list[str] = []
    with in_memory() as cluster:

        @receiver(task_finished)
        def enqueue_next(task_result: Any, **_: Any) -> None:
            if task_result.args == ["first"]:
                tasks.echo.enqueue("next")
                BACKEND.get_result(task_result.id)
                seen.append("it may read")

        try:
            first = tasks.echo.enqueue("first")
            cluster.run_pending()
        finally:
            task_finished.disconnect(enqueue_next)
        (child,) = set(cluster.resources) - {first.id}
        assert cluster.resources[child]["spec"]["enqueuedBy"]["name"] == first.id
    assert seen == []
    assert any("may enqueue for half a minute" in str(record.exc_info) for record in caplog.records)


def test_a_child_that_a_task_waits_for_runs_outside_of_exceptions() -> None:
    """Reporters of errors look at sys.exc_info() when a task has finished."""
    seen: list[Any] = []

    @receiver(task_finished)
    def look(**_: Any) -> None:
        seen.append(sys.exc_info()[1])

    try:
        with in_memory() as cluster:
            wait_for_one.enqueue()
            assert [result.status for result in cluster.run_pending()] == ["SUCCESSFUL"]
    finally:
        task_finished.disconnect(look)
    assert seen == [None, None]
