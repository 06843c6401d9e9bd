"""What becomes of a queue after a start that failed, and of the order of its tasks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from djangotasks_operator.scheduling.line import SortKey, sort_key
from djangotasks_operator.scheduling.recovery import LAST_WAIT
from djangotasks_operator.scheduling.scheduler import UNLIMITED, QueueQuota, Scheduler
from tests.support.builders import NOW


def key_of(priority: int, name: str) -> SortKey:
    return sort_key(priority, NOW, name)


def any_number(_: object) -> QueueQuota:
    return UNLIMITED


def test_a_queue_whose_start_failed_is_tried_by_one_task_at_a_time() -> None:
    """Less and less often, and by all of them again once some have started."""
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=32)
    positions = {f"{number:02}": key_of(0, f"{number:02}") for number in range(60)}
    for key, position in positions.items():
        scheduler.enqueue(key, "q", position)
    waits, now = [], 0.0

    def admit() -> list[str]:
        return scheduler.admit(any_number, now)

    for key in admit():
        scheduler.refuse(key, "q", positions[key], now)
    for _ in range(5):
        assert admit() == []
        ((_, delay),) = scheduler.delayed(any_number, now)
        waits.append(delay)
        now += delay
        (key,) = admit()
        assert admit() == [], "one at a time"
        scheduler.refuse(key, "q", positions[key], now)
    assert waits[0] < 1, "those that failed together are one failure"
    assert all(later >= 1.9 * sooner or later == LAST_WAIT for sooner, later in pairwise(waits))
    now += LAST_WAIT
    together = []
    while keys := admit():
        together.append(len(keys))
        for key in keys:
            scheduler.mark_admitted(key, "q")
    assert together == [1, 2, 4, 8, 16, 28, 1], "each that starts lets two others go on"


def refused(scheduler: Scheduler[str, str], key: str, priority: int, now: float) -> None:
    scheduler.refuse(key, "q", key_of(priority, key), now)


def in_turns(scheduler: Scheduler[str, str], priorities: dict[str, int], starts: Callable[[str], bool]) -> list[str]:
    """Which task is tried, one at a time, where some start and end at once."""
    for key, priority in priorities.items():
        scheduler.enqueue(key, "q", key_of(priority, key))
    tried, now = [], 0.0
    for _ in range(2 * len(priorities) + 4):
        now += LAST_WAIT
        for key in scheduler.admit(lambda _: QueueQuota(concurrency=1), now):
            tried.append(key)
            if starts(key):
                scheduler.mark_admitted(key, "q")
                scheduler.forget(key)
            else:
                refused(scheduler, key, priorities[key], now)
    return tried


def test_a_refused_task_keeps_its_place() -> None:
    """The quota is full for some time, and its first room is for the highest priority."""
    tries = iter(range(100))
    tried = in_turns(Scheduler(32), {"high": 9, "a": 0, "b": 0, "c": 0}, lambda _: next(tries) >= 4)
    assert tried == ["high", "a", "high", "b", "high", "a", "b", "c"]


def test_a_task_that_cannot_start_is_no_hindrance() -> None:
    """However high its priority: it waits until it lines up again."""
    scheduler: Scheduler[str, str] = Scheduler(32)
    tried = in_turns(scheduler, {"odd": 9, "a": 0, "b": 0, "c": 0}, lambda key: key != "odd")
    assert tried == ["odd", "a", "b", "c"]
    scheduler.enqueue("odd", "q", key_of(9, "odd"))
    assert scheduler.admit(any_number, 1e6) == ["odd"]


def test_a_task_that_has_lined_up_again_is_not_forgotten() -> None:
    """Its backoff was over before another one started, and nothing else would wake it."""
    scheduler: Scheduler[str, str] = Scheduler(32)
    refused(scheduler, "odd", 9, 0.0)
    scheduler.enqueue("odd", "q", key_of(9, "odd"))
    scheduler.enqueue("a", "q", key_of(0, "a"))
    assert scheduler.admit(lambda _: QueueQuota(concurrency=1), 60.0) == ["a"]
    scheduler.mark_admitted("a", "q")
    scheduler.forget("a")
    assert scheduler.admit(any_number, 60.0) == ["odd"]


def test_some_that_cannot_start_are_no_hindrance() -> None:
    odd = {"odd-1": 9, "odd-2": 8, "odd-3": 7}
    tried = in_turns(Scheduler(32), {**odd, "a": 0, "b": 0, "c": 0, "d": 0}, lambda key: key not in odd)
    assert [key for key in tried if key not in odd] == ["a", "b", "c", "d"]
    assert len(tried) <= 12


def test_room_is_for_the_first_of_all() -> None:
    """Out of turn: an attempt has ended, or the queue has changed."""
    scheduler: Scheduler[str, str] = Scheduler(32)
    scheduler.enqueue("low", "q", key_of(0, "low"))
    refused(scheduler, "high", 9, 0.0)
    scheduler.try_again("q")
    assert scheduler.admit(any_number, 0.0) == ["high"], "one at a time, and at once"


@pytest.mark.parametrize("counts", [False, True])
def test_a_refused_start_counts_for_the_rate_only_if_it_may_have_succeeded(counts: bool) -> None:
    scheduler: Scheduler[str, str] = Scheduler(32)
    quota = QueueQuota(rate=(1, 3600.0))
    scheduler.enqueue("a", "q", key_of(0, "a"))
    assert scheduler.admit(lambda _: quota, 0.0) == ["a"]
    scheduler.refuse("a", "q", key_of(0, "a"), 0.0, counts=counts)
    assert scheduler.admit(lambda _: quota, 60.0) == ([] if counts else ["a"])


def test_a_failed_start_holds_no_other_queue() -> None:
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=32)
    scheduler.refuse("a", "broken", key_of(100, "a"), 0.0)
    scheduler.enqueue("b", "well", key_of(0, "b"))
    assert scheduler.admit(any_number, 0.0) == ["b"]
    scheduler.try_again("broken")
    assert scheduler.admit(any_number, 0.0) == ["a"]
