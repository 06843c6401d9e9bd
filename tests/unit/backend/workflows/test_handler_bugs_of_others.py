"""What went wrong with the handlers and clean-ups of other systems' workflows, as their users reported it, and does not here."""

from __future__ import annotations

from typing import Any

import pytest
from django.tasks import TaskContext, task

from django_tasks_kubernetes import Retry, workflows
from django_tasks_kubernetes.testing import in_memory
from django_tasks_kubernetes.workflows import ALWAYS, ON_FAILURE, each, workflow
from tests.unit.backend.workflows import flows

# What is asked here is not whether the types fit.
fail: Any = flows.fail
fail_on: Any = flows.fail_on
note: Any = flows.note
step: Any = workflows.step
total_of: Any = flows.total_of
pytestmark = pytest.mark.usefixtures("local")

SEEN: list[str] = []


@task
def remember(name: str) -> None:
    SEEN.append(name)


@task(takes_context=True)
def fails_once(context: TaskContext[..., Any]) -> int:
    if context.attempt == 1:
        raise ValueError("not yet")
    return context.attempt


def test_a_failure_runs_its_handler_once_and_no_body() -> None:
    """celery#3317, #5129, #8211, #9107: error callbacks that ran never, or once for each header. Nested as well."""

    @workflow
    def chord() -> Any:
        inner = step(total_of)([step(fail)(), step(fail)(), step(note)(1)])
        outer = step(total_of, name="outer")([inner, step(note)(2)])
        step(remember, after=outer, runs=ON_FAILURE)("outer")
        return outer

    SEEN.clear()
    result = chord.enqueue()
    assert (result.phase, SEEN) == ("Failed", ["outer"])
    assert [result.steps[name].phase for name in ("total-of", "outer")] == ["Skipped", "Skipped"]


@pytest.mark.thorough
def test_a_handler_takes_the_failures_of_many() -> None:
    """argo#6093: the parameters of an exit handler were too long."""

    @workflow
    def many() -> Any:
        found = each(fail_on, range(1000), 7, max_failed=1)
        broken = each(fail, ["no"] * 1000)
        step(remember, after=broken, runs=ON_FAILURE)("all")
        return found

    SEEN.clear()
    result = many.enqueue()
    assert (result.phase, SEEN) == ("Failed", ["all"])
    assert len(result.message or "") < 1100
    assert result.steps["fail-on"].phase == "Succeeded"


def test_the_handler_of_a_step_runs_also_where_others_depend_on_it() -> None:
    """argo#3395, #885."""

    @workflow
    def flow() -> Any:
        first = step(fail)()
        step(remember, after=first, runs=ON_FAILURE)("first")
        second = step(note)(first)
        step(remember, after=second, runs=ON_FAILURE)("second")
        return second

    SEEN.clear()
    flow.enqueue()
    assert sorted(SEEN) == ["first", "second"]


def test_a_handler_that_passes_at_its_second_attempt_has_passed() -> None:
    """argo#780: one that was retried failed the whole."""
    with_retry: Any = fails_once
    with_retry = with_retry.using(retry=Retry(max_attempts=2))

    @workflow
    def flow() -> Any:
        found = step(note)(1)
        step(with_retry, after=found, runs=ALWAYS)()
        return found

    assert flow.enqueue().phase == "Succeeded"


def test_a_clean_up_makes_no_failure_good() -> None:
    """airflow#15468, #17992, #10275: the run was a success, because its last task was."""

    @workflow
    def flow() -> None:
        step(note, after=step(fail)(), runs=ALWAYS)("clean")

    assert flow.enqueue().phase == "Failed"


def test_a_clean_up_does_not_revive_what_was_stopped() -> None:
    """airflow#43475: a task after it was started again."""

    @workflow
    def flow() -> None:
        clean = step(note, after=step(note)(1), runs=ALWAYS)("clean")
        step(note, after=clean)("after")

    with in_memory() as cluster:
        result = flow.enqueue()
        cluster.workflows.advance()
        result.cancel()
        cluster.run_pending()
        result.refresh()
        assert result.phase == "Cancelled"
        assert {name: found.phase for name, found in result.steps.items()} == {
            "note": "Cancelled",
            "note-2": "Succeeded",
            "note-3": "Cancelled",
        }
