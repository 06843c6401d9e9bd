"""each(…, chunk=…): one task for so many items, and all else as without."""

import json
from collections.abc import Callable
from typing import Any, assert_type

import pytest

from django_tasks_kubernetes import LocalBackend
from django_tasks_kubernetes.decorators import task
from django_tasks_kubernetes.exceptions import PayloadTooLarge, WorkflowFailed
from django_tasks_kubernetes.testing import in_memory
from django_tasks_kubernetes.workflows import each, step, workflow
from djangotasks_api.bounds import CHUNK
from djangotasks_api.workflow.bounds import ITEM_MAX_BYTES
from djangotasks_api.workflow.records import StepPhase
from tests.unit.backend.workflows.flows import add, extract, fail_on, note, render, total

WORKS: dict[int, bool] = {}


@pytest.fixture(autouse=True)
def _local(local: LocalBackend) -> None:
    WORKS.clear()


@task
def works(row: int) -> int:
    if not WORKS.get(row, row != 3):
        raise ValueError("bad")
    WORKS[row] = WORKS.get(row, True)
    return row


def drawn(function: Callable[[], Any]) -> dict[str, Any]:
    (made,) = workflow(function).draw()["steps"]
    return dict(made)


def test_a_step_in_chunks_has_its_items_in_one_place() -> None:
    def flow() -> object:
        parts = each(add, range(5), 7, chunk=2)
        assert_type(parts, list[int])
        return parts

    made = drawn(flow)
    assert made["map"] == {"list": "list-1", "chunk": 2}
    assert made["inputs"] == [{"into": "/each"}]
    assert json.loads(made["payload"]) == {"each": None, "args": [7], "kwargs": {}}


@pytest.mark.parametrize("chunk", [0, CHUNK.most + 1, True, 2.0, "2"])
def test_a_size_that_is_none_is_refused(chunk: Any) -> None:
    with pytest.raises(ValueError, match="chunk must be a whole number from 1 to 10,000"):
        drawn(lambda: each(render, ["a"], chunk=chunk))


def test_a_chunk_that_no_payload_holds_is_refused() -> None:
    with pytest.raises(PayloadTooLarge, match=r"items 2 to 3 of the step note .* Put fewer in it"):
        drawn(lambda: each(note, [1, 2, "x" * ITEM_MAX_BYTES, 4], chunk=2))


def test_chunks_of_another_size_cannot_follow_item_by_item() -> None:
    def flow() -> None:
        each(note, each(note, [1, 2], chunk=2), chunk=3)

    with pytest.raises(Exception, match="must be in such chunks too"):
        workflow(flow).draw()


def test_a_fan_in_sees_one_list_over_all_items() -> None:
    @workflow
    def flow() -> dict[str, object]:
        rows = step(extract)(2026)
        parts = each(render, rows, chunk=2)
        again = each(add, each(add, parts, 10, chunk=2), 100)
        return {"parts": parts, "again": again, "sum": step(total)(parts), "last": parts[2]}

    result = flow.enqueue()
    assert result.get() == {
        "parts": [0, 1, 2], "again": [110, 111, 112], "sum": {"title": "", "sum": 3}, "last": 2,
    }  # fmt: skip
    assert result.progress is not None
    assert (result.progress.done, result.progress.total) == (11, 11)
    names = sorted(found.id.removeprefix(f"{result.id}-") for found in result.task_results())
    assert [name for name in names if name.startswith("render")] == ["render-00000", "render-00001"]
    assert result.task_result("render", 2).return_value == [2]
    assert result.task_result("add-2", 2).return_value == 112


@pytest.mark.parametrize("chunk", [None, 1, 2, 5, 100])
def test_items_that_may_fail_are_none(chunk: int | None) -> None:
    @workflow
    def flow() -> list[int]:
        return each(fail_on, range(5), 3, chunk=chunk, max_failed=1)

    result = flow.enqueue()
    assert result.get() == [0, 1, 2, None, 4]
    assert result.steps["fail-on"].completed == {0, 1, 2, 4}
    assert result.steps["fail-on"].failed == {3}


@pytest.mark.parametrize("chunk", [None, 2])
def test_one_item_too_many_fails_the_step(chunk: int | None) -> None:
    @workflow
    def flow() -> list[int]:
        return each(fail_on, [3, 1, 3], 3, chunk=chunk, max_failed=1)

    result = flow.enqueue()
    with pytest.raises(WorkflowFailed):
        result.get()
    assert result.steps["fail-on"].phase is StepPhase.FAILED
    assert result.steps["fail-on"].failed == {0, 2}


@pytest.mark.parametrize("chunk", [None, 2, 3])
def test_a_retry_runs_the_items_that_failed_alone(chunk: int | None) -> None:
    @workflow
    def flow() -> list[int]:
        return each(add, each(works, range(5), chunk=chunk), 0, chunk=chunk)

    result = flow.enqueue()
    assert result.phase == "Failed"
    ran = set(WORKS)
    WORKS.clear()
    WORKS[3] = True
    again = result.retry()
    assert again.get() == [0, 1, 2, 3, 4]
    assert (ran, set(WORKS)) == ({0, 1, 2, 4}, {3})
    assert again.task_result("works", 0).id.startswith(result.id)


def test_in_memory_has_the_same() -> None:
    @workflow
    def flow() -> list[int]:
        return each(fail_on, range(5), 3, chunk=2, max_failed=1)

    with in_memory() as cluster:
        result = flow.enqueue()
        cluster.run_pending()
        assert result.get() == [0, 1, 2, None, 4]
