"""Times on the wire, and as Django shows them. The tests' TIME_ZONE is Europe/Berlin."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.test import override_settings

from django_tasks_kubernetes.codec.times import clock_change, from_wire, milliseconds, to_wire

NOON = datetime(2026, 11, 23, 12, 0, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-11-23T12:00:00.000005Z"),
        (NOON.astimezone(timezone(timedelta(hours=-5))), "2026-11-23T12:00:00.000005Z"),
        (datetime(2026, 11, 23, 13), "2026-11-23T12:00:00.000000Z"),  # noqa: DTZ001
        (datetime(2026, 7, 1, 13), "2026-07-01T11:00:00.000000Z"),  # noqa: DTZ001
    ],
)
def test_a_time_on_the_wire(moment: datetime, text: str) -> None:
    assert to_wire(moment) == text
    assert datetime.fromtimestamp(milliseconds(moment) / 1000, UTC) == datetime.fromisoformat(f"{text[:23]}Z")


def test_a_time_from_the_wire_is_as_django_has_it() -> None:
    text = to_wire(NOON)
    assert from_wire(text) == NOON
    assert from_wire(None) is None
    with override_settings(USE_TZ=False):
        assert from_wire(text) == datetime(2026, 11, 23, 13, 0, 0, 5)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 10, 25, 2, 30), "is there twice, and the first is taken"),  # noqa: DTZ001
        (datetime(2026, 10, 25, 2, 30, fold=1), None),  # noqa: DTZ001
        (datetime(2026, 3, 29, 2, 30), "does not exist, and 2026-03-29 01:30:00+00:00 is taken"),  # noqa: DTZ001
        (datetime(2026, 10, 25, 4), None),  # noqa: DTZ001
        (NOON, None),
    ],
)
def test_a_local_time_that_the_clock_shows_twice_or_never(moment: datetime, words: str | None) -> None:
    said = clock_change(moment)
    assert said is None if words is None else words in (said or "")
