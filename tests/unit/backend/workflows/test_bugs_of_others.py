"""What went wrong with the workflows of other systems, as their users reported it, and does not here.

Those of a controller are in `tests/unit/operator/controllers/test_bugs_of_others.py`. That eager is as real
(celery#10644) is `test_agreement.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.tasks import task

from django_tasks_kubernetes import exceptions, workflows
from django_tasks_kubernetes.testing import in_memory
from django_tasks_kubernetes.workflows import call, chain, each, group, workflow
from djangotasks_api.workflow.bounds import STEP_PAYLOAD_MAX_BYTES
from tests.unit.backend.workflows import flows

# What is asked here is not whether the types fit.
add: Any = flows.add
fail: Any = flows.fail
fail_on: Any = flows.fail_on
note: Any = flows.note
step: Any = workflows.step
total_of: Any = flows.total_of
pytestmark = pytest.mark.usefixtures("local")


@task
def lengths(parts: list[str]) -> int:
    return sum(map(len, parts))


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
