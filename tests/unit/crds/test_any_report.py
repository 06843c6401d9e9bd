"""Whatever bytes come as a report: they are one, or an invalid one."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.outcome import Outcome
from djangotasks_api.report_fields import InvalidReport
from djangotasks_api.reports import ProgressReport, Started

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)  # fmt: skip
FIELDS = [
    "startedAt",
    "finishedAt",
    "result",
    "reason",
    "error",
    "retryable",
    "truncated",
    "type",
    "traceback",
    "retryAfterSeconds",
    "progress",
    "done",
    "total",
    "message",
    "__proto__",
]
TIMES = st.sampled_from(["2026-11-23T12:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "now", ""])
REPORTS = st.dictionaries(st.sampled_from(FIELDS), JSON | TIMES).map(lambda value: json.dumps(value).encode())


@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()) | REPORTS)
def test_any_bytes_are_a_report_or_an_invalid_one(body: bytes) -> None:
    for kind in (Started, ProgressReport, Outcome):
        try:
            report = kind.from_json(body)
        except InvalidReport:
            continue
        assert kind.from_json(report.to_json()) == report
