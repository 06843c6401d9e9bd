"""What a queue's status says, and when it says something new."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.bounds import MESSAGE_MAX_CHARS
from djangotasks_api.models import DjangoTaskQueue, Held, QueueCondition, QueueStatus, TaskStatus
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.status.queue_status import (
    LastError,
    NotReady,
    TaskCounts,
    count_tasks,
    held_words,
    new_status,
    start_error,
)
from tests.support.builders import NOW, at, make_queue

NONE = TaskCounts(0, 0, None)
MISSING = NotReady(Reason.DEPLOYMENT_NOT_FOUND, "There is none.")


@pytest.mark.parametrize(
    ("ready_at", "places", "expected"),
    [
        ({}, "", NONE),
        ({"a": at(-9), "b": at(-5), "c": at(-7)}, "", TaskCounts(3, 0, at(-9))),
        ({"a": at(-9), "b": at(-5), "c": at(-7)}, "a", TaskCounts(2, 1, at(-7))),
        ({"a": at(-9)}, "a", TaskCounts(0, 1, None)),
        ({"later": at(5), "b": at(-5)}, "", TaskCounts(2, 0, at(-5))),
        ({"later": at(5)}, "", TaskCounts(1, 0, None)),
    ],
)
def test_tally(ready_at: dict[str, Any], places: str, expected: TaskCounts) -> None:
    assert count_tasks(ready_at, lambda key: key in places, NOW) == expected


def with_status(queue: DjangoTaskQueue, status: QueueStatus, generation: int = 0) -> DjangoTaskQueue:
    metadata = queue.metadata.model_copy(update={"generation": generation})
    return queue.model_copy(update={"status": status, "metadata": metadata})


def ready(status: QueueStatus) -> QueueCondition:
    (condition,) = status.conditions
    return condition


@pytest.mark.parametrize(
    ("suspended", "problem", "status", "reason"),
    [
        (False, None, "True", "Ready"),
        (True, None, "True", "Suspended"),
        (False, MISSING, "False", "DeploymentNotFound"),
        (True, MISSING, "False", "DeploymentNotFound"),
    ],
)
def test_ready(suspended: bool, problem: NotReady | None, status: str, reason: str) -> None:
    condition = ready(new_status(make_queue(suspended=suspended), NONE, problem, None, NOW))
    assert (condition.status, condition.reason, condition.last_transition_time) == (status, reason, NOW)
    assert condition.message


@pytest.mark.parametrize(
    ("suspended", "problem", "reason"),
    [(False, None, "Held"), (True, None, "Suspended"), (False, MISSING, "DeploymentNotFound")],
)
def test_a_held_queue_is_ready(suspended: bool, problem: NotReady | None, reason: str) -> None:
    held = Held(concurrency=0, by="jane")
    status = new_status(make_queue(suspended=suspended), NONE, problem, None, NOW, held=held)
    assert status.held == held
    assert (ready(status).status, ready(status).reason) == ("True" if problem is None else "False", reason)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (Held(concurrency=0), "Nothing is started while the queue is held."),
        (Held(concurrency=0, by="jane", until=NOW),
         "Nothing is started while the queue is held by jane until 2026-11-23T12:00:00Z."),
        (Held(concurrency=3, by="jane", reason="prices"),
         "At most 3 tasks run at once while the queue is held by jane: prices"),
    ],
)  # fmt: skip
def test_the_words_for_a_hold(held: Held, words: str) -> None:
    assert held_words(held) == words


def test_a_condition_has_the_time_of_its_last_change() -> None:
    queue = with_status(make_queue(), new_status(make_queue(), NONE, None, None, at(-100)))
    paused = with_status(make_queue(suspended=True), queue.status, generation=2)
    condition = ready(new_status(paused, NONE, None, None, NOW))
    assert (condition.last_transition_time, condition.observed_generation) == (at(-100), 2)
    assert ready(new_status(queue, NONE, MISSING, None, NOW)).last_transition_time == NOW


def test_a_status_without_changes_is_the_same() -> None:
    said = TaskCounts(3, 1, at(-50))
    error = LastError("QuotaExceeded: no room", at(-20))
    status = new_status(make_queue(), said, MISSING, error, at(-10))
    again = with_status(make_queue(), QueueStatus.model_validate_json(status.model_dump_json(by_alias=True)))
    assert new_status(again, said, MISSING, None, NOW) == again.status, "as another operator finds it"
    assert new_status(again, said._replace(queued=4), MISSING, None, NOW) != again.status


QUOTA = TaskStatus(reason=Reason.QUOTA_EXCEEDED, message="no room")
PULL = TaskStatus(phase=Phase.STARTING, reason=Reason.IMAGE_PULL_FAILED, message="no such image")


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (TaskStatus(), QUOTA, "QuotaExceeded: no room"),
        (QUOTA, QUOTA.model_copy(update={"message": "still no room"}), None),
        (TaskStatus(), PULL, "ImagePullFailed: no such image"),
        (PULL, PULL.model_copy(update={"phase": Phase.FAILED}), "ImagePullFailed: no such image"),
        (PULL, TaskStatus(phase=Phase.RUNNING), None),
        (TaskStatus(), TaskStatus(phase=Phase.FAILED, reason=Reason.TASK_ERROR), None),
        (TaskStatus(), TaskStatus(reason=Reason.QUEUE_NOT_FOUND), None),
        (TaskStatus(), TaskStatus(reason="SolarFlare"), None),
    ],
)
def test_a_start_error_is_remembered_when_it_is_new(old: TaskStatus, new: TaskStatus, text: str | None) -> None:
    assert start_error(old, new, at(0.5)) == (None if text is None else LastError(text, NOW))


def test_a_long_message_fits() -> None:
    found = start_error(TaskStatus(), QUOTA.model_copy(update={"message": "x" * MESSAGE_MAX_CHARS}), NOW)
    assert found is not None
    assert QueueStatus(last_error=found.text, last_error_at=found.at).last_error == found.text
