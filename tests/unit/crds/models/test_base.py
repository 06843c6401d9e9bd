"""Numbers are held to their bounds, and names to their patterns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from djangotasks_api.models.base import DnsLabel, Timestamp, within
from djangotasks_api.number_range import Range


@pytest.mark.parametrize(("number", "accepted"), [(1, False), (2, True), (5, True), (6, False)])
def test_a_number_is_held_to_its_bounds(number: int, accepted: bool) -> None:
    adapter = TypeAdapter[int](Annotated[int, within(Range(2, 5))])
    assert adapter.json_schema() == {"type": "integer", "minimum": 2, "maximum": 5}
    if accepted:
        assert adapter.validate_python(number) == number
    else:
        with pytest.raises(ValidationError):
            adapter.validate_python(number)


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ("2026-11-29T10:00:00Z", True),
        ("9999-12-31T23:59:59Z", True),
        ("0999-12-31T23:59:59Z", False),
        (datetime(2026, 11, 29, tzinfo=UTC), True),
        (1_796_000_000, False),
        (0.5, False),
        ([], False),
    ],
)
def test_a_time_is_a_text(value: object, accepted: bool) -> None:
    """Numbers are none for the API server either, and code that reads the resource itself expects a text."""
    adapter = TypeAdapter[datetime](Timestamp)
    if accepted:
        assert adapter.validate_python(value).year >= 1000
    else:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


@pytest.mark.parametrize("name", ["", "High", "a_b", "-a", "a-", "a.b", "a" * 64, "a\n"])
def test_a_name_that_is_no_dns_label_is_refused(name: str) -> None:
    adapter = TypeAdapter[str](DnsLabel)
    assert adapter.validate_python("high-priority") == "high-priority"
    with pytest.raises(ValidationError):
        adapter.validate_python(name)
