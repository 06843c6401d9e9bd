"""Metrics that are read from the cache when they are asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from djangotasks_api.models import DjangoTaskQueue, Held, QueueCondition, QueueStatus, TaskStatus
from djangotasks_api.phases import Phase
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from djangotasks_operator.runtime.workqueue import WorkQueue
from djangotasks_operator.telemetry.collector import StateCollector
from djangotasks_operator.telemetry.metrics import MISSING
from tests.support.builders import NAMESPACE, NOW, make_queue, make_task
from tests.unit.operator.model.server import Clock
from tests.unit.operator.telemetry.test_metrics import Observed, Samples, labels, samples


def gauges(observed: Observed, *, leads: bool) -> Samples:
    queue: WorkQueue[Key] = WorkQueue()
    observed.metrics.add(StateCollector(observed.store, queue, WatchMonitor(), lambda: leads, lambda: 7, lambda: 3))
    queue.add(Key("shop", "a"))
    queue.add(Key("shop", "b"))
    queue.retries = 3
    return samples(observed.metrics)


def ready_queue(name: str, status: Literal["True", "False"]) -> DjangoTaskQueue:
    """A queue with this condition."""
    condition = QueueCondition(type="Ready", status=status, reason="Because", last_transition_time=NOW)
    queue = make_queue(name)
    metadata = queue.metadata.model_copy(update={"resource_version": "9"})
    return queue.model_copy(update={"status": QueueStatus(conditions=[condition]), "metadata": metadata})


def test_the_ready_condition_of_queues_is_a_gauge() -> None:
    observed = Observed()
    observed.store.put_queue(ready_queue("well", "True"))
    observed.store.put_queue(ready_queue("wrong", "False"))
    gauges(observed, leads=True)
    families = observed.metrics.registry.collect()
    (family,) = (family for family in families if family.name == "djangotasks_queue_ready")
    found = {sample.labels["queue"]: sample.value for sample in family.samples}
    assert found == {"well": 1, "wrong": 0}, "and nothing of the one that has no status yet"


def test_held_queues_are_a_gauge() -> None:
    observed = Observed()
    held = ready_queue("held", "True")
    status = held.status.model_copy(update={"held": Held(concurrency=0, by="jane")})
    observed.store.put_queue(held.model_copy(update={"status": status}))
    observed.store.put_queue(ready_queue("free", "True"))
    gauges(observed, leads=True)
    families = observed.metrics.registry.collect()
    (family,) = (family for family in families if family.name == "djangotasks_queue_held")
    found = {sample.labels["queue"]: sample.value for sample in family.samples}
    assert (found["held"], found["free"]) == (1, 0)


def test_holds_that_nobody_gave_an_end_say_since_when_they_are() -> None:
    since = datetime(2026, 11, 29, 12, tzinfo=UTC)
    forgotten = Held(concurrency=0, by="jane", since=since)
    holds = {"forgotten": forgotten, "for-an-hour": forgotten.model_copy(update={"until": since}), "free": None}
    found = {}
    for leads in (True, False):
        observed = Observed()
        for name, held in holds.items():
            queue = ready_queue(name, "True")
            status = queue.status.model_copy(update={"held": held})
            observed.store.put_queue(queue.model_copy(update={"status": status}))
        gauges(observed, leads=leads)
        families = observed.metrics.registry.collect()
        (family,) = (one for one in families if one.name == "djangotasks_queue_held_without_end_timestamp_seconds")
        found[leads] = {sample.labels["queue"]: sample.value for sample in family.samples}
    assert found == {True: {"forgotten": since.timestamp()}, False: {}}


class FixedLine:
    """As of an admission."""

    def oldest_waiting(self, queue: Key) -> datetime | None:
        return NOW if queue.name == "waits" else None

    def free_slots(self, queue: Key) -> float:
        return {"waits": 3.0}.get(queue.name, float("inf"))


def test_queues_say_whether_tasks_wait_although_some_could_start() -> None:
    line: FixedLine | None = FixedLine()
    leads = True
    observed = Observed()
    observed.store.put_queue(ready_queue("waits", "True"))
    observed.metrics.add(
        StateCollector(observed.store, WorkQueue(), WatchMonitor(), lambda: leads, lambda: 0, lambda: 0, lambda: line)
    )

    def found(name: str) -> Samples:
        return by_label(observed, f"djangotasks_queue_{name}", "queue")

    assert found("oldest_waiting_timestamp_seconds") == {"waits": NOW.timestamp()}
    assert found("free_slots") == {"waits": 3, "default": float("inf")}
    leads = False
    assert found("free_slots") == found("oldest_waiting_timestamp_seconds") == {}
    leads, line = True, None
    assert found("free_slots") == {}, "those in progress are not counted yet"


def test_namespaces_that_cannot_be_read_are_named_and_are_no_silent_watches() -> None:
    clock = Clock()
    monitor = WatchMonitor(("shop", "bank"), clock.seconds)
    for namespace in monitor.namespaces:
        monitor.observed("pods", namespace, "7")
    leads, observed = True, Observed()
    observed.metrics.add(StateCollector(observed.store, WorkQueue(), monitor, lambda: leads, lambda: 0, lambda: 0))
    clock.advance(100)
    monitor.observed("pods", "shop", "8")
    assert by_label(observed, "djangotasks_namespace_readable", "namespace") == {"shop": 1, "bank": 1}
    assert by_label(observed, "djangotasks_watch_age_seconds", "resource") == {"pods": 100}
    monitor.unreadable = frozenset({"bank"})
    assert by_label(observed, "djangotasks_namespace_readable", "namespace") == {"shop": 1, "bank": 0}
    assert by_label(observed, "djangotasks_watch_age_seconds", "resource") == {"pods": 0}
    leads = False
    assert by_label(observed, "djangotasks_namespace_readable", "namespace") == {}


def by_label(observed: Observed, name: str, label: str) -> Samples:
    (family,) = (family for family in observed.metrics.registry.collect() if family.name == name)
    return {sample.labels[label]: sample.value for sample in family.samples}


def test_tasks_are_counted_by_the_leader_alone() -> None:
    observed = Observed()
    observed.store.put_task(make_task("second", queue="no-such-queue"))
    observed.store.put_task(make_task("third", status=TaskStatus(phase=Phase.FAILED)))
    everywhere = {"workqueue_depth": 2, "workqueue_retries_total": 3}
    leader = {"backlog_tasks": 7, "tasks_awaiting_deletion": 3, "tasks{Queued}": 1, "tasks{Failed}": 1}
    assert gauges(observed, leads=True) == everywhere | leader
    assert labels(observed.metrics, "djangotasks_tasks") == {(NAMESPACE, "default"), (NAMESPACE, MISSING)}
    standby = Observed()
    standby.store.put_queue(ready_queue("default", "True"))
    assert gauges(standby, leads=False) == everywhere
