"""The attempts of a status: which one is open, which is next, which has just ended."""

from __future__ import annotations

import pytest

from djangotasks_api.models import TaskStatus
from djangotasks_operator.status.attempts import (
    current_attempt,
    current_number,
    ended_attempts,
    just_ended,
    open_attempt,
)
from tests.support.builders import NOW, make_attempt

NEW = TaskStatus()
OPEN = TaskStatus(attempts=[make_attempt()])
ENDED = TaskStatus(attempts=[make_attempt(finished_at=NOW)])
SECOND = TaskStatus(attempts=[make_attempt(finished_at=NOW), make_attempt(2)])


@pytest.mark.parametrize(
    ("status", "is_open", "number", "ended"),
    [(NEW, False, 1, 0), (OPEN, True, 1, 0), (ENDED, False, 2, 1), (SECOND, True, 2, 1)],
    ids=["new", "open", "ended", "second"],
)
def test_a_status_has_a_current_attempt(status: TaskStatus, is_open: bool, number: int, ended: int) -> None:
    assert (open_attempt(status) is not None) == is_open
    assert (current_number(status), current_attempt("receipt", status).number) == (number, number)
    assert current_attempt("receipt", status).job == f"receipt-{number}"
    assert len(ended_attempts(status)) == ended


@pytest.mark.parametrize(
    ("old", "new", "number"),
    [(NEW, OPEN, None), (NEW, ENDED, 1), (OPEN, ENDED, 1), (ENDED, ENDED, None), (ENDED, SECOND, None)],
)
def test_an_attempt_ends_once(old: TaskStatus, new: TaskStatus, number: int | None) -> None:
    ended = just_ended(old, new)
    assert (None if ended is None else ended.number) == number
