"""Failures by what they failed with."""

from datetime import UTC, datetime, timedelta

from django_tasks_kubernetes.admin.failure_groups import grouped, open_of, retried_of
from django_tasks_kubernetes.admin.windows import WINDOWS
from django_tasks_kubernetes.presentation.rows import Row
from tests.unit.backend.admin.rows import NOW, ago, row

DAY = WINDOWS["24h"].buckets(NOW, UTC)


def failed(name: str, end: datetime | None, **fields: str) -> Row:
    return row(name, "Failed", finished_at=end, **{"reason": "TaskError", "exception": "builtins.ValueError"} | fields)


def test_groups_are_by_task_and_error_and_the_largest_is_first() -> None:
    groups = grouped(
        [
            failed("a", ago(hours=5)),
            failed("b", ago(minutes=5), exception="", reason="OOMKilled"),
            failed("c", ago(minutes=10)),
            failed("d", ago(hours=2), task="shop.tasks.other"),
            failed("e", ago(minutes=1), exception="", reason="OOMKilled", queue="reports"),
            failed("f", ago(hours=3)),
        ],
        DAY,
        NOW,
    )
    assert [(group.task, group.cause, group.number) for group in groups] == [
        ("shop.tasks.send", "builtins.ValueError", 3),
        ("shop.tasks.send", "OOMKilled", 2),
        ("shop.tasks.other", "builtins.ValueError", 1),
    ]
    first, second, _ = groups
    assert [one.id for one in first.rows] == ["c", "f", "a"]
    assert (first.first, first.last, first.last_hour) == (ago(hours=5), ago(minutes=10), 1)
    assert sum(first.counts) == 3
    assert len(first.counts) == len(DAY)
    assert (second.last_hour, second.queues) == (2, ["mail", "reports"])


def test_of_two_of_one_size_the_newest_failure_is_first() -> None:
    old, new = failed("a", ago(hours=2), task="t.old"), failed("b", ago(hours=1), task="t.new")
    assert [group.task for group in grouped([old, new], DAY, NOW)] == ["t.new", "t.old"]
    assert [group.task for group in grouped([new, old], DAY, NOW)] == ["t.new", "t.old"]


def test_only_ends_in_the_window_count() -> None:
    assert (
        grouped([failed("a", ago(hours=25)), failed("b", None), failed("c", NOW + timedelta(hours=1))], DAY, NOW) == []
    )
    assert grouped([], DAY, NOW) == []


def test_what_was_retried_is_not_open() -> None:
    rows = [failed("a", ago(hours=1)), failed("b", ago(hours=1))]
    retried = retried_of([row("x", retry_of="a"), row("y")])
    assert [one.id for one in open_of(rows, retried)] == ["b"]
