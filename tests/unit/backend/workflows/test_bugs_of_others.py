"""What went wrong with the workflows of other systems, as their users reported it, and does not here.

Those of a controller are in `tests/unit/operator/controllers/test_bugs_of_others.py`. That eager is as real
(celery#10644) is `test_agreement.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.tasks import TaskContext, task, task_backends
from django.test import override_settings

from django_tasks_kubernetes import Retry, exceptions, workflows
from django_tasks_kubernetes.testing import in_memory
from django_tasks_kubernetes.workflows import ALWAYS, ON_FAILURE, call, chain, each, group, workflow
from djangotasks_api.workflow.bounds import STEP_PAYLOAD_MAX_BYTES
from tests.unit.backend.workflows import flows

# What is asked here is not whether the types fit.
add: Any = flows.add
fail: Any = flows.fail
fail_on: Any = flows.fail_on
note: Any = flows.note
step: Any = workflows.step
LOCAL = {"default": {"BACKEND": "django_tasks_kubernetes.LocalBackend", "QUEUES": ["default"]}}


@pytest.fixture(autouse=True)
def _local() -> Iterator[None]:
    with override_settings(TASKS=LOCAL):
        task_backends["default"].clear()  # type: ignore[attr-defined]  # of this backend
        yield


SEEN: list[str] = []


@task
def remember(name: str) -> None:
    SEEN.append(name)


@task
def total_of(parts: list[int]) -> int:
    return sum(parts)


@task
def lengths(parts: list[str]) -> int:
    return sum(map(len, parts))


@task(takes_context=True)
def fails_once(context: TaskContext[..., Any]) -> int:
    if context.attempt == 1:
        raise ValueError("not yet")
    return context.attempt


@task
def enqueues_another() -> int:
    note.enqueue(1)
    return 1


def test_a_body_after_nothing_runs() -> None:
    """celery#4333, #3756, and in 2026 #9772, #10321, #10646: a chord of nothing, a group of nothing in a chain."""

    @workflow
    def nothing() -> Any:
        none = each(note, [])
        nested = each(note, each(note, none))
        over = each(note, step(note)([]))
        return [none, nested, over, step(total_of)(none), step(total_of)(nested), step(total_of)(over)]

    assert nothing.enqueue().get() == [[], [], [], 0, 0, 0]
    with pytest.raises(ValueError, match=r"For a list that may be empty, use each\(\)"):
        group()


def test_one_is_a_list_of_one() -> None:
    """celery#4333: a chord of one gave its body the item itself."""

    @workflow
    def one() -> Any:
        return step(total_of)(each(note, [7]))

    assert one.enqueue().get() == 7
    assert group(call(note, 7)).enqueue().get() == [7]


def test_a_process_that_dies_leaves_all_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """celery#1700: a producer died between the messages of a chord. Here there is one request."""

    @workflow
    def wide() -> Any:
        return step(total_of)(each(note, range(100)))

    with in_memory() as cluster:
        requests = []

        def die(resource: Any) -> None:
            requests.append(resource)
            raise exceptions.ApiUnavailable("away")

        monkeypatch.setattr(cluster.workflows, "create", die)
        with pytest.raises(exceptions.ApiUnavailable):
            wide.enqueue()
        assert len(requests) == 1
        assert cluster.results == []


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


def groups(count: int) -> Any:
    """A chain of groups of two, each with a task that takes both results."""

    @workflow
    def drawn() -> Any:
        found: Any = 0
        for _ in range(count):
            found = step(total_of)([step(add)(found, 1), step(add)(found, 2)])
        return found

    return drawn


@pytest.mark.thorough
def test_a_chain_of_groups_has_a_size_by_its_length() -> None:
    """celery#3571, #5286, #9202: exponential, 14 KB became 6.9 MB; #5000: 40 of them."""
    small, large = (len(json.dumps(groups(count).draw())) for count in (20, 40))
    assert large < 2.1 * small
    assert large < 40_000
    expected = 0
    for _ in range(40):
        expected = 2 * expected + 3
    assert groups(40).enqueue().get() == expected


def test_chords_are_nested_in_any_way() -> None:
    """celery#2922, #4161, #6721: a chord in a chord, a group of chains as a body."""

    @workflow
    def nested() -> Any:
        inner = step(total_of)([step(add)(1, 2), step(add)(3, 4)])
        outer = step(total_of)([inner, step(add)(5, 6)])
        return [step(add)(step(add)(outer, n), 10) for n in (1, 2)]

    assert nested.enqueue().get() == [32, 33]


def test_the_outer_waits_for_all_of_the_inner() -> None:
    """Oban: a nested workflow was over when its first level was."""

    @workflow
    def inner(start: int) -> Any:
        return step(add)(step(add)(start, 1), 1)

    @workflow
    def outer() -> Any:
        return step(total_of)([inner(1), inner(10)])

    assert outer.enqueue().get() == 15


def test_what_has_not_begun_when_a_chain_is_cancelled_never_does() -> None:
    """celery#2675: a chain cannot be cancelled."""
    with in_memory() as cluster:
        result = chain(call(note, 1), call(note), call(note)).enqueue()
        cluster.workflows.advance()
        result.cancel()
        cluster.run_pending()
        result.refresh()
        assert result.phase == "Cancelled"
        assert [found.status for found in cluster.results] == ["FAILED"]


@pytest.mark.thorough
def test_maps_of_tens_of_thousands_are_one_small_request() -> None:
    """celery#3324, #4529, #6973; argo#1186, #13783; prefect#7393: 45,000 headers, 7,000 in 12 seconds."""

    @workflow
    def wide() -> Any:
        return each(note, range(45_000))

    assert len(json.dumps(wide.draw())) < 400_000


def test_an_argument_that_is_too_large_is_refused_at_once() -> None:
    """argo#3343, #2969: the pod failed with "argument list too long"."""

    @workflow
    def large() -> None:
        step(note)("x" * STEP_PAYLOAD_MAX_BYTES)

    with pytest.raises(exceptions.PayloadTooLarge, match="The arguments of the step note take"):
        large.draw()


@pytest.mark.thorough
def test_a_fan_in_of_two_thousand_kilobytes() -> None:
    """metaflow#1538; argo#7527: a join of many failed by its size."""

    @workflow
    def flow() -> Any:
        return step(lengths)(each(note, ["x" * 300] * 2000))

    assert flow.enqueue().get() == 2000 * 300


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


def test_a_task_that_a_step_enqueues_is_not_counted() -> None:
    """sidekiq#5068: what was enqueued within a batch belonged to it, or not, by where that was."""
    result = chain(call(enqueues_another), call(note)).enqueue()
    assert (result.phase, result.get()) == ("Succeeded", 1)
    assert result.progress is not None
    assert result.progress.total == 2


def test_a_generator_is_consumed_once_and_no_further_than_the_limit() -> None:
    """celery#3021; prefect#7299: a generator was consumed whole, or twice."""
    taken: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            taken.append(len(taken))
            yield taken[-1]

    @workflow
    def flow() -> Any:
        return each(note, (n for n in range(3)))

    @workflow
    def too_many() -> Any:
        return each(note, endless())

    assert flow.enqueue().get() == [0, 1, 2]
    with pytest.raises(ValueError, match=r"each\(\) got more than 100,000 items"):
        too_many.draw()
    assert len(taken) == 100_001
