"""More of what went wrong with the workflows of other systems, as their users reported it, and does not here."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from django.tasks import task

from django_tasks_kubernetes import workflows
from django_tasks_kubernetes.local import local_store
from django_tasks_kubernetes.testing import in_memory
from django_tasks_kubernetes.workflows import call, chain, each, workflow
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
