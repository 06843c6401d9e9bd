"""Texts of a status: plain, whatever a task or a kubelet says, and nobody's data in objects of others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.bounds import MESSAGE_MAX_CHARS, TRACEBACK_MAX_BYTES
from djangotasks_api.failure import ErrorReport
from djangotasks_api.models import AttemptError, TaskStatus
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Reason
from djangotasks_api.reports import ProgressReport
from djangotasks_api.text import stored_bytes
from djangotasks_operator.scheduling.limits import Limits
from djangotasks_operator.status import progress
from djangotasks_operator.status.endings import attempt_ended_without_outcome, with_outcome
from djangotasks_operator.status.text import (
    TEXTS_MAX_BYTES,
    bound_attempt_texts,
    message_for_others,
    plain,
    truncate_message,
)
from tests.support.builders import NOW, make_attempt

AT = "2026-11-23T11:59:50+00:00"
# Clears the screen, sets the window's title, turns the text around, hides, ends a line for some readers only.
NASTY = "\x1b[2Jone\x1b]0;title\x07 two \u202egnp.exe\u2066 \u200bthree\x9b31m \x00four\u2028five\U000e0041"
UNSAFE = set("\x1b\x07\x00\x9b\u202e\u2066\u200b\u2028\U000e0041")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NASTY, "one two \ufffdgnp.exe\ufffd \ufffdthree\ufffd31m \ufffdfour\ufffdfive\ufffd"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("größe 名前 می\u200cخواهم", "größe 名前 می\u200cخواهم"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
        ("a\rb\x85c\x7fd", "a\ufffdb\ufffdc\ufffdd"),
    ],
)
def test_plain(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(st.text())
def test_nothing_unsafe_is_left_of_any_text(text: str) -> None:
    assert UNSAFE.isdisjoint(plain(text))
    assert plain(plain(text)) == plain(text)


def test_every_text_that_a_task_can_write_is_plain() -> None:
    error = ErrorReport(type=f"a.{NASTY}", traceback=f"ValueError: {NASTY}", message=NASTY)
    report = ProgressReport(started_at=AT, done=1, message=NASTY)
    outcome = Outcome(started_at=AT, finished_at=AT, reason=Reason.TASK_ERROR, error=error, progress=report)
    for status in (
        with_outcome("receipt", TaskStatus(), outcome, Limits(), NOW),
        attempt_ended_without_outcome(
            "receipt", TaskStatus(), Reason.PROCESS_EXITED, f"The end of its log:\n{NASTY}", Limits(), NOW
        ),
        TaskStatus(progress=progress.from_report(report, 1, NOW)),
    ):
        assert UNSAFE.isdisjoint(status.model_dump_json().encode().decode("unicode_escape", errors="replace"))
        assert UNSAFE.isdisjoint(str(status))
    assert UNSAFE.isdisjoint(truncate_message(NASTY))


@pytest.mark.parametrize(
    ("report", "message"),
    [
        (ErrorReport(type="a.B", traceback="Traceback\na.B: old", message="a.B: new"), "a.B: new"),
        # A runner that is older than messages.
        (
            ErrorReport(type="a.B", traceback="Traceback (most recent call last):\n  File x\na.B: one\nDETAIL: two\n"),
            "a.B: one",
        ),
        (None, "The task failed."),
    ],
)
def test_the_message_of_a_failure(report: ErrorReport | None, message: str) -> None:
    outcome = Outcome(started_at=AT, finished_at=AT, reason=Reason.TASK_ERROR, error=report)
    assert with_outcome("receipt", TaskStatus(), outcome, Limits(), NOW).message == message


JANE = "IntegrityError: Duplicate entry 'jane@example.com'"


@pytest.mark.parametrize(
    ("reason", "fields", "expected"),
    [
        (Reason.TASK_ERROR, {"error": AttemptError(type="a.B", traceback=JANE)}, "the task raised a.B."),
        (Reason.TASK_ERROR, {}, "see the task's status."),
        (Reason.PROCESS_EXITED, {"exit_code": 3}, "the process ended with exit code 3 and reported no outcome."),
        (Reason.EVICTED, {}, JANE),
        (Reason.PAYLOAD_UNAVAILABLE, {}, "see the task's status."),
        (Reason.RESULT_NOT_STORED, {}, "see the task's status."),
        ("SolarFlare", {}, "see the task's status."),
    ],
)
def test_jobs_and_events_have_nothing_of_what_the_task_said(reason: str, fields: Any, expected: str) -> None:
    assert message_for_others(reason, JANE, make_attempt(reason=reason, message=JANE, **fields)) == expected


@pytest.mark.parametrize("length", [1, MESSAGE_MAX_CHARS - 20, MESSAGE_MAX_CHARS + 1, 100_000])
def test_a_message_fits_into_the_schema(length: int) -> None:
    message = truncate_message("m" * length)
    assert len(message) == min(length, len(message)) <= MESSAGE_MAX_CHARS


def test_the_texts_of_attempts_are_bounded_as_they_are_stored() -> None:
    """The API server writes <, > and & as six bytes: the same texts take six times as much."""
    error = AttemptError(type="builtins.ValueError", traceback="<" * TRACEBACK_MAX_BYTES)
    attempts = [make_attempt(number, finished_at=NOW, error=error) for number in range(1, 101)]
    texts = [attempt.error.traceback for attempt in bound_attempt_texts(attempts) if attempt.error]
    assert len(texts) == 100
    assert len(texts[-1]) == TRACEBACK_MAX_BYTES, "the last one is kept whole"
    assert sum(map(stored_bytes, texts[:-1])) < TEXTS_MAX_BYTES
