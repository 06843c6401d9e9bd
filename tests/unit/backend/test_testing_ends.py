"""Receivers of how tasks end, in a project's tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from django_tasks_kubernetes.signals import task_attempt_failed, task_ended
from django_tasks_kubernetes.testing import in_memory
from tests.unit.backend import tasks


@pytest.fixture
def told() -> Iterator[list[tuple[Any, ...]]]:
    found: list[tuple[Any, ...]] = []

    def ended(task_result: Any, reason: str | None, message: str, reported: bool, **kwargs: Any) -> None:
        found.append((task_result.id, str(task_result.status), reason, reported))

    def attempt_failed(task_result: Any, attempt: int, reason: str, **kwargs: Any) -> None:
        found.append((task_result.id, attempt, reason))

    task_ended.connect(ended)
    task_attempt_failed.connect(attempt_failed)
    yield found
    task_ended.disconnect(ended)
    task_attempt_failed.disconnect(attempt_failed)


def test_each_end_is_sent_once(told: list[tuple[Any, ...]]) -> None:
    with in_memory() as cluster:
        success, failure = tasks.echo.enqueue(1), tasks.fails.enqueue()
        memory, expired, cancelled = (tasks.echo.enqueue(number).id for number in range(3))
        cluster.fail(memory, "OOMKilled", "it took too much memory")
        assert cluster.fail(expired, "Expired").errors[0].exception_class.__name__ == "Expired"
        cluster.cancel(cancelled, "by the test")
        cluster.run_pending()
        cluster.send_ends()
        cluster.send_ends()
    assert told == [
        (success.id, "SUCCESSFUL", None, True),
        (failure.id, 1, "TaskError"),
        (failure.id, "FAILED", "TaskError", True),
        (memory, 1, "OOMKilled"),
        (memory, "FAILED", "OOMKilled", False),
        (expired, "FAILED", "Expired", False),
        (cancelled, "FAILED", "CancelRequested", False),
    ]


def test_what_has_ended_cannot_fail() -> None:
    with in_memory() as cluster:
        result = tasks.echo.enqueue()
        cluster.run_pending()
        with pytest.raises(ValueError, match="has ended already: Succeeded"):
            cluster.fail(result.id, "OOMKilled")
        with pytest.raises(ValueError, match="'Tired' is not a valid Reason"):
            cluster.fail(tasks.echo.enqueue().id, "Tired")
