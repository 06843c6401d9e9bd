"""Reports of a start and of progress: bounded, and checked field by field."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.bounds import PROGRESS_MESSAGE_MAX_CHARS, PROGRESS_REPORT_MAX_BYTES
from djangotasks_api.report_fields import InvalidReport
from djangotasks_api.reports import ProgressReport, Started

NOW = "2026-11-23T12:00:00.000001+00:00"
AMOUNTS = st.none() | st.integers(0, 10**300) | st.floats(0, allow_nan=False, allow_infinity=False)


def test_a_start_survives_the_journey() -> None:
    assert Started.from_json(Started(started_at=NOW).to_json()) == Started(started_at=NOW)
    with pytest.raises(InvalidReport, match="startedAt"):
        Started.from_json("{}")


@given(AMOUNTS, AMOUNTS, st.none() | st.text(max_size=PROGRESS_MESSAGE_MAX_CHARS))
def test_progress_survives_the_journey(done: float | None, total: float | None, message: str | None) -> None:
    report = ProgressReport(started_at=NOW, done=done, total=total, message=message)
    assert ProgressReport.from_json(report.to_json()) == report


def test_the_longest_progress_fits_into_a_report() -> None:
    message = "\U0001f600" * PROGRESS_MESSAGE_MAX_CHARS
    report = ProgressReport(started_at=NOW, done=1.7e308, total=10**308, message=message)
    assert len(report.to_json()) <= PROGRESS_REPORT_MAX_BYTES


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"done": "1"}, "done"), ({"done": True}, "done"), ({"done": -1}, "done"), ({"done": 10**400}, "done"),
        ({"total": float("nan")}, "total"), ({"total": float("inf")}, "total"),
        ({"message": 1}, "message"), ({"message": "x" * (PROGRESS_MESSAGE_MAX_CHARS + 1)}, "message"),
        ({"startedAt": None}, "startedAt"), ({"startedAt": "now"}, "startedAt"),
    ],
)  # fmt: skip
def test_progress_with_a_wrong_field_is_refused(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidReport, match=f"^{field} must be"):
        ProgressReport.from_json(json.dumps({"startedAt": NOW} | change))


@given(st.binary(max_size=200))
def test_random_bytes_are_a_report_or_refused(data: bytes) -> None:
    for parse in (Started.from_json, ProgressReport.from_json):
        try:
            parse(data)
        except InvalidReport:
            continue
