"""Ends that are easily mistaken for others: what the task, its result and its Job say of them."""

from __future__ import annotations

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.tasks import TaskResultStatus
from django.tasks.backends.base import BaseTaskBackend
from shop import failures

from tests.support.tasks import finish, wait_phase
from tools.kubectl import Kubectl

EMAIL = "jane@example.com"


@pytest.mark.parametrize(
    ("task", "arguments", "words"),
    [
        ("in_a_group", (), "ValueError: no such order 7"),
        ("in_a_database", (EMAIL,), "IntegrityError: duplicate key value violates unique constraint"),
        ("with_a_note", (), "ValueError: no such order 7"),
        ("not_found", (), "DoesNotExist: Order matching query does not exist."),
    ],
)
def test_the_message_is_what_went_wrong(
    backend: BaseTaskBackend, kubectl: Kubectl, task: str, arguments: tuple[str, ...], words: str
) -> None:
    result = finish(getattr(failures, task).enqueue(*arguments))
    status = wait_phase(kubectl, result.id, "Failed")
    assert words in status["message"]
    assert "----" not in status["message"], "the frame of a group's traceback"
    # More people may read Jobs and Events than tasks.
    others = kubectl("get", "job", f"{result.id}-1", "-o", "json") + kubectl("get", "events", "-o", "json")
    assert EMAIL not in others
    assert EMAIL not in status["message"]


def test_an_exception_whose_class_is_in_another_can_be_caught(backend: BaseTaskBackend) -> None:
    (error,) = finish(failures.not_found.enqueue()).errors
    assert issubclass(error.exception_class, ObjectDoesNotExist)


def test_a_task_that_leaves_with_0_has_succeeded(backend: BaseTaskBackend) -> None:
    result = finish(failures.leave_early.enqueue())
    assert (result.status, result.return_value) == (TaskResultStatus.SUCCESSFUL, None)


def test_a_child_that_raises_says_nothing_for_its_parent(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = finish(failures.fork_a_child_that_raises.enqueue(4.0))
    assert (result.status, result.return_value) == (TaskResultStatus.SUCCESSFUL, "the parent's")
    assert len(wait_phase(kubectl, result.id, "Succeeded")["attempts"]) == 1


def test_orphans_leave_no_zombies(backend: BaseTaskBackend) -> None:
    assert finish(failures.leave_orphans.enqueue(200)).return_value == 0
