"""A new leader counts what runs before it starts anything."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest

from djangotasks_api.models import TaskStatus
from djangotasks_api.phases import Phase
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.schedules import parse_schedule
from djangotasks_operator.cache.store import Store
from djangotasks_operator.controllers.admission import TAKEN_AT_ONCE
from djangotasks_operator.scheduling.scheduler import QueueQuota
from tests.support.builders import NAMESPACE, at, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator


def admitted(operator: InMemoryOperator) -> list[str]:
    operator.lead()
    return [key.name for key in operator.store.all_keys() if operator.term.admission.is_admitted(key)]


def test_running_tasks_keep_their_slots() -> None:
    operator = make_operator()
    operator.put_queue(concurrency=2)
    for name in ("runs-1", "runs-2"):
        operator.put_task(make_task(name, enqueued_at=at(-1)))
    operator.drain()
    assert operator.names("pods") == ["runs-1-1", "runs-2-1"]
    # Older ones, and first in the new leader's cache.
    waiting = make_operator(operator.api, leads=False)
    for name in ("waits-1", "waits-2"):
        waiting.put_task(make_task(name, enqueued_at=at(-100)))
    assert sorted(admitted(waiting)) == ["runs-1", "runs-2"]


def test_a_task_that_cannot_be_decided_on_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    operator = make_operator(leads=False)
    operator.put_queue()
    end = datetime.max.replace(tzinfo=UTC)
    operator.put_task(make_task("broken", status=TaskStatus(phase=Phase.FAILED, finished_at=end)))
    operator.put_task(make_task("good"))
    assert admitted(operator) == ["good"]
    assert "shop/broken: a defect" in caplog.text


def test_a_leader_that_takes_over_many_tasks_renews_its_lease_meanwhile() -> None:
    """100,000 tasks took a process with little CPU longer than the lease, so that no replica ever led."""
    operator = make_operator(leads=False)
    operator.put_queue()
    operator.lead()
    for number in range(TAKEN_AT_ONCE):
        operator.store.put_task(make_task(name := f"t{number}", uid=name))
    stops, taking = 0, operator.term.admission.initialize()
    with contextlib.suppress(StopIteration):
        while True:
            taking.send(None)
            stops += 1
    assert stops == 2, "for the starts, and for the places"


def test_a_task_that_cannot_be_read_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    operator = make_operator(leads=False)
    operator.put_queue(rate_limit={"starts": 9, "period_seconds": 60})
    for name in ("broken", "good"):
        operator.put_task(make_task(name))
    snapshot = Store.snapshot

    def broken(store: Store, key: Key, **more: bool) -> object:
        if key.name == "broken":
            raise OverflowError
        return snapshot(store, key, **more)

    monkeypatch.setattr(Store, "snapshot", broken)
    assert admitted(operator) == ["good"]
    assert "shop/broken: a defect" in caplog.text


def test_no_scheduled_time_keeps_a_leader_from_beginning() -> None:
    """Anybody who may create tasks may write one that has no date in UTC."""
    operator = make_operator(leads=False)
    operator.put_queue()
    schedule: dict[str, object] = {"cron": ["0 0 * * *"], "task": {"task": "a.b"}}
    operator.store.schedules.put(parse_schedule(make_schedule_body("nightly", schedule)))
    task = make_task("odd", status=TaskStatus(phase=Phase.FAILED, finished_at=at(0)))
    spec = {"schedule": "nightly", "scheduled_for": datetime.fromisoformat("9999-12-31T23:59:00-01:00")}
    operator.put_task(task.model_copy(update={"spec": task.spec.model_copy(update=spec)}))
    operator.put_task(make_task("good"))
    assert admitted(operator) == ["good"]


def make_schedule_body(name: str, spec: dict[str, object]) -> dict[str, object]:
    stamp = "2026-11-23T00:00:00Z"
    metadata = {"name": name, "namespace": NAMESPACE, "uid": "s", "resourceVersion": "1", "creationTimestamp": stamp}
    return {"metadata": metadata, "spec": spec}


def test_free_slots_go_by_priority() -> None:
    operator = make_operator(leads=False)
    operator.put_queue(concurrency=1)
    operator.put_task(make_task("low", priority=-5))
    operator.put_task(make_task("high", priority=5))
    operator.put_task(make_task("later", priority=9, run_after=at(60)))
    assert admitted(operator) == ["high"]


def test_starts_of_the_last_leader_count_for_the_rate_limit() -> None:
    operator = make_operator()
    operator.put_queue(rate_limit={"starts": 1, "period_seconds": 60})
    operator.put_task(make_task("first"))
    operator.drain()
    operator.put_task(make_task("second"))
    assert admitted(operator) == ["first"]
    operator.wait(59)
    assert operator.names("pods") == ["first-1"]
    operator.wait(2)
    assert operator.names("pods") == ["first-1", "second-1"]


def test_starts_whose_pods_are_gone_count_for_the_rate_limit() -> None:
    operator = make_operator()
    operator.put_queue(rate_limit={"starts": 1, "period_seconds": 60})
    operator.put_task(make_task("first"))
    operator.drain()
    operator.set_pod_status("first-1", {"phase": "Failed"})
    operator.wait(10)
    operator.server.remove("pods", "first-1")
    operator.server.remove("jobs", "first-1")
    later = make_operator(operator.api)
    later.put_task(make_task("second", uid="second"))
    later.wait(45)
    assert later.names("pods") == []
    later.wait(20)
    assert later.names("pods") == ["second-1"]


@pytest.mark.parametrize("restart", [False, True], ids=["", "after a restart"])
@pytest.mark.parametrize("again", [None, "receipt"], ids=["", "and another one has its name"])
def test_a_pod_keeps_its_slot_when_its_task_is_deleted(again: str | None, restart: bool) -> None:
    """A queue of one at a time stays one, while the deleted task's pod takes its grace period."""
    operator = make_operator()
    operator.put_queue(concurrency=1)
    operator.put_task(make_task())
    operator.drain()
    operator.server.delete("djangotasks", "receipt")
    for _ in ("its Job", "and the Job's pod"):
        operator.server.collect()
    assert "deletionTimestamp" in operator.server.get("pods", "receipt-1")["metadata"]
    operator.relist()
    operator.drain()
    if restart:
        operator = make_operator(operator.api)
    for name in filter(None, ("other", again)):
        operator.put_task(make_task(name, uid="other"))
    operator.wait(20)
    assert operator.names("pods") == ["receipt-1"]
    operator.server.remove("pods", "receipt-1")
    operator.relist()
    operator.wait(20)
    assert len(operator.names("pods")) == 1


def test_a_task_that_fails_to_start_frees_its_slot() -> None:
    operator = make_operator()
    operator.put_queue(concurrency=1)
    operator.server.refusal = "exceeded quota: narrow"
    operator.put_task(make_task("blocked"))
    operator.drain()
    assert not operator.term.admission.is_admitted(Key(NAMESPACE, "blocked"))


def test_a_queue_says_since_when_its_oldest_waits_and_how_many_it_would_let_start() -> None:
    operator = make_operator()
    operator.put_queue(concurrency=2)
    operator.put_task(make_task("runs", enqueued_at=at(-100)))
    operator.drain()
    queue, admission = Key(NAMESPACE, "default"), operator.term.admission
    assert (admission.oldest_waiting(queue), admission.free_slots(queue)) == (None, 1)
    for name, seconds in (("waits", -30), ("waits-longer", -60), ("not-yet", 600)):
        operator.store.put_task(make_task(name, uid=name, run_after=at(seconds)))
    assert (admission.oldest_waiting(queue), admission.free_slots(queue)) == (at(-60), 1)


def test_each_queue_is_asked_once_for_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many tasks start: who has hundreds of queues must not slow down the starts of all."""
    operator, asked = make_operator(), list[str]()
    admission = operator.term.admission
    quota = admission._quota

    def noted(queue: Key) -> QueueQuota:
        asked.append(queue.name)
        return quota(queue)

    monkeypatch.setattr(admission, "_quota", noted)
    for name in ("a", "b", "held"):
        operator.put_queue(name, suspended=name == "held")
        for number in range(3):
            task = make_task(f"{name}{number}", queue=name)
            admission.enqueue(Key.of(task.metadata), task)
    admission.admit()
    assert sorted(asked) == ["a", "b", "held"]
    assert admission.starting == 6
