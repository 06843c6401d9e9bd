"""Workflows drawn in Python, enqueued by KubernetesBackend, run by the operator."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from django.tasks import TaskResultStatus
from django.tasks.exceptions import TaskResultDoesNotExist
from shop import probes

from django_tasks_kubernetes.exceptions import WaitTimeout, WorkflowFailed
from django_tasks_kubernetes.workflows import ALWAYS, ON_FAILURE, call, chain, each, step, workflow
from tests.support.tasks import FINISH_SECONDS

if TYPE_CHECKING:
    from django.tasks.backends.base import BaseTaskBackend

LARGE = 2**53 + 1


@workflow
def numbers(start: int) -> dict[str, Any]:
    first = step(probes.add)(start, 1)
    mapped = each(probes.add, [1, 2, LARGE], 10, max_parallel=2)
    lane = each(probes.add, mapped, 100)
    last: Any = step(probes.echo)(first, lane)
    return {"first": first, "args": last["args"]}


@workflow
def broken() -> None:
    first = step(probes.fail)()
    step(probes.echo, runs=ON_FAILURE)(first)
    step(probes.add, after=first, runs=ALWAYS)(2, 2)


def test_a_workflow_is_enqueued_and_its_result_comes_back(backend: BaseTaskBackend) -> None:
    result = numbers.enqueue(1)
    assert result.get(timeout=FINISH_SECONDS) == {"first": 2, "args": [2, [111, 112, LARGE + 110]]}
    assert result.status == TaskResultStatus.SUCCESSFUL
    assert result.progress is not None
    assert result.progress.done == result.progress.total == 8
    assert result.task_result("add-2", 2).return_value == LARGE + 10
    assert len(list(result.task_results())) == 8
    again: Any = backend.get_workflow(result.id)  # type: ignore[attr-defined]  # of this backend
    assert again.return_value == result.return_value


def test_asynchronous_callers_wait_too(backend: BaseTaskBackend) -> None:
    async def story() -> Any:
        result = await chain(call(probes.add, 1, 2), call(probes.add, 10)).aenqueue()
        return await result.aget(timeout=FINISH_SECONDS)

    assert asyncio.run(story()) == 13


def test_a_failure_is_raised_and_its_handlers_have_run(backend: BaseTaskBackend) -> None:
    result = broken.enqueue()
    with pytest.raises(WorkflowFailed, match="StepFailed"):
        result.get(timeout=FINISH_SECONDS)
    assert {name: found.phase.value for name, found in result.steps.items()} == {
        "fail": "Failed",
        "echo": "Succeeded",
        "add": "Succeeded",
    }


def test_a_cancelled_workflow_ends(backend: BaseTaskBackend) -> None:
    @workflow
    def slow() -> None:
        step(probes.sleep)(600)

    result = slow.enqueue()
    with pytest.raises(WaitTimeout, match="is not finished after"):
        result.wait(timeout=1)
    result.cancel("no longer needed")
    result.wait(timeout=FINISH_SECONDS)
    assert (result.phase, result.message) == ("Cancelled", "no longer needed")


def test_a_workflow_that_is_not_there(backend: BaseTaskBackend) -> None:
    with pytest.raises(TaskResultDoesNotExist):
        backend.get_workflow("7d2f9f2c-2f0e-4f4e-9b0e-000000000000")  # type: ignore[attr-defined]  # of this backend


def test_a_key_makes_one_workflow(backend: BaseTaskBackend) -> None:
    first, second = (numbers.using(idempotency_key="one").enqueue(5) for _ in range(2))
    assert first.id == second.id
    assert second.get(timeout=FINISH_SECONDS)["first"] == 6


def test_a_map_of_many_is_gathered(backend: BaseTaskBackend) -> None:
    @workflow
    def many() -> Any:
        return each(probes.add, range(12), 1)

    assert many.enqueue().get(timeout=2 * FINISH_SECONDS) == list(range(1, 13))
