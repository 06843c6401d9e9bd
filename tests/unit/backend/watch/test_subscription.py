"""The buffer of one subscriber."""

from typing import Any

import pytest

from django_tasks_kubernetes.watch.subscription import RESOURCES_MAX, State, Subscription


class Woken:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def resource(phase: str) -> dict[str, Any]:
    return {"status": {"phase": phase}}


def test_subscription_keeps_the_newest_state() -> None:
    woken = Woken()
    one = Subscription(woken, name="t1")
    one.put("t1", 5, resource("Queued"))
    one.put("t1", 6, resource("Running"))
    assert woken.times == 2
    assert one.take().states == {"t1": resource("Running")}
    assert one.take().states == {}


@pytest.mark.parametrize("version", [4, 5])
def test_subscription_ignores_an_older_version(version: int) -> None:
    one = Subscription(Woken(), name="t1")
    one.put("t1", 5, resource("Succeeded"))
    one.put("t1", version, resource("Running"))
    assert one.take().states == {"t1": resource("Succeeded")}
    one.put("t1", version, resource("Running"))
    assert one.take().states == {}


def test_subscription_tells_a_missing_task_from_a_deleted_one() -> None:
    one = Subscription(Woken(), name="t1")
    one.put_missing(as_of=one.version)
    assert one.take().states == {"t1": State.MISSING}
    as_of = one.version
    one.put("t1", 5, resource("Queued"))
    one.put_missing(as_of)
    assert one.take().states == {"t1": resource("Queued")}, "created after it was looked for"
    one.put_missing(as_of=one.version)
    assert one.take().states == {"t1": State.DELETED}, "known before"


def test_subscription_bounds_the_resources_for_a_slow_reader() -> None:
    many = Subscription(Woken())
    for number in range(2 * RESOURCES_MAX):
        many.put(f"t{number}", number, resource("Queued"))
    states = list(many.take().states.values())
    assert states == [resource("Queued")] * RESOURCES_MAX + [State.CHANGED] * RESOURCES_MAX
    many.put("t1", 7, State.DELETED)
    many.mark_gap()
    pending = many.take()
    assert (pending.states, pending.gap) == ({"t1": State.DELETED}, True)


def test_subscription_raises_its_error_on_each_take() -> None:
    woken = Woken()
    one = Subscription(woken, name="t1")
    one.fail(PermissionError("no"))
    assert woken.times == 1
    for _ in range(2):
        with pytest.raises(PermissionError):
            one.take()
