"""More of what went wrong with the workflows of other systems, as their users reported it, and does not here."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from django.tasks import task
from django.tasks.exceptions import InvalidTask

from django_tasks_kubernetes import workflows
from django_tasks_kubernetes.exceptions import PayloadTooLarge
from django_tasks_kubernetes.local import local_store
from django_tasks_kubernetes.testing import in_memory
from django_tasks_kubernetes.workflows import call, chain, each, group, workflow
from tests.unit.backend.workflows import flows

# What is asked here is not whether the types fit.
add: Any = flows.add
note: Any = flows.note
step: Any = workflows.step
pytestmark = pytest.mark.usefixtures("local")


@task
def enqueues_chains(count: int) -> int:
    for number in range(count):
        chain(call(note, number)).enqueue()
    return count


@task
def backfill_20261130(day: int) -> int:
    return day


@pytest.mark.parametrize("memory", [False, True])
def test_a_key_of_one_chain_is_none_of_another(*, memory: bool) -> None:
    """One id made of the key alone: https://github.com/taskforcesh/bullmq/issues/3878. The second never ran."""

    def enqueued() -> list[Any]:
        first, second = (
            made.using(idempotency_key="order-7") for made in (chain(call(note, 1)), chain(call(add, 1, 2)))
        )
        return [first.enqueue(), second.enqueue(), first.enqueue()]

    with in_memory() if memory else nullcontext():
        results = enqueued()
        assert [result.get() for result in results] == [1, 3, 1]
    assert results[0].id == results[2].id


def test_a_step_that_enqueues_many_workflows_forgets_none_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest went, also where it ran: https://github.com/taskforcesh/bullmq/issues/2229."""
    monkeypatch.setattr(local_store, "FINISHED_MAX", 3)

    @workflow
    def nightly() -> Any:
        return step(note)(step(enqueues_chains)(5))

    assert nightly.enqueue().get() == 5
    assert nightly.enqueue().get() == 5


def test_a_task_that_is_named_after_a_date_is_a_step() -> None:
    """Names that were cut met others: https://github.com/equinor/radix-operator/issues/1979."""

    @workflow
    def days() -> Any:
        return [step(backfill_20261130)(1), each(backfill_20261130, [2, 3])]

    assert days.enqueue().get() == [1, [2, 3]]


@pytest.mark.thorough
def test_limits_are_those_of_a_cluster() -> None:
    """A graph that runs in tests, and is too large elsewhere: https://github.com/celery/celery/pull/4979."""

    @workflow
    def wide(steps: int, inputs: int, key: str, value: str) -> Any:
        first, *_ = [step(note)({key: number}) for number in range(steps)]
        step(note)([first[key]] * inputs)
        return {"first": first, "value": value}

    wide.draw(499, 500, "x" * 255, "x")
    for args, words in (
        ((500, 1, "x", "x"), "501 steps, and may have 500"),
        ((1, 501, "x", "x"), "note-2: takes 501 results"),
        ((1, 1, "x" * 256, "x"), "257 characters, and may have 256"),
    ):
        with pytest.raises(InvalidTask, match=words):
            wide.enqueue(*args)
    with pytest.raises(
        PayloadTooLarge, match=r"The result of .* takes 32,7.. bytes as JSON, without those of its steps"
    ):
        wide.enqueue(1, 1, "x", "x" * 32_760)


@pytest.mark.thorough
def test_a_chain_that_cannot_run_is_called_so() -> None:
    with pytest.raises(InvalidTask, match=r"^a chain or a group draws no graph that can run: it has 501 steps"):
        group(*[call(note, 1)] * 501).enqueue()


def test_what_contains_itself_is_refused() -> None:
    """The error was one of the recursion, which does not help: https://github.com/celery/celery/issues/6810."""
    loop: list[Any] = []
    loop.append(loop)

    @workflow
    def result() -> Any:
        step(note)(1)
        return loop

    @workflow
    def argument() -> Any:
        return step(note)(loop)

    @workflow
    def items() -> Any:
        return each(note, loop)

    for found in (result, argument, items):
        with pytest.raises(ValueError, match="nested too deep for JSON, or contains itself"):
            found.enqueue()


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_task_that_was_deleted_keeps_its_workflow_from_nothing(*, cancelled: bool) -> None:
    """As in a cluster: https://github.com/taskforcesh/bullmq/issues/1752, where the parent waited for ever."""
    with in_memory() as cluster:
        result = chain(call(note, 1), call(note)).enqueue()
        cluster.workflows.advance()
        cluster.delete(f"{result.id}-note", None)
        if cancelled:
            result.cancel()
        cluster.run_pending()
        result.refresh()
        assert result.phase == ("Cancelled" if cancelled else "Succeeded")
