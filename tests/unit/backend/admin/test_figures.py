"""What the overview counts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_tasks_kubernetes.admin.buckets import Buckets
from django_tasks_kubernetes.admin.figures import (
    by_queue,
    ends,
    latest_ends,
    oldest,
    overall,
    percentiles,
    quiet_since,
    running_longest,
)
from django_tasks_kubernetes.presentation.rows import Row
from tests.unit.backend.admin.rows import NOW, ago, row

BUCKETS = Buckets.until(NOW, timedelta(minutes=3), timedelta(minutes=1), UTC)


def over(name: str, phase: str, end: float, **fields: Any) -> Row:
    """Enqueued ten minutes ago, started two minutes later; the end in minutes from now."""
    return row(name, phase, started_at=ago(minutes=8), finished_at=ago(minutes=end), **fields)


def test_queues_say_what_waits_and_why() -> None:
    unfinished = [
        row("a", reason="QuotaExceeded"),
        row("b", reason="QuotaExceeded", enqueued_at=ago(minutes=30)),
        row("c", "Starting", reason="ImagePullFailed"),
        row("d", "Running", reason="NoReport"),
        row("e", "Retrying", queue="reports"),
        row("f", "Teleporting", queue="reports"),
    ]
    ended = [
        over("g", "Succeeded", 1),
        over("h", "Failed", 2),
        over("i", "Failed", 60),
        over("j", "Cancelled", 1, queue="new"),
    ]
    mail, new, reports = by_queue(unfinished, ended, BUCKETS)
    assert (mail.queue, mail.waiting, mail.running, mail.oldest) == ("mail", 3, 1, ago(minutes=30))
    assert mail.reasons == (("QuotaExceeded", 2), ("ImagePullFailed", 1))
    assert (mail.counts, mail.ended, mail.failed) == ((1, 1, 0), 2, 1)
    assert (reports.queue, reports.waiting, reports.running, reports.reasons) == ("reports", 2, 0, ())
    assert (new.queue, new.waiting, new.oldest, new.ended, new.failed) == ("new", 0, None, 1, 0)
    assert by_queue([], [], BUCKETS) == []


def test_ends_are_counted_by_their_kind() -> None:
    rows = [over("a", "Succeeded", 1), over("b", "Failed", 0.5), over("c", "Succeeded", 2), over("d", "Cancelled", 90)]
    assert ends(rows, BUCKETS) == {"succeeded": [1, 1, 0], "failed": [0, 1, 0], "cancelled": [0, 0, 0]}


def test_times_are_those_of_what_ended() -> None:
    rows = [over(str(n), "Succeeded", 1) for n in range(19)] + [over("slow", "Failed", 1, enqueued_at=ago(hours=1))]
    found = overall(rows, BUCKETS)
    assert found["waited"] == {"p50": 120, "p95": 120}
    assert overall([*rows, over("x", "Failed", 1, enqueued_at=ago(hours=1))], BUCKETS)["waited"]["p95"] == 52 * 60
    assert found["ran"] == {"p50": 420, "p95": 420}
    in_time = percentiles(rows, BUCKETS)
    assert [value for value in in_time["ran"]["p50"] if value is not None] == [420]
    assert overall([], BUCKETS) == {"waited": {"p50": None, "p95": None}, "ran": {"p50": None, "p95": None}}


def test_clocks_that_differ_make_no_negative_time() -> None:
    rows = [row("a", "Succeeded", enqueued_at=NOW, started_at=ago(minutes=1), finished_at=ago(minutes=1.5))]
    assert overall(rows, BUCKETS)["waited"]["p50"] == 0


def test_the_oldest_waits_longest_and_the_longest_runs_first() -> None:
    rows = [
        row("a"),
        row("b", enqueued_at=None),
        row("c", "Running", started_at=ago(hours=1), enqueued_at=ago(hours=2)),
    ]
    rows += [row("d", "Running", started_at=ago(hours=3)), row("e", "Running")]
    assert oldest(rows) == ago(minutes=10)
    assert oldest([]) is None
    assert [one.id for one in running_longest(rows, 5)] == ["d", "c"]
    assert [one.id for one in running_longest(rows, 1)] == ["d"]


def test_the_newest_end_is_first() -> None:
    rows = [over("a", "Failed", 5), over("b", "Failed", 1), row("c", "Failed")]
    assert [one.id for one in latest_ends(rows, 5)] == ["b", "a"]


@pytest.mark.parametrize(
    ("unfinished", "ended", "since"),
    [
        ([], [], None),
        ([row("a")], [], ago(minutes=10)),
        ([row("a"), row("b", enqueued_at=ago(hours=1))], [], ago(hours=1)),
        ([row("a", enqueued_at=ago(seconds=59))], [], None),
        ([row("a", reason="QuotaExceeded")], [], None),
        ([row("a"), row("b", "Running")], [], None),
        ([row("a")], [row("b", "Succeeded", started_at=ago(minutes=4))], ago(minutes=4)),
        ([row("a")], [row("b", "Succeeded", started_at=ago(seconds=30))], None),
        ([row("a", enqueued_at=None)], [], None),
    ],
)
def test_where_nothing_starts_somebody_should_ask_why(
    unfinished: list[Row], ended: list[Row], since: datetime | None
) -> None:
    assert quiet_since(unfinished, ended, NOW) == since
