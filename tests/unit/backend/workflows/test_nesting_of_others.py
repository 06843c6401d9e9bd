"""What went wrong in nested workflows of other systems, as their users reported it, and does not here."""

from __future__ import annotations

from typing import Any

import pytest
from django.tasks import TaskContext, task

from django_tasks_kubernetes import Retry
from django_tasks_kubernetes.workflows import each, step, workflow
from tests.unit.backend.workflows.flows import add, note

pytestmark = pytest.mark.usefixtures("local")


@workflow
def one_for_each(rows: list[int]) -> Any:
    return each(note, rows)


@task
def find_work(rows: list[int]) -> Any:
    return one_for_each.as_result(rows)


@task(takes_context=True)
def second_time(context: TaskContext[..., Any], number: int) -> int:
    if context.attempt == 1:
        raise ValueError("not yet")
    return number


def test_a_nested_one_with_nothing_to_do_ends_and_so_does_the_outer() -> None:
    """sidekiq#5455, #5903, #3050: a child batch without jobs never ended, and its parent's callback never ran."""

    @workflow
    def outer() -> Any:
        found = each(find_work, [[], [1, 2], []])
        return [found, step(note, after=found)("called")]

    assert outer.enqueue().get() == [[[], [1, 2], []], "called"]


def test_each_chain_in_a_group_gets_what_was_before_it() -> None:
    """celery#3968: the second task of a chain in a group, after a task, was called without its argument."""

    @workflow
    def flow() -> Any:
        first = step(add)(1, 2)
        return [step(add)(step(add)(first, 0), number) for number in (10, 20)]

    assert flow.enqueue().get() == [13, 23]


def test_the_result_of_a_fan_out_is_that_of_the_whole_also_with_retries() -> None:
    """argo#14228: with a retry strategy the outputs of a fan-out were not found as those of the whole."""
    retried: Any = second_time.using(retry=Retry(max_attempts=2))  # type: ignore[call-arg]  # of ours

    @workflow
    def flow() -> Any:
        return each(retried, [1, 2, 3])

    assert flow.enqueue().get() == [1, 2, 3]
