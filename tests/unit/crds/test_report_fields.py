"""The fields of a report are checked, and the error names the field."""

from __future__ import annotations

import pytest

from djangotasks_api.bounds import RETRY_AFTER_SECONDS, YEARS
from djangotasks_api.report_fields import InvalidReport, flag, load, retry_after, timestamp


@pytest.mark.parametrize("seconds", [0, 1.5, RETRY_AFTER_SECONDS.most])
def test_a_wait_within_its_bounds_is_accepted(seconds: float) -> None:
    assert retry_after({"retryAfterSeconds": seconds}) == seconds


@pytest.mark.parametrize("seconds", [-1, RETRY_AFTER_SECONDS.most + 1, True, "1", float("nan"), float("inf")])
def test_a_wait_beyond_its_bounds_is_refused(seconds: object) -> None:
    with pytest.raises(InvalidReport, match=r"^retryAfterSeconds must be"):
        retry_after({"retryAfterSeconds": seconds})


def test_a_wait_may_be_absent() -> None:
    assert retry_after({}) is None


@pytest.mark.parametrize("year", [YEARS.least - 1, YEARS.most + 1])
def test_a_time_of_another_age_is_refused(year: int) -> None:
    with pytest.raises(InvalidReport, match=rf"^at must be a time .* from {YEARS.least} to {YEARS.most}$"):
        timestamp({"at": f"{year:04}-06-01T00:00:00Z"}, "at")


def test_a_flag_must_be_a_boolean() -> None:
    assert flag({}, "truncated", default=True) is True
    with pytest.raises(InvalidReport, match=r"^truncated must be"):
        flag({"truncated": 1}, "truncated", default=True)


@pytest.mark.parametrize("text", ["", "[]", "1", '{"a": "\\ud800"}', b"\xff"])
def test_text_that_is_no_json_object_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidReport):
        load(text)
