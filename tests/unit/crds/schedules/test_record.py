"""What is dealt with is read from a status, and grows."""

from __future__ import annotations

from datetime import UTC, datetime

from djangotasks_api.schedules.record import Record, Skip, SkipReason
from tests.unit.crds.schedules.world import MINUTE, NOON


def test_a_record_is_read_from_a_status() -> None:
    status = {
        "timing": "abc",
        "since": "2026-11-25T12:00:00Z",
        "lastScheduledFor": "2026-11-25T12:01:00Z",
        "pending": "2026-11-25T12:02:00Z",
        "skipped": {"count": 3, "lastFor": "2026-11-25T12:03:00Z", "reason": "Missed"},
    }
    record = Record.of(status)
    assert record == Record(
        timing="abc",
        since=NOON,
        last=NOON + MINUTE,
        pending=NOON + 2 * MINUTE,
        skipped=Skip(NOON + 3 * MINUTE, SkipReason.MISSED),
        skipped_count=3,
    )
    assert record.base == NOON + 3 * MINUTE
    assert Record.of({}) == Record()
    assert Record().base is None


def test_a_time_without_a_date_in_utc_is_the_last_one() -> None:
    text = "9999-12-31T23:59:59-10:00"
    record = Record.of({"lastScheduledFor": text, "skipped": {"count": 1, "lastFor": text, "reason": "Missed"}})
    assert record.skipped is not None
    assert record.last == record.skipped.scheduled_for == datetime.max.replace(tzinfo=UTC)


def test_the_latest_time_that_was_left_out_stays_the_latest() -> None:
    late, early = Skip(NOON + MINUTE, SkipReason.MISSED), Skip(NOON, SkipReason.REPLACED)
    record = Record().with_skips([late]).with_skips([early])
    assert (record.skipped, record.skipped_count) == (late, 2)


def test_what_is_later_is_forgotten() -> None:
    skip = Skip(NOON + MINUTE, SkipReason.MISSED)
    record = Record(since=NOON, last=NOON + MINUTE).with_skips([skip])
    assert record.until(NOON + MINUTE) == record
    assert record.until(NOON) == Record(since=NOON)


def test_what_waits_does_so_until_it_is_created_or_left_out() -> None:
    record = Record(pending=NOON)
    assert record.created(NOON - MINUTE).pending == NOON
    assert record.created(NOON).pending is None
    assert record.with_skips([Skip(NOON, SkipReason.REPLACED)]).pending is None
