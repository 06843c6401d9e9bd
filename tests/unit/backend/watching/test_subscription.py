"""What a waiter has not looked at yet."""

from typing import Any

import pytest

from django_tasks_kubernetes.watching.subscription import KEPT_MAX, State, Subscription


class Woken:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def resource(phase: str) -> dict[str, Any]:
    return {"status": {"phase": phase}}


def test_the_newest_wins() -> None:
    woken = Woken()
    one = Subscription(woken, name="t1")
    one.put("t1", 5, resource("Queued"))
    one.put("t1", 6, resource("Running"))
    assert woken.times == 2
    assert one.take().states == {"t1": resource("Running")}
    assert one.take().states == {}


@pytest.mark.parametrize("version", [4, 5])
def test_what_was_read_before_it_changed_comes_too_late(version: int) -> None:
    one = Subscription(Woken(), name="t1")
    one.put("t1", 5, resource("Succeeded"))
    one.put("t1", version, resource("Running"))
    assert one.take().states == {"t1": resource("Succeeded")}
    one.put("t1", version, resource("Running"))
    assert one.take().states == {}


def test_a_task_that_is_not_there() -> None:
    one = Subscription(Woken(), name="t1")
    one.put_missing(as_of=one.version)
    assert one.take().states == {"t1": State.MISSING}
    as_of = one.version
    one.put("t1", 5, resource("Queued"))
    one.put_missing(as_of)
    assert one.take().states == {"t1": resource("Queued")}, "created after it was looked for"
    one.put_missing(as_of=one.version)
    assert one.take().states == {"t1": State.DELETED}, "known before"


def test_of_many_only_some_are_kept_for_a_slow_reader() -> None:
    many = Subscription(Woken())
    for number in range(2 * KEPT_MAX):
        many.put(f"t{number}", number, resource("Queued"))
    states = list(many.take().states.values())
    assert states == [resource("Queued")] * KEPT_MAX + [State.CHANGED] * KEPT_MAX
    many.put("t1", 7, State.DELETED)
    many.miss()
    news = many.take()
    assert (news.states, news.missed) == ({"t1": State.DELETED}, True)


def test_an_error_is_for_everyone_who_takes() -> None:
    woken = Woken()
    one = Subscription(woken, name="t1")
    one.fail(PermissionError("no"))
    assert woken.times == 1
    for _ in range(2):
        with pytest.raises(PermissionError):
            one.take()
