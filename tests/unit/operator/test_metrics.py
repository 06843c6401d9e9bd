"""What is counted of a task's life, when, and under which labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from djangotasks_api.models import DjangoTask, DjangoTaskQueue, QueueCondition, QueueStatus, TaskStatus
from djangotasks_api.outcome import ErrorReport, Outcome
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator import transitions
from djangotasks_operator.api import Api
from djangotasks_operator.events import Events
from djangotasks_operator.gauges import Gauges
from djangotasks_operator.metrics import MISSING, OF_QUEUE, OTHER, Metrics
from djangotasks_operator.policy import Limits
from djangotasks_operator.store import Key, Store
from djangotasks_operator.streams import Streams
from djangotasks_operator.witness import Witness
from djangotasks_operator.workqueue import WorkQueue
from tests.support.builders import NAMESPACE, NOW, at, make_attempt, make_pod, make_queue, make_task

REFERENCE = Path(__file__).parents[3] / "docs/reference/metrics.md"
ONCE, TWICE = Limits(), Limits(max_attempts=2)
SUCCESS = Outcome(started_at=at(1).isoformat(), finished_at=at(3).isoformat(), result="3")
ERROR = ErrorReport(type="shop.CardDeclined", traceback="Traceback …")
FAILURE = Outcome(
    started_at=at(1).isoformat(), finished_at=at(3).isoformat(), reason=Reason.TASK_ERROR, error=ERROR
)  # fmt: skip

Samples = dict[str, float]


def samples(metrics: Metrics) -> Samples:
    """All samples that are not zero, as `name{label,label}`, without the prefix, buckets and what is not ours."""
    found: Samples = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            name = sample.name.removeprefix("djangotasks_")
            if sample.value and name != sample.name and not name.endswith("_bucket") and name != "build_info":
                labels = ",".join(value for key, value in sample.labels.items() if key not in ("namespace", "queue"))
                found[f"{name}{{{labels}}}" if labels else name] = sample.value
    return found


class World:
    """A store with the task `receipt`, enqueued a minute ago, and a witness of what is written about it."""

    def __init__(self, task: DjangoTask | None = None) -> None:
        self.metrics = Metrics()
        self.store = Store()
        self.store.put_queue(make_queue())
        self.task = task or make_task()
        self.store.put_task(self.task)
        events = Events(cast(Api, None), lambda result: self.metrics.events.labels(result).inc())
        self.witness = Witness(self.store, self.metrics, events, now=lambda: at(4))

    def write(self, *statuses: TaskStatus) -> None:
        for status in statuses:
            self.witness.transition(self.task, status)
            self.task = self.task.model_copy(update={"status": status})


def with_outcome(status: TaskStatus, outcome: Outcome, limits: Limits = ONCE) -> TaskStatus:
    return transitions.with_outcome("receipt", status, outcome, limits, at(4))


def died(status: TaskStatus, reason: Reason | str, limits: Limits = ONCE) -> TaskStatus:
    return transitions.died("receipt", status, reason, "gone", limits, at(4))


NEW = TaskStatus()
RUNNING = transitions.running("receipt", NEW, at(1))
RETRYING = with_outcome(NEW, FAILURE, TWICE)
# From the creation of the pod, a second before NOW, to the start: 2 s. The run: 2 s. From enqueuing to the write: 64 s.
RUN: Samples = {"start_seconds_count": 1, "start_seconds_sum": 2, "run_seconds_count": 1, "run_seconds_sum": 2}
STORY: list[tuple[str, list[TaskStatus], Samples]] = [
    ("nothing but a wait", [transitions.waiting(NEW, Reason.QUOTA_EXCEEDED, "no room")], {}),
    ("a start that takes its time", [transitions.starting("receipt", NEW, None, None)], {}),
    ("running", [RUNNING], {"start_seconds_count": 1, "start_seconds_sum": 2}),
    ("a success", [with_outcome(NEW, SUCCESS)],
     RUN | {"attempts_total": 1, "task_duration_seconds_count{Succeeded}": 1, "task_duration_seconds_sum{Succeeded}": 64}),
    ("a success that was shown as running before", [RUNNING, with_outcome(RUNNING, SUCCESS)],
     RUN | {"attempts_total": 1, "task_duration_seconds_count{Succeeded}": 1, "task_duration_seconds_sum{Succeeded}": 64}),
    ("a failure", [with_outcome(NEW, FAILURE)],
     RUN | {"attempts_total": 1, "attempt_failures_total{TaskError}": 1,
            "task_duration_seconds_count{Failed}": 1, "task_duration_seconds_sum{Failed}": 64}),
    ("a retry", [RETRYING],
     RUN | {"attempts_total": 1, "attempt_failures_total{TaskError}": 1, "retries_total": 1}),
    ("a retry whose second attempt waits for a quota", [RETRYING, transitions.waiting(RETRYING, Reason.QUOTA_EXCEEDED, "")],
     RUN | {"attempts_total": 1, "attempt_failures_total{TaskError}": 1, "retries_total": 1}),
    ("an interruption", [died(RUNNING, Reason.EVICTED)],
     RUN | {"run_seconds_sum": 3, "attempts_total": 1, "interruptions_total{Evicted}": 1, "retries_total": 1}),
    ("a pod that never started", [died(NEW, Reason.IMAGE_PULL_FAILED)],
     {"attempts_total": 1, "attempt_failures_total{ImagePullFailed}": 1,
      "task_duration_seconds_count{Failed}": 1, "task_duration_seconds_sum{Failed}": 64}),
    ("a word that is none of ours", [died(NEW, "Invented")],
     {"attempts_total": 1, f"attempt_failures_total{{{OTHER}}}": 1,
      "task_duration_seconds_count{Failed}": 1, "task_duration_seconds_sum{Failed}": 64}),
    ("condemned, and then gone", [(late := transitions.condemned("receipt", RUNNING, Reason.DEADLINE_EXCEEDED, "late")),
                                  died(late, Reason.DEADLINE_EXCEEDED)],
     RUN | {"run_seconds_sum": 3, "attempts_total": 1, "attempt_failures_total{DeadlineExceeded}": 1,
            "task_duration_seconds_count{Failed}": 1, "task_duration_seconds_sum{Failed}": 64}),
    ("cancelled while it ran", [RUNNING, transitions.cancelled("receipt", RUNNING, at(4), begun=True)],
     RUN | {"run_seconds_sum": 3, "attempts_total": 1,
            "task_duration_seconds_count{Cancelled}": 1, "task_duration_seconds_sum{Cancelled}": 64}),
]  # fmt: skip


@pytest.mark.parametrize(("statuses", "counted"), [row[1:] for row in STORY], ids=[row[0] for row in STORY])
def test_what_is_counted_of_a_story(statuses: list[TaskStatus], counted: Samples) -> None:
    world = World()
    world.store.put_pod(make_pod(stamped_at=at(-1), created_at=at(-30)))
    world.write(*statuses)
    found = {name: value for name, value in samples(world.metrics).items() if not name.startswith("events")}
    assert found == counted


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, 64.0),
        ({"enqueued_at": at(1)}, 3.0),
        ({"enqueued_at": at(-600), "run_after": at(3.75)}, 0.25),
        ({"enqueued_at": at(3), "run_after": at(-600)}, 1.0),
        ({"enqueued_at": at(600)}, 0.0),
    ],
)
def test_the_wait_counts_from_when_a_task_may_run(fields: dict[str, Any], seconds: float) -> None:
    world = World(make_task(**fields))
    world.witness.pod_created(make_pod())
    assert samples(world.metrics).get("queue_wait_seconds_sum", 0.0) == seconds
    assert samples(world.metrics)["queue_wait_seconds_count"] == 1


def test_a_later_attempt_waits_for_no_queue() -> None:
    world = World(make_task(status=TaskStatus(attempts=[make_attempt(finished_at=NOW)])))
    world.witness.pod_created(make_pod(2))
    assert "queue_wait_seconds_count" not in samples(world.metrics)


def labels(metrics: Metrics, name: str) -> set[tuple[str, str]]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {(s.labels["namespace"], s.labels["queue"]) for f in families if f.name == name for s in f.samples}


def test_queues_that_do_not_exist_share_a_label() -> None:
    for name in ("one", "two"):
        world = World(make_task(queue=name))
        world.write(transitions.waiting(NEW, Reason.QUEUE_NOT_FOUND, "none"))
        assert labels(world.metrics, "djangotasks_attempts") == {(NAMESPACE, MISSING)}


def test_there_is_an_end_to_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("djangotasks_operator.metrics.QUEUES_MAX", 3)
    metrics = Metrics()
    for name in ("a", "b", "c", "d", "e", "a"):
        metrics.of_queue(name, "default").transition(make_task(), with_outcome(NEW, SUCCESS), None, NOW)
    attempts = {
        pair: metrics.registry.get_sample_value("djangotasks_attempts_total", dict(zip(OF_QUEUE, pair, strict=True)))
        for pair in labels(metrics, "djangotasks_attempts")
    }
    assert attempts == {("a", "default"): 2, ("b", "default"): 1, ("c", "default"): 1, (OTHER, OTHER): 2}


def test_a_fault_in_telling_does_not_reach_the_writer(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    broken = world.task.model_copy(update={"spec": None})
    world.witness.transition(broken, NEW)
    assert "a defect" in caplog.text


def gauges(world: World, *, leads: bool) -> Samples:
    queue: WorkQueue[Key] = WorkQueue()
    world.metrics.add(Gauges(world.store, queue, Streams(), lambda: leads, lambda: 7, lambda: 3))
    queue.add(Key("shop", "a"))
    queue.add(Key("shop", "b"))
    queue.retries = 3
    return samples(world.metrics)


def said(name: str, status: Literal["True", "False"]) -> DjangoTaskQueue:
    """A queue with this condition."""
    condition = QueueCondition(type="Ready", status=status, reason="Because", last_transition_time=NOW)
    queue = make_queue(name)
    metadata = queue.metadata.model_copy(update={"resource_version": "9"})
    return queue.model_copy(update={"status": QueueStatus(conditions=[condition]), "metadata": metadata})


def test_whether_queues_are_ready() -> None:
    world = World()
    world.store.put_queue(said("well", "True"))
    world.store.put_queue(said("wrong", "False"))
    gauges(world, leads=True)
    families = world.metrics.registry.collect()
    (family,) = (family for family in families if family.name == "djangotasks_queue_ready")
    found = {sample.labels["queue"]: sample.value for sample in family.samples}
    assert found == {"well": 1, "wrong": 0}, "and nothing of the one that has no status yet"


def test_tasks_are_counted_by_the_leader_alone() -> None:
    world = World()
    world.store.put_task(make_task("second", queue="no-such-queue"))
    world.store.put_task(make_task("third", status=TaskStatus(phase=Phase.FAILED)))
    everywhere = {"workqueue_depth": 2, "workqueue_retries_total": 3}
    leader = {"leader": 1, "backlog_tasks": 7, "expired_tasks": 3, "tasks{Queued}": 1, "tasks{Failed}": 1}
    assert gauges(world, leads=True) == everywhere | leader
    assert labels(world.metrics, "djangotasks_tasks") == {(NAMESPACE, "default"), (NAMESPACE, MISSING)}
    standby = World()
    standby.store.put_queue(said("default", "True"))
    assert gauges(standby, leads=False) == everywhere
