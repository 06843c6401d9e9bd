"""The outcome envelope: exact, bounded, and suspicious of what it is given."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.names import PROGRESS_MESSAGE_MAX_CHARS, RESULT_MAX_BYTES, TERMINATION_MESSAGE_MAX_BYTES
from djangotasks_api.outcome import (
    PROGRESS_REPORT_MAX_BYTES,
    REPORT_MAX_BYTES,
    ErrorReport,
    InvalidReport,
    Outcome,
    ProgressReport,
    Started,
    shorten,
)
from djangotasks_api.phases import Reason

NOW = "2026-11-23T12:00:00.000001+00:00"


def failure(traceback: str, type_: str = "builtins.ValueError") -> Outcome:
    error = ErrorReport(type=type_, traceback=traceback)
    return Outcome(started_at=NOW, finished_at=NOW, reason=Reason.TASK_ERROR, error=error, retryable=False)


@given(st.text(), st.booleans())
def test_round_trip(text: str, succeeded: bool) -> None:
    outcome = Outcome(started_at=None, finished_at=NOW, result=text) if succeeded else failure(text)
    assert Outcome.from_json(outcome.to_json()) == outcome
    assert Outcome.from_json(outcome.to_json().encode("ascii")) == outcome


def test_the_largest_result_fits_into_a_report() -> None:
    assert len(Outcome(started_at=NOW, finished_at=NOW, result='"' * RESULT_MAX_BYTES).to_json()) <= REPORT_MAX_BYTES


@given(st.text(max_size=50), st.sampled_from(["x", '"', "é", "\U0001f600", "\n"]), st.integers(0, 9000))
def test_a_termination_message_always_fits(text: str, filler: str, count: int) -> None:
    traceback = text + filler * count
    message = failure(traceback, type_=filler * count).to_termination_message()
    assert len(message.encode()) <= TERMINATION_MESSAGE_MAX_BYTES
    outcome = Outcome.from_json(message)
    assert (outcome.reason, outcome.retryable) == (Reason.TASK_ERROR, False)


def test_a_short_traceback_is_not_cut() -> None:
    outcome = failure("Traceback\n" * 10)
    assert Outcome.from_json(outcome.to_termination_message()) == outcome


def test_a_long_traceback_keeps_its_end() -> None:
    outcome = Outcome.from_json(failure("start " + "line\n" * 5000 + "ValueError: the end").to_termination_message())
    assert outcome.truncated
    assert outcome.error is not None
    assert outcome.error.traceback.startswith("start ")
    assert outcome.error.traceback.endswith("ValueError: the end")


def test_a_long_result_is_left_out_and_never_shortened() -> None:
    message = Outcome(started_at=NOW, finished_at=NOW, result="[" + "1," * 5000 + "1]").to_termination_message()
    outcome = Outcome.from_json(message)
    assert (outcome.succeeded, outcome.truncated, outcome.result) == (True, True, None)


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
def test_what_is_no_report_is_refused(data: str) -> None:
    with pytest.raises(InvalidReport):
        Outcome.from_json(data)


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_a_report_or_refused(data: bytes) -> None:
    for parse in (Outcome.from_json, Started.from_json, ProgressReport.from_json):
        try:
            parse(data)
        except InvalidReport:
            continue


def test_a_reason_of_a_newer_runner_is_a_failure_all_the_same() -> None:
    outcome = Outcome.from_json(json.dumps({"finishedAt": NOW, "reason": "SolarFlare", "retryable": False}))
    assert (outcome.succeeded, outcome.reason, outcome.retryable) == (False, Reason.TASK_ERROR, False)


def test_started() -> None:
    assert Started.from_json(Started(started_at=NOW).to_json()) == Started(started_at=NOW)
    with pytest.raises(InvalidReport):
        Started.from_json("{}")


AMOUNTS = st.none() | st.integers(0, 10**300) | st.floats(0, allow_nan=False, allow_infinity=False)


@given(AMOUNTS, AMOUNTS, st.none() | st.text(max_size=PROGRESS_MESSAGE_MAX_CHARS))
def test_progress(done: float | None, total: float | None, message: str | None) -> None:
    report = ProgressReport(started_at=NOW, done=done, total=total, message=message)
    assert ProgressReport.from_json(report.to_json()) == report
    outcome = Outcome(started_at=NOW, finished_at=NOW, result="1", progress=report)
    assert Outcome.from_json(outcome.to_json()) == outcome


def test_the_longest_progress_fits_into_a_report() -> None:
    message = "\U0001f600" * PROGRESS_MESSAGE_MAX_CHARS
    report = ProgressReport(started_at=NOW, done=1.7e308, total=10**308, message=message)
    assert len(report.to_json()) <= PROGRESS_REPORT_MAX_BYTES


@pytest.mark.parametrize(
    "more",
    [{"done": "1"}, {"done": True}, {"done": -1}, {"total": float("nan")}, {"total": float("inf")}, {"done": 10**400},
     {"message": 1}, {"message": "x" * (PROGRESS_MESSAGE_MAX_CHARS + 1)}, {"startedAt": None}, {"startedAt": "now"}],
)  # fmt: skip
def test_what_is_no_progress(more: dict[str, object]) -> None:
    text = json.dumps({"startedAt": NOW} | more)
    with pytest.raises(InvalidReport):
        ProgressReport.from_json(text)
    # A result is not lost over it.
    outcome = Outcome.from_json(json.dumps({"finishedAt": NOW, "result": "1", "progress": {"startedAt": NOW} | more}))
    assert (outcome.result, outcome.progress) == ("1", None)


def test_progress_gives_way_to_what_matters_more_in_a_termination_message() -> None:
    progress = ProgressReport(started_at=NOW, message="x" * 200)
    for count in (3900, 4100):
        outcome = Outcome(started_at=NOW, finished_at=NOW, result="1" * count, progress=progress)
        message = Outcome.from_json(outcome.to_termination_message())
        assert (message.result, message.progress) == ("1" * count if count < 4000 else None, None)


@given(st.text(), st.integers(0, 100))
def test_shorten(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert short == text if len(text) <= limit else len(short) <= limit + len("\n[… cut …]\n")
