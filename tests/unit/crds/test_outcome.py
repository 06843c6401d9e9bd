"""An outcome arrives exact to the byte, fits into its bounds, and is checked field by field."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.bounds import (
    PROGRESS_MESSAGE_MAX_CHARS,
    REPORT_MAX_BYTES,
    RESULT_MAX_BYTES,
    TERMINATION_MESSAGE_MAX_BYTES,
)
from djangotasks_api.failure import ErrorReport
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import REPORTED, Reason
from djangotasks_api.report_fields import InvalidReport
from djangotasks_api.reports import ProgressReport
from djangotasks_api.text import CUT, shorten

NOW = "2026-11-23T12:00:00.000001+00:00"


def message_of(outcome: Outcome) -> str:
    return outcome.to_termination_message("the-token")


def said(message: str) -> Outcome:
    """What an operator that knows the token reads."""
    return Outcome.from_termination_message(message, ["another key's", "the-token"])


def failure(traceback: str, type_: str = "builtins.ValueError", message: str | None = None) -> Outcome:
    error = ErrorReport(type=type_, traceback=traceback, message=message)
    return Outcome(started_at=NOW, finished_at=NOW, reason=Reason.TASK_ERROR, error=error, retryable=False)


@given(st.text(), st.booleans())
def test_an_outcome_survives_the_journey(text: str, succeeded: bool) -> None:
    outcome = (
        Outcome(started_at=None, finished_at=NOW, result=text) if succeeded else failure(text, message=text or None)
    )
    assert Outcome.from_json(outcome.to_json()) == outcome
    assert Outcome.from_json(outcome.to_json().encode("ascii")) == outcome


def test_the_largest_result_fits_into_a_report() -> None:
    assert len(Outcome(started_at=NOW, finished_at=NOW, result='"' * RESULT_MAX_BYTES).to_json()) <= REPORT_MAX_BYTES


@given(st.text(max_size=50), st.sampled_from(["x", '"', "é", "\U0001f600", "\n"]), st.integers(0, 9000))
def test_a_termination_message_always_fits(text: str, filler: str, count: int) -> None:
    traceback = text + filler * count
    message = message_of(failure(traceback, type_=filler * count, message=filler * count))
    assert len(message.encode()) <= TERMINATION_MESSAGE_MAX_BYTES
    outcome = said(message)
    assert (outcome.reason, outcome.retryable) == (Reason.TASK_ERROR, False)


def test_a_short_traceback_is_not_cut() -> None:
    outcome = failure("Traceback\n" * 10)
    assert said(message_of(outcome)) == outcome


def test_a_long_traceback_keeps_its_end() -> None:
    outcome = said(message_of(failure("start " + "line\n" * 5000 + "ValueError: the end")))
    assert outcome.truncated
    assert outcome.error is not None
    assert outcome.error.traceback.startswith("start ")
    assert outcome.error.traceback.endswith("ValueError: the end")


def test_a_long_result_is_left_out_and_never_shortened() -> None:
    outcome = said(message_of(Outcome(started_at=NOW, finished_at=NOW, result="[" + "1," * 5000 + "1]")))
    assert (outcome.succeeded, outcome.truncated, outcome.result) == (True, True, None)


FORGED = Outcome(started_at=NOW, finished_at=NOW, result='{"paid": true}').to_json()


@pytest.mark.parametrize(
    "message",
    [
        FORGED,
        # What a task logs last, and the kubelet shows in place of an empty message.
        f"user said: {FORGED}",
        f"{'0' * 64} {FORGED}",
        message_of(failure("no")).partition(" ")[0] + " " + FORGED,
        Outcome(started_at=NOW, finished_at=NOW, result="1").to_termination_message("the token of another attempt"),
        " " + message_of(failure("no")),
        message_of(failure("no")) + " ",
        "ü" * 64 + " " + FORGED,
        "",
        " ",
    ],
)
def test_what_the_runner_did_not_sign_is_no_outcome(message: str) -> None:
    with pytest.raises(InvalidReport, match="not signed"):
        said(message)


@given(st.text())
def test_any_text_may_stand_in_a_termination_message(text: str) -> None:
    with pytest.raises(InvalidReport):
        said(text)


@pytest.mark.parametrize(
    "data",
    [
        "", "null", "[]", "{", '"x"', "{}", "[" * 100_000,
        json.dumps({"finishedAt": NOW}),
        json.dumps({"finishedAt": NOW, "result": 1}),
        json.dumps({"finishedAt": NOW, "result": None}),
        json.dumps({"finishedAt": "yesterday", "result": "1"}),
        json.dumps({"finishedAt": "2026-11-23T12:00:00", "result": "1"}),
        json.dumps({"finishedAt": NOW, "startedAt": 5, "result": "1"}),
        # With a time to be kept, it would be more than a datetime can hold.
        json.dumps({"finishedAt": "9999-12-31T23:59:59Z", "result": "1"}),
        json.dumps({"finishedAt": NOW, "startedAt": "9999-12-31T23:59:59Z", "result": "1"}),
        json.dumps({"finishedAt": "0001-01-01T00:00:00Z", "result": "1"}),
        json.dumps({"finishedAt": NOW, "result": '"\ud800"'}),
        json.dumps({"finishedAt": NOW, "reason": "TaskError", "error": {"type": "a.B", "traceback": "\ud800"}}),
        json.dumps({"finishedAt": NOW, "reason": ["TaskError"]}),
        json.dumps({"finishedAt": NOW, "reason": "TaskError", "error": {"type": 1, "traceback": ""}}),
        json.dumps({"finishedAt": NOW, "reason": "TaskError", "retryable": "no"}),
        json.dumps({"finishedAt": NOW, "result": "1", "truncated": "no"}),
    ],
)  # fmt: skip
def test_text_that_is_no_outcome_is_refused(data: str) -> None:
    with pytest.raises(InvalidReport):
        Outcome.from_json(data)


@given(st.binary(max_size=200))
def test_random_bytes_are_an_outcome_or_refused(data: bytes) -> None:
    with suppress(InvalidReport):
        Outcome.from_json(data)


def test_a_reason_of_a_newer_runner_is_a_task_error() -> None:
    outcome = Outcome.from_json(json.dumps({"finishedAt": NOW, "reason": "SolarFlare", "retryable": False}))
    assert (outcome.succeeded, outcome.reason, outcome.retryable) == (False, Reason.TASK_ERROR, False)


@pytest.mark.parametrize("reason", sorted(set(Reason) - REPORTED))
def test_what_the_operator_alone_can_know_is_not_a_pods_to_say(reason: Reason) -> None:
    """A pod's QuotaExceeded would keep standby pods away, and its NodeLost or CancelRequested be somebody else's."""
    outcome = Outcome.from_json(json.dumps({"finishedAt": NOW, "reason": reason, "retryable": True}))
    assert (outcome.succeeded, outcome.reason) == (False, Reason.TASK_ERROR)


@pytest.mark.parametrize("reason", sorted(REPORTED))
def test_what_a_runner_has_seen_itself_is_its_to_say(reason: Reason) -> None:
    assert Outcome.from_json(json.dumps({"finishedAt": NOW, "reason": reason})).reason is reason


AMOUNTS = st.none() | st.integers(0, 10**300) | st.floats(0, allow_nan=False, allow_infinity=False)


@given(AMOUNTS, AMOUNTS, st.none() | st.text(max_size=PROGRESS_MESSAGE_MAX_CHARS))
def test_an_outcome_carries_the_last_progress(done: float | None, total: float | None, message: str | None) -> None:
    report = ProgressReport(started_at=NOW, done=done, total=total, message=message)
    outcome = Outcome(started_at=NOW, finished_at=NOW, result="1", progress=report)
    assert Outcome.from_json(outcome.to_json()) == outcome


@pytest.mark.parametrize("progress", [[], "x", {}, {"startedAt": NOW, "done": -1}, {"startedAt": "now"}])
def test_a_result_is_not_lost_over_invalid_progress(progress: object) -> None:
    outcome = Outcome.from_json(json.dumps({"finishedAt": NOW, "result": "1", "progress": progress}))
    assert (outcome.result, outcome.progress) == ("1", None)


@pytest.mark.parametrize(
    ("length", "found"), [(3, 3), (0, 0), (None, None), (-1, None), (1.5, None), ("3", None), (True, None)]
)
def test_an_outcome_tells_the_length_of_a_list(length: object, found: int | None) -> None:
    """A result is not lost over one that is none."""
    text = json.dumps({"startedAt": None, "finishedAt": NOW, "result": "[1]", "length": length})
    outcome = Outcome.from_json(text)
    assert (outcome.result, outcome.length) == ("[1]", found)
    assert Outcome.from_json(outcome.to_json()) == outcome


def test_a_termination_message_drops_progress_before_the_result() -> None:
    progress = ProgressReport(started_at=NOW, message="x" * 200)
    for count in (3900, 4100):
        outcome = Outcome(started_at=NOW, finished_at=NOW, result="1" * count, progress=progress)
        message = said(message_of(outcome))
        assert (message.result, message.progress) == ("1" * count if count < 4000 else None, None)


@given(st.text(), st.integers(0, 100))
def test_a_shortened_text_is_no_longer_than_its_limit(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert short == text if len(text) <= limit else len(short) <= limit + len(CUT)


def test_a_workflow_in_the_place_of_a_result() -> None:
    outcome = Outcome(started_at=None, finished_at="2026-11-23T12:00:00Z", workflow="3f0c6c1e")
    assert Outcome.from_json(outcome.to_json()) == outcome
    assert outcome.succeeded
    assert outcome.fits_termination_message


@pytest.mark.parametrize("name", ["", "A", "a/status", "../x", 1, [], "x" * 64, "-"])
def test_a_workflow_that_is_no_name_is_refused(name: Any) -> None:
    text = json.dumps({"startedAt": None, "finishedAt": "2026-11-23T12:00:00Z", "workflow": name})
    with pytest.raises(InvalidReport, match="the name of a resource"):
        Outcome.from_json(text)
