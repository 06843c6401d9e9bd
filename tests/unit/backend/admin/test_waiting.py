"""Why tasks wait, in sentences."""

from collections.abc import Iterable
from typing import Any

import pytest

from django_tasks_kubernetes.admin.figures import QueueFigures
from django_tasks_kubernetes.admin.queue_lines import HoldLine, QueueLine
from django_tasks_kubernetes.admin.waiting import asked_about, causes

HOLD = HoldLine(concurrency=0, by="jane", reason="prices are wrong", since=None, until=None)


def figures(queue: str = "mail", waiting: int = 5, reasons: Iterable[tuple[str, int]] = ()) -> QueueFigures:
    return QueueFigures(
        queue=queue, waiting=waiting, running=0, oldest=None, counts=(), ended=0, failed=0, reasons=tuple(reasons)
    )


def line(**fields: Any) -> dict[str, QueueLine]:
    known: dict[str, Any] = {
        "name": "mail",
        "ready": True,
        "reason": "Ready",
        "running": 2,
        "waiting": 5,
        "concurrency": 10,
    }
    return {"mail": QueueLine(**known | fields)}


@pytest.mark.parametrize(
    ("lines", "words", "is_wrong"),
    [
        ({}, [], None),
        (line(), [], None),
        (line(ready=False, reason="DeploymentNotFound", message="there is none"), ["DeploymentNotFound: there is none"], True),
        (line(hold=HOLD, reason="Held"), ["It is held by jane: paused (prices are wrong)"], False),
        (line(reason="Suspended"), ["It is suspended."], False),
        (line(running=10), ["10 of 10 run, and 5 wait for their turn."], False),
        (line(concurrency=None, running=10), [], None),
    ],
    ids=["unreadable", "well", "not ready", "held", "suspended", "full", "unlimited"],
)  # fmt: skip
def test_what_the_queue_says(lines: dict[str, QueueLine], words: list[str], is_wrong: bool | None) -> None:
    found = causes([figures()], lines, {})
    assert [cause.words for cause in found] == words
    assert all(cause.is_wrong is is_wrong for cause in found)
    assert causes([figures(waiting=0)], lines, {}) == []


def test_what_tasks_say_with_the_words_of_one_of_them() -> None:
    of = [figures(reasons=[("ImagePullFailed", 3), ("QuotaExceeded", 1)]), figures("reports")]
    found = causes(of, line(running=10), {("mail", "ImagePullFailed"): "shop:9 not found"})
    assert [(cause.queue, cause.reason, cause.words) for cause in found] == [
        ("mail", "ImagePullFailed", "3 tasks: ImagePullFailed: shop:9 not found"),
        ("mail", "QuotaExceeded", "1 task: QuotaExceeded"),
        ("mail", "", "10 of 10 run, and 5 wait for their turn."),
    ]


def test_the_most_frequent_reasons_are_asked_about() -> None:
    of = [figures(reasons=[("A", 3), ("B", 1)]), figures("reports", reasons=[("C", 9)])]
    assert asked_about(of, 2) == [("reports", "C"), ("mail", "A")]
    assert asked_about([], 2) == []


def test_a_hold_that_lets_some_run_is_no_reason_while_fewer_do() -> None:
    some = HoldLine(concurrency=3, by="jane", reason="", since=None, until=None)
    assert causes([figures()], line(hold=some, running=2), {}) == []
    (cause,) = causes([figures()], line(hold=some, running=3), {})
    assert cause.words == "It is held by jane: at most 3 at once"
