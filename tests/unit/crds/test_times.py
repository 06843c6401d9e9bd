"""Times in UTC, also those that have no date there."""

from datetime import UTC, datetime

import pytest

from djangotasks_api.times import LATEST, in_utc


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-11-29T12:00:00+02:00", datetime(2026, 11, 29, 10, tzinfo=UTC)),
        ("9999-12-31T23:59:59-01:00", LATEST),
        ("9999-12-31T23:59:59.999999Z", LATEST),
    ],
)
def test_every_time_has_one_in_utc(text: str, found: datetime) -> None:
    assert in_utc(datetime.fromisoformat(text)) == found
