"""The attempts of a task as bars."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_tasks_kubernetes.admin.timeline import LEFT, RIGHT, WIDTH, spans_of, timeline
from tests.unit.backend.resources import attempt, resource

NOW = datetime(2026, 11, 23, 12, 10, 0, tzinfo=UTC)


def at(minutes: float) -> str:
    return (datetime(2026, 11, 23, 12, tzinfo=UTC) + timedelta(minutes=minutes)).isoformat()


def ran(
    number: int, start: float | None, end: float | None, reason: str | None = None, *, created: float | None = None
) -> dict[str, Any]:
    times = {"createdAt": created, "startedAt": start, "finishedAt": end}
    given = {name: at(value) for name, value in times.items() if value is not None}
    return attempt(number, **given, **({"reason": reason} if reason else {}))


@pytest.mark.parametrize(
    ("phase", "attempts", "bars"),
    [
        ("Queued", [], [("waiting", 0, 10)]),
        ("Running", [ran(1, 2, None)], [("waiting", 0, 2), ("running", 2, 10)]),
        ("Succeeded", [ran(1, 2, 5)], [("waiting", 0, 2), ("succeeded", 2, 5)]),
        (
            "Failed",
            [ran(1, 1, 2, "OOMKilled"), ran(2, 4, 5, "OOMKilled")],
            [("waiting", 0, 1), ("failed", 1, 2), ("waiting", 2, 4), ("failed", 4, 5)],
        ),
        ("Retrying", [ran(1, 1, 2, "Evicted")], [("waiting", 0, 1), ("failed", 1, 2), ("waiting", 2, 10)]),
        # It never ran.
        ("Failed", [ran(1, None, 4, "ImagePullFailed")], [("failed", 0, 4)]),
        ("Starting", [ran(1, None, None)], [("waiting", 0, 10)]),
        # With the time of its pod.
        ("Starting", [ran(1, None, None, created=4)], [("waiting", 0, 4), ("starting", 4, 10)]),
        (
            "Succeeded",
            [ran(1, 4, 7, created=3)],
            [("waiting", 0, 3), ("starting", 3, 4), ("succeeded", 4, 7)],
        ),
        ("Failed", [ran(1, None, 4, "ImagePullFailed", created=1)], [("waiting", 0, 1), ("failed", 1, 4)]),
        # Of a pod that was there before the task, and one whose clock is late.
        ("Running", [ran(1, 2, None, created=-3)], [("starting", 0, 2), ("running", 2, 10)]),
        ("Running", [ran(1, 2, None, created=3)], [("waiting", 0, 2), ("running", 2, 10)]),
        # By clocks that differ, and of one that took no time.
        ("Succeeded", [ran(1, 5, 4)], [("waiting", 0, 5), ("succeeded", 5, 5)]),
        ("Cancelled", [], []),
    ],
)
def test_each_attempt_waits_and_runs(
    phase: str, attempts: list[dict[str, Any]], bars: list[tuple[str, float, float]]
) -> None:
    chart = timeline("t", resource(phase=phase, attempts=attempts), NOW, UTC)
    end = max((until for _, _, until in bars), default=0)
    scale = (WIDTH - LEFT - RIGHT) / max(end, 1)
    found = [(mark.kind, float(mark.x), float(mark.x) + float(mark.width)) for mark in chart.marks]
    expected: list[Any] = [
        (kind, pytest.approx(LEFT + begin * scale, abs=0.2), pytest.approx(max(LEFT + until * scale, LEFT + begin * scale + 1.5), abs=0.2))
        for kind, begin, until in bars
    ]  # fmt: skip
    assert found == expected
    assert bool(chart.nothing) is not bool(bars)


def test_reasons_and_numbers_are_beside_the_bars() -> None:
    hostile = ran(1, 1, 2, "Evil\u202e", created=0.5)
    chart = timeline("t", resource(phase="Running", attempts=[hostile, ran(2, 3, None)]), NOW, UTC)
    texts = [label.text for label in chart.labels]
    assert texts[:6] == ["12:00", "12:02", "12:04", "12:06", "12:08", "12:10"]
    assert texts[6:] == ["1", "Evil\\u202e", "2"]
    assert chart.title == "2 attempts, 10 min in all"
    assert chart.rows == [
        ("1", "30 s", "30 s", "60 s", "12:02:00", "Evil\\u202e"),
        ("2", "60 s", "–", "7 min", "–", ""),
    ]
    assert [entry.kind for entry in chart.legend] == ["waiting", "starting", "running", "failed"]


def test_a_wait_for_a_time_is_no_wait() -> None:
    task = resource(spec={"runAfter": at(8)}, phase="Queued")
    (span,) = spans_of(task, NOW)
    assert span.waiting_from == datetime(2026, 11, 23, 12, 8, tzinfo=UTC)
    assert list(spans_of(resource(spec={"runAfter": at(20)}, phase="Queued"), NOW)) == []


@pytest.mark.parametrize("status", [{}, {"attempts": [{}]}, {"attempts": [{"startedAt": "yesterday"}]}])
def test_what_is_missing_hides_nothing_else(status: dict[str, Any]) -> None:
    task = resource(**status)
    del task["spec"]["enqueuedAt"]
    assert timeline("t", task, NOW, UTC).height > 0


def test_days_have_dates_on_their_axis() -> None:
    task = resource(spec={"enqueuedAt": "2026-10-01T12:00:00Z"}, phase="Queued")
    chart = timeline("t", task, NOW, UTC)
    assert 3 <= len(chart.labels) <= 8
    assert all("/2026" in label.text for label in chart.labels[:3])
