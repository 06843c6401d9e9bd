"""What a hold keeps from starting, and for how long."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from djangotasks_api.models import DjangoTaskQueue, Held
from djangotasks_api.names import HOLD_PLURAL, QUEUE_PLURAL
from djangotasks_operator.cache.holds import Hold
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import NOW, at, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator


class Seen:
    """A HoldObserver that keeps what it sees."""

    def __init__(self) -> None:
        self.said: list[tuple[str, int | None]] = []
        self.alone: list[str] = []

    def held(self, queue: DjangoTaskQueue, held: Held | None) -> None:
        self.said.append((queue.metadata.name, None if held is None else held.concurrency))

    def without_queue(self, hold: Hold) -> None:
        self.alone.append(hold.key.name)


def wire(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def with_tasks(number: int = 3, **queue: Any) -> InMemoryOperator:
    operator = make_operator()
    operator.put_queue(**queue)
    for index in range(number):
        operator.put_task(make_task(f"t{index}", uid=f"t{index}"))
    return operator


def pods(operator: InMemoryOperator) -> list[str]:
    return sorted(operator.names("pods"))


def end(operator: InMemoryOperator, pod: str) -> None:
    state = {"terminated": {"exitCode": 1, "reason": "Error"}}
    operator.set_pod_status(pod, {"phase": "Failed", "containerStatuses": [{"name": "task", "state": state}]})
    operator.drain()


@pytest.mark.parametrize(
    ("concurrency", "hold", "started"), [(None, 0, 0), (None, 1, 1), (2, 0, 0), (2, 1, 1), (2, 5, 2), (1, 2, 1)]
)
def test_what_starts_is_the_least_of_queue_and_hold(concurrency: int | None, hold: int, started: int) -> None:
    operator = make_operator()
    operator.put_queue(concurrency=concurrency)
    operator.put_hold(concurrency=hold)
    for index in range(3):
        operator.put_task(make_task(f"t{index}", uid=f"t{index}"))
    operator.drain()
    assert len(pods(operator)) == started


def test_what_runs_goes_on_and_its_place_is_not_taken() -> None:
    operator = with_tasks(2, concurrency=1)
    operator.drain()
    assert pods(operator) == ["t0-1"]
    operator.put_hold(concurrency=0)
    operator.drain()
    assert "deletionTimestamp" not in operator.server.get("pods", "t0-1")["metadata"]
    end(operator, "t0-1")
    assert pods(operator) == ["t0-1"]


def test_another_queue_starts() -> None:
    operator = with_tasks(1)
    operator.put_queue("other")
    operator.put_task(make_task("o", uid="o", queue="other"))
    operator.put_hold(concurrency=0)
    operator.drain()
    assert pods(operator) == ["o-1"]


def test_a_released_queue_starts_at_once() -> None:
    operator = make_operator()
    operator.put_queue()
    operator.put_hold(concurrency=0)
    operator.put_task(make_task())
    operator.drain()
    assert pods(operator) == []
    operator.server.delete(HOLD_PLURAL, "default")
    operator.relist()
    operator.drain()
    assert pods(operator) == ["receipt-1"]
    assert operator.queue_status().held is None


def test_a_hold_that_is_lowered_and_raised() -> None:
    operator = make_operator()
    operator.put_queue()
    operator.put_hold(concurrency=1)
    for index in range(3):
        operator.put_task(make_task(f"t{index}", uid=f"t{index}"))
    operator.drain()
    assert pods(operator) == ["t0-1"]
    operator.put_hold(concurrency=2)
    operator.drain()
    assert pods(operator) == ["t0-1", "t1-1"]


def test_a_hold_is_over_at_its_time_and_is_deleted() -> None:
    operator = make_operator()
    operator.put_queue()
    operator.put_hold(concurrency=0, until=wire(at(60)))
    operator.put_task(make_task())
    operator.wait(59)
    assert (pods(operator), operator.names(HOLD_PLURAL)) == ([], ["default"])
    operator.wait(1)
    assert (pods(operator), operator.names(HOLD_PLURAL)) == (["receipt-1"], [])


def test_a_hold_that_cannot_be_deleted_holds_nothing_once_its_time_is_over() -> None:
    operator = make_operator()
    operator.put_queue()
    operator.put_hold(concurrency=0, until=wire(at(60)))
    operator.put_task(make_task())
    operator.drain()

    def refuse(request: str) -> None:
        if request == f"delete {HOLD_PLURAL} default":
            raise ApiError(403, {"message": "no"})

    operator.api.before_request = refuse
    operator.wait(60)
    assert (pods(operator), operator.names(HOLD_PLURAL)) == (["receipt-1"], ["default"])
    assert operator.queue_status().held is None


def test_a_hold_that_was_made_longer_meanwhile_stays() -> None:
    """The watch is late: the read before the deletion tells."""
    operator = make_operator()
    operator.put_queue()
    operator.put_hold(concurrency=0, until=wire(at(60)))
    operator.put_task(make_task())
    operator.drain()
    operator.server.update(HOLD_PLURAL, "default", {"spec": {"until": wire(at(600))}})
    operator.wait(60)
    assert operator.names(HOLD_PLURAL) == ["default"]
    operator.wait(540)
    assert operator.names(HOLD_PLURAL) == []


def test_a_hold_that_changes_during_its_deletion_stays() -> None:
    operator = make_operator()
    operator.put_queue()
    operator.put_hold(concurrency=0, until=wire(at(60)))
    operator.drain()

    def change(request: str) -> None:
        if request == f"delete {HOLD_PLURAL} default":
            operator.api.before_request = lambda _: None
            operator.server.update(HOLD_PLURAL, "default", {"spec": {"until": None}})

    operator.api.before_request = change
    operator.wait(60)
    operator.wait(60)
    assert operator.names(HOLD_PLURAL) == ["default"]


def test_a_clock_that_was_ahead_ends_no_hold() -> None:
    """The answer to the read says what time it is."""
    operator = make_operator()
    operator.put_queue()
    operator.put_hold(concurrency=0, until=wire(at(3600)))
    operator.drain()
    own = operator.api.clock.own
    operator.api.clock.own = lambda: own() + (at(7200) - NOW)
    operator.wait(3000)
    operator.term.holds.initialize()
    operator.drain()
    assert operator.names(HOLD_PLURAL) == ["default"]
    operator.wait(700)
    assert operator.names(HOLD_PLURAL) == []


def test_a_hold_that_somebody_deletes_holds_no_more_whatever_keeps_it() -> None:
    operator = make_operator()
    operator.put_queue()
    operator.put_hold(concurrency=0)
    operator.put_task(make_task())
    operator.server.update(HOLD_PLURAL, "default", {"metadata": {"deletionTimestamp": wire(NOW)}})
    operator.relist()
    operator.drain()
    assert pods(operator) == ["receipt-1"]


def test_a_new_leader_goes_by_the_hold() -> None:
    operator = make_operator(leads=False)
    operator.put_queue()
    operator.put_hold(concurrency=0, until=wire(at(-1)))
    operator.put_queue("held")
    operator.put_hold("held", concurrency=0)
    operator.put_task(make_task("a", uid="a", queue="held"))
    operator.lead()
    operator.drain()
    assert (pods(operator), operator.names(HOLD_PLURAL)) == ([], ["held"])
    held = operator.queue_status("held").held
    assert held is not None


def test_the_queue_says_so_once() -> None:
    operator, seen = make_operator(leads=False), Seen()
    operator.hold_observer = seen
    operator.lead()
    operator.put_queue()
    operator.put_hold(concurrency=0, by="jane", reason="prices are wrong")
    operator.drain()
    status = operator.queue_status()
    assert status.held == Held(concurrency=0, by="jane", reason="prices are wrong", since=NOW)
    assert (status.conditions[0].status, status.conditions[0].reason) == ("True", "Held")
    operator.wait(1000)
    operator.lead()
    operator.drain()
    assert seen.said == [("default", 0)]
    operator.put_hold(concurrency=2, by="jane", reason="prices are wrong")
    operator.drain()
    operator.server.delete(HOLD_PLURAL, "default")
    operator.relist()
    operator.drain()
    assert seen.said == [("default", 0), ("default", 2), ("default", None)]
    assert "held" not in operator.server.get(QUEUE_PLURAL, "default")["status"]


def test_a_hold_without_a_queue_is_seen_and_holds_the_queue_when_it_comes() -> None:
    operator, seen = make_operator(leads=False), Seen()
    operator.hold_observer = seen
    operator.lead()
    operator.put_hold("later", concurrency=0)
    operator.drain()
    assert seen.alone == [], "its queue may be about to come"
    operator.wait(11)
    assert seen.alone == ["later"]
    operator.put_queue("later")
    operator.put_task(make_task("a", uid="a", queue="later"))
    operator.drain()
    assert pods(operator) == []


@pytest.mark.parametrize(
    "spec", [{"concurrency": -1}, {"concurrency": "x"}, {"until": "tomorrow"}, {"by": None}, {"reason": "x" * 300}]
)
def test_a_hold_that_cannot_be_read_starts_nothing_and_says_so(spec: dict[str, Any]) -> None:
    """An older CRD may let it through. Nothing is started that a person wanted held."""
    operator = make_operator()
    operator.put_queue()
    operator.server.create(HOLD_PLURAL, {"metadata": {"name": "default"}, "spec": {"by": "jane"} | spec})
    operator.relist()
    operator.put_task(make_task())
    operator.drain()
    assert pods(operator) == []
    message = operator.queue_status().conditions[0].message
    assert "the hold cannot be read: " + next(iter(spec)) in message
