"""Who waits for a task in memory, alone or beside others that do."""

import asyncio
import threading
from typing import Any

import pytest
from django.tasks import default_task_backend, task

from django_tasks_kubernetes import exceptions
from django_tasks_kubernetes.context import KubernetesTaskContext
from django_tasks_kubernetes.testing import InMemoryCluster
from django_tasks_kubernetes.workflows import step, workflow
from tests.unit.backend import tasks

BACKEND: Any = default_task_backend
SECONDS = 20
STARTED, GO_ON = threading.Event(), threading.Event()
RUNS: list[int] = []


@task
def takes_long() -> str:
    RUNS.append(threading.get_ident())
    STARTED.set()
    GO_ON.wait(SECONDS)
    return "done"


@task(takes_context=True)  # type: ignore[arg-type]
def waits_for_itself(context: KubernetesTaskContext) -> None:
    BACKEND.get_result(context.task_result.id).wait(timeout=SECONDS)


@workflow
def keeps_nothing() -> Any:
    return step(tasks.returns_item)(step(tasks.returns_item, keep="never")(1))


def first_task(cluster: InMemoryCluster) -> Any:
    keeps_nothing.enqueue()
    cluster.workflows.advance()
    (name,) = cluster.resources
    return BACKEND.get_result(name)


def test_a_task_that_its_workflow_does_not_keep_has_ended_for_who_waits(cluster: InMemoryCluster) -> None:
    assert first_task(cluster).wait(timeout=SECONDS).return_value == 1


def test_it_has_for_async_code_too(cluster: InMemoryCluster) -> None:
    assert asyncio.run(first_task(cluster).await_(timeout=SECONDS)).return_value == 1


def test_what_running_raises_is_raised_where_async_code_waits(
    cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def advance() -> None:
        raise LookupError("of the workflows")

    result: Any = tasks.echo.enqueue()
    monkeypatch.setattr(cluster.workflows, "advance", advance)
    with pytest.raises(LookupError, match="of the workflows"):
        asyncio.run(result.await_(timeout=SECONDS))


def test_several_tasks_are_waited_for_together(cluster: InMemoryCluster) -> None:
    async def main() -> Any:
        results: Any = [await tasks.async_echo.aenqueue(number) for number in range(3)]
        return await asyncio.gather(*(result.aget(timeout=SECONDS) for result in results))

    assert [value["args"] for value in asyncio.run(main())] == [[0], [1], [2]]


def test_a_task_that_waits_for_itself_does_not_wait_for_ever(cluster: InMemoryCluster) -> None:
    waits_for_itself.enqueue()
    assert cluster.run_pending()[0].errors[0].exception_class is exceptions.WaitTimeout


def test_of_two_threads_one_runs_a_task_and_the_other_waits_for_it(cluster: InMemoryCluster) -> None:
    """As a live server's and that of its test."""
    for one in (STARTED, GO_ON):
        one.clear()
    RUNS.clear()
    result: Any = takes_long.enqueue()
    thread = threading.Thread(target=cluster.run_pending, daemon=True)
    thread.start()
    try:
        assert STARTED.wait(SECONDS)
        assert cluster.run_pending() == []
        threading.Timer(0.05, GO_ON.set).start()
        assert result.wait(timeout=SECONDS).return_value == "done"
    finally:
        GO_ON.set()
        thread.join(SECONDS)
    assert [thread.ident] == RUNS
