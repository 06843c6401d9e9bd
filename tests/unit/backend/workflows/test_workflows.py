"""Workflows from enqueue() to their result, without a cluster: under LocalBackend and in_memory()."""

import asyncio
from typing import Any, assert_type

import pytest
from django.tasks import TaskResultStatus, default_task_backend
from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist
from django.test import override_settings

from django_tasks_kubernetes.exceptions import InvalidResource, PayloadTooLarge, WorkflowFailed
from django_tasks_kubernetes.testing import in_memory
from django_tasks_kubernetes.workflows import ALWAYS, ON_FAILURE, call, chain, each, group, step, workflow
from djangotasks_api.workflow.records import StepPhase
from tests.unit.backend.workflows.flows import add, extract, fail, fail_on, note, render, total

backend: Any = default_task_backend
UNTYPED: Any = step


pytestmark = pytest.mark.usefixtures("local")


@workflow
def report(year: int) -> dict[str, object]:
    rows = step(extract)(year)
    parts = each(render, rows, max_parallel=2)
    return step(total)(parts, title=f"Report {year}")


def test_a_workflow_runs_to_its_result() -> None:
    result = report.enqueue(2026)
    assert_type(result.return_value, dict[str, object])
    assert result.status == TaskResultStatus.SUCCESSFUL
    assert result.get() == {"title": "Report 2026", "sum": 3}
    assert result.progress is not None
    assert (result.progress.done, result.progress.total) == (5, 5)
    assert {name: found.width for name, found in result.steps.items()} == {"extract": 1, "render": 3, "total": 1}
    assert result.task_result("render", 2).return_value == 2
    assert len(list(result.task_results())) == 5
    assert None not in (result.enqueued_at, result.started_at, result.finished_at)
    again = backend.get_workflow(result.id)
    assert again.return_value == result.return_value
    assert again.workflow.endswith("test_workflows.report")


def test_asynchronous_callers() -> None:
    async def story() -> Any:
        result = await report.aenqueue(2026)
        await result.arefresh()
        return await result.aget(timeout=60), (await backend.aget_workflow(result.id)).id == result.id

    assert asyncio.run(story()) == ({"title": "Report 2026", "sum": 3}, True)


def test_a_map_over_nothing_is_an_empty_list() -> None:
    @workflow
    def nothing() -> dict[str, object]:
        return step(total)(each(add, [], 1))

    assert nothing.enqueue().get() == {"title": "", "sum": 0}


def test_a_map_of_one_is_a_list_of_one() -> None:
    assert group(call(add, 1, 2)).enqueue().get() == [3]


def test_a_chain_hands_on() -> None:
    assert chain(call(add, 1, 2), call(add, 10), call(note)).enqueue().get() == 13


def test_a_workflow_may_be_part_of_another() -> None:
    @workflow
    def outer() -> list[Any]:
        return [report(2026), step(note)(report(2027)["sum"])]

    assert outer.enqueue().get() == [{"title": "Report 2026", "sum": 3}, 3]


def test_a_failure_runs_its_handlers_and_is_raised() -> None:
    @workflow
    def broken() -> int:
        first = step(fail)()
        step(note, runs=ON_FAILURE)(first)
        step(note, after=first, runs=ALWAYS)("clean")
        return step(add)(first, 1)

    result = broken.enqueue()
    assert (result.status, result.reason) == (TaskResultStatus.FAILED, "StepFailed")
    phases = {name: (found.phase, found.reason) for name, found in result.steps.items()}
    assert phases == {
        "fail": (StepPhase.FAILED, "TaskFailed"),
        "note": (StepPhase.SUCCEEDED, None),
        "note-2": (StepPhase.SUCCEEDED, None),
        "add": (StepPhase.SKIPPED, "UpstreamFailed"),
    }
    assert result.task_result("note").return_value is None
    with pytest.raises(WorkflowFailed, match=r"fail: .*-fail is Failed, TaskError"):
        result.get()
    with pytest.raises(ValueError, match="has no result: it is Failed"):
        result.return_value  # noqa: B018 - what it raises is asked for


def test_what_may_fail_is_none_in_the_list() -> None:
    @workflow
    def most() -> list[int]:
        return each(fail_on, [0, 1, 2], 1, max_failed=1)

    assert most.enqueue().get() == [0, None, 2]


def test_a_map_that_failed_says_how_many_as_in_a_cluster() -> None:
    @workflow
    def most() -> list[int]:
        return each(fail_on, [0, 1, 2], 1)

    result = most.enqueue()
    said = f"1 of 3 failed. {result.id}-fail-on-00001 is Failed, TaskError: "
    assert (result.steps["fail-on"].message or "").startswith(said)
    assert (result.message or "").startswith(f"fail-on: {said}")


def test_results_are_exact() -> None:
    @workflow
    def exact() -> Any:
        return step(note)(each(note, [2**63 + 1, 1e300, "\ud800", {"ä": [1.1]}]))

    assert exact.enqueue().get() == [2**63 + 1, 1e300, "\ud800", {"ä": [1.1]}]


def test_a_workflow_has_no_result_where_its_function_returns_none() -> None:
    @workflow
    def silent() -> None:
        step(note)(1)

    assert silent.enqueue().get() is None


def test_a_result_of_which_a_part_is_not_there_is_an_error_of_the_backend() -> None:
    """What was raised was a class of the engine, which nobody catches; or it said that there is no such workflow."""

    @workflow
    def parts() -> Any:
        found: Any = step(note)({"a": 1})
        return found["b"]

    with pytest.raises(InvalidResource, match=r"The result of workflow .* cannot be had: .*note has nothing at /b"):
        parts.enqueue().get()
    result = chain(call(note, 1)).enqueue()
    result._source.tasks.remove(f"{result.id}-note")  # type: ignore[attr-defined]  # of this backend
    with pytest.raises(InvalidResource, match=f"its task {result.id}-note was deleted"):
        result.get()


def test_an_idempotency_key_makes_one_workflow() -> None:
    first, second = (report.using(idempotency_key="2026-11").enqueue(2026) for _ in range(2))
    assert first.id == second.id != report.enqueue(2026).id


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(TaskResultDoesNotExist):
        backend.get_workflow("7d2f9f2c-2f0e-4f4e-9b0e-000000000000")
    result = report.enqueue(2026)
    for name, index, words in (
        ("renders", None, r"no step 'renders'\. There are: extract, render, total"),
        ("render", None, "render has a task for each item: give the index"),
        ("render", 3, "render has 3 items, and none of them has the index 3"),
        ("extract", 0, "extract has one task, which has no index"),
    ):
        with pytest.raises(TaskResultDoesNotExist, match=words):
            result.task_result(name, index)


def test_a_map_over_no_list_says_so() -> None:
    result = workflow(lambda: each(note, UNTYPED(note)(5))).enqueue()
    assert (result.steps["note-2"].reason, result.message) == (
        "NotAList",
        "note-2: The result that it maps over is no list.",
    )


def test_a_workflow_needs_a_step() -> None:
    with pytest.raises(InvalidTask, match="draws no step"):
        workflow(lambda: None).enqueue()


@pytest.mark.thorough
def test_a_workflow_of_too_many_tasks_is_refused() -> None:
    with pytest.raises(InvalidTask, match=r"150,000 tasks, and may have 100,000"):
        workflow(lambda: [each(note, range(75_000)) for _ in range(2)]).draw()


def test_a_workflow_that_is_too_large_is_refused() -> None:
    with pytest.raises(PayloadTooLarge, match="Pass primary keys"):
        workflow(lambda: [step(note)("x" * 30_000) for _ in range(40)]).draw()


def test_a_workflow_is_enqueued_and_not_called() -> None:
    with pytest.raises(TypeError, match="is a workflow: use its enqueue"):
        report(2026)


@pytest.mark.parametrize("option", [{"timeot": 1}, {"run_after": 1}])
def test_an_unknown_option_is_refused(option: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="has no option"):
        report.using(**option)
    with pytest.raises(TypeError, match=r"@workflow has no option .*\. There are: backend, max_parallel, "):
        workflow(**option)


def test_options_are_in_the_spec() -> None:
    spec = report.using(timeout=60, ttl=3600, max_parallel=3, priority=7, idempotency_key="k").draw(1)
    assert spec["policy"] == {"timeoutSeconds": 60, "ttlSecondsAfterFinished": 3600}
    assert (spec["maxParallel"], spec["priority"], spec["idempotencyKey"]) == (3, 7, "k")


@pytest.mark.parametrize(
    "options", [{"timeout": 0}, {"ttl": -1}, {"max_parallel": 0}, {"priority": 101}, {"idempotency_key": "x" * 300}]
)
def test_a_wrong_option_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        report.using(**options).draw(1)


def test_another_backend_runs_none() -> None:
    with (
        override_settings(TASKS={"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}}),
        pytest.raises(InvalidTask, match="DummyBackend, which runs no workflows"),
    ):
        report.enqueue(2026)


def test_in_memory_runs_step_by_step() -> None:
    with in_memory() as cluster:
        result = report.enqueue(2026)
        assert result.status == TaskResultStatus.READY
        assert cluster.results == []
        cluster.run_pending()
        result.refresh()
        assert result.return_value == {"title": "Report 2026", "sum": 3}
        assert len(cluster.results) == 5


def test_in_memory_runs_what_is_waited_for() -> None:
    with in_memory():
        assert report.enqueue(2026).get(timeout=60) == {"title": "Report 2026", "sum": 3}


def test_in_memory_a_cancelled_workflow_cleans_up() -> None:
    @workflow
    def flow() -> None:
        first = step(note)(1)
        step(note, after=first, runs=ALWAYS)("clean")

    with in_memory() as cluster:
        result = flow.enqueue()
        result.cancel("no longer needed")
        cluster.run_pending()
        result.refresh()
        assert (result.phase, result.message) == ("Cancelled", "no longer needed")
        assert [task.return_value for task in cluster.results] == ["clean"]


@pytest.mark.parametrize("task", ["extract", "render-00001", "total"])
def test_in_memory_a_failure_of_a_pod_is_one_of_the_workflow(task: str) -> None:
    with in_memory() as cluster:
        result = report.enqueue(2026)
        cluster.fail(f"{result.id}-{task}", "OOMKilled")
        cluster.run_pending()
        result.refresh()
        assert result.steps[task.partition("-")[0]].reason == "TaskFailed"
        assert result.steps["total"].reason in ("UpstreamFailed", "TaskFailed")
        assert "OOMKilled" in (result.message or "")


def test_in_memory_a_task_that_no_workflow_creates_cannot_fail() -> None:
    with in_memory() as cluster:
        result = report.enqueue(2026)
        with pytest.raises(TaskResultDoesNotExist):
            cluster.fail(f"{result.id}-render-00009", "OOMKilled")
        assert len(cluster.resources) == 5, "all has run, in search of it"
