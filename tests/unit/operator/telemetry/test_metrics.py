"""What is counted of tasks, when, and under which labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from djangotasks_api.failure import ErrorReport
from djangotasks_api.models import DjangoTask, TaskStatus
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Reason
from djangotasks_operator.cache.store import Store
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.scheduling.limits import Limits
from djangotasks_operator.status import endings, transitions
from djangotasks_operator.telemetry.event_recorder import EventRecorder
from djangotasks_operator.telemetry.metrics import MISSING, OF_QUEUE, OTHER, Metrics
from djangotasks_operator.telemetry.observer import StatusObserver
from tests.support.builders import NAMESPACE, NOW, at, make_attempt, make_pod, make_queue, make_task

REFERENCE = Path(__file__).parents[4] / "docs/reference/metrics.md"
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


class Observed:
    """The task `receipt`, enqueued a minute ago, and an observer of what is written about it."""

    def __init__(self, task: DjangoTask | None = None) -> None:
        self.metrics = Metrics()
        self.store = Store()
        self.store.put_queue(make_queue())
        self.task = task or make_task()
        self.store.put_task(self.task)
        events = EventRecorder(cast(Api, None), lambda result: self.metrics.events.labels(result).inc())
        self.observer = StatusObserver(self.store, self.metrics, events, now=lambda: at(4))

    def write(self, *statuses: TaskStatus) -> None:
        for status in statuses:
            self.observer.transition(self.task, status)
            self.task = self.task.model_copy(update={"status": status})


def with_outcome(status: TaskStatus, outcome: Outcome, limits: Limits = ONCE) -> TaskStatus:
    return endings.with_outcome("receipt", status, outcome, limits, at(4))


def attempt_ended_without_outcome(status: TaskStatus, reason: Reason | str, limits: Limits = ONCE) -> TaskStatus:
    return endings.attempt_ended_without_outcome("receipt", status, reason, "gone", limits, at(4))


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
    ("an interruption", [attempt_ended_without_outcome(RUNNING, Reason.EVICTED)],
     RUN | {"run_seconds_sum": 3, "attempts_total": 1, "interruptions_total{Evicted}": 1, "retries_total": 1}),
    ("a pod that never started", [attempt_ended_without_outcome(NEW, Reason.IMAGE_PULL_FAILED)],
     {"attempts_total": 1, "attempt_failures_total{ImagePullFailed}": 1,
      "task_duration_seconds_count{Failed}": 1, "task_duration_seconds_sum{Failed}": 64}),
    ("an unknown reason", [attempt_ended_without_outcome(NEW, "Invented")],
     {"attempts_total": 1, f"attempt_failures_total{{{OTHER}}}": 1,
      "task_duration_seconds_count{Failed}": 1, "task_duration_seconds_sum{Failed}": 64}),
    ("being stopped, and then gone", [(late := transitions.attempt_stopping("receipt", RUNNING, Reason.DEADLINE_EXCEEDED, "late")),
                                  attempt_ended_without_outcome(late, Reason.DEADLINE_EXCEEDED)],
     RUN | {"run_seconds_sum": 3, "attempts_total": 1, "attempt_failures_total{DeadlineExceeded}": 1,
            "task_duration_seconds_count{Failed}": 1, "task_duration_seconds_sum{Failed}": 64}),
    ("cancelled while it ran", [RUNNING, endings.cancelled("receipt", RUNNING, at(4), begun=True)],
     RUN | {"run_seconds_sum": 3, "attempts_total": 1,
            "task_duration_seconds_count{Cancelled}": 1, "task_duration_seconds_sum{Cancelled}": 64}),
]  # fmt: skip


@pytest.mark.parametrize(("statuses", "counted"), [row[1:] for row in STORY], ids=[row[0] for row in STORY])
def test_transitions_are_counted(statuses: list[TaskStatus], counted: Samples) -> None:
    observed = Observed()
    observed.store.put_pod(make_pod(stamped_at=at(-1), created_at=at(-30)))
    observed.write(*statuses)
    found = {name: value for name, value in samples(observed.metrics).items() if not name.startswith("events")}
    assert found == counted


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, 64.0),
        ({"enqueued_at": at(-59.5)}, 63.5),
        ({"enqueued_at": at(-600)}, 64.0),
        ({"enqueued_at": at(600)}, 63.0),
        ({"enqueued_at": at(-600), "run_after": at(3.75)}, 0.25),
        ({"enqueued_at": at(3), "run_after": at(-600)}, 63.0),
    ],
)
def test_the_wait_counts_from_when_a_task_may_run(fields: dict[str, Any], seconds: float) -> None:
    observed = Observed(make_task(**fields))
    observed.observer.pod_created(make_pod())
    assert samples(observed.metrics).get("queue_wait_seconds_sum", 0.0) == seconds
    assert samples(observed.metrics)["queue_wait_seconds_count"] == 1


def test_a_later_attempt_waits_for_no_queue() -> None:
    observed = Observed(make_task(status=TaskStatus(attempts=[make_attempt(finished_at=NOW)])))
    observed.observer.pod_created(make_pod(2))
    assert "queue_wait_seconds_count" not in samples(observed.metrics)


def test_a_replica_that_never_gets_to_an_election_says_that_it_does_not_lead() -> None:
    """An alert for it needs a series: the first list may be refused for ever."""
    assert "\ndjangotasks_leader 0.0\n" in Metrics().text().decode()


def labels(metrics: Metrics, name: str) -> set[tuple[str, str]]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {(s.labels["namespace"], s.labels["queue"]) for f in families if f.name == name for s in f.samples}


def test_queues_that_do_not_exist_share_a_label() -> None:
    for name in ("one", "two"):
        observed = Observed(make_task(queue=name))
        observed.write(transitions.waiting(NEW, Reason.QUEUE_NOT_FOUND, "none"))
        assert labels(observed.metrics, "djangotasks_attempts") == {(NAMESPACE, MISSING)}


def test_labels_of_queues_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("djangotasks_operator.telemetry.metrics.QUEUES_MAX", 3)
    metrics = Metrics()
    for name in ("a", "b", "c", "d", "e", "a"):
        metrics.of_queue(name, "default").transition(make_task(), with_outcome(NEW, SUCCESS), None, NOW)
    attempts = {
        pair: metrics.registry.get_sample_value("djangotasks_attempts_total", dict(zip(OF_QUEUE, pair, strict=True)))
        for pair in labels(metrics, "djangotasks_attempts")
    }
    assert attempts == {("a", "default"): 2, ("b", "default"): 1, ("c", "default"): 1, (OTHER, OTHER): 2}


def test_queues_that_are_gone_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A namespace comes with each pull request, for months: a new queue is to have metrics of its own."""
    monkeypatch.setattr("djangotasks_operator.telemetry.metrics.QUEUES_MAX", 3)
    metrics, there = Metrics(), {("shop", "default")}
    metrics.forget_queues_unless(lambda *pair: pair in there)
    for number in range(9):
        there.add((f"pr-{number}", "default"))
        for namespace in ("shop", f"pr-{number}"):
            metrics.of_queue(namespace, "default").transition(make_task(), with_outcome(NEW, SUCCESS), None, NOW)
            metrics.of_queue(namespace, None).skipped("Missed")
        there.discard((f"pr-{number}", "default"))
    count = metrics.registry.get_sample_value
    assert count("djangotasks_attempts_total", {"namespace": "shop", "queue": "default"}) == 9
    assert count("djangotasks_attempts_total", {"namespace": "pr-8", "queue": "default"}) == 1
    assert not [pair for pair in labels(metrics, "djangotasks_attempts") if OTHER in pair]
    assert len(labels(metrics, "djangotasks_attempts")) <= 3
    assert len(labels(metrics, "djangotasks_schedule_skipped")) <= 3


@pytest.mark.parametrize(
    ("error", "cause"),
    [(ApiError(503, {}), "api"), (OSError(), "api"), (TimeoutError(), "api"), (KeyError("a"), "defect")],
    ids=repr,
)
def test_failed_reconciles_are_counted_by_cause(error: Exception, cause: str) -> None:
    metrics = Metrics()
    metrics.reconcile_failed(error)
    assert samples(metrics) == {f"reconcile_errors_total{{{cause}}}": 1}


def test_the_first_defect_is_an_increase() -> None:
    """Prometheus sees none in a series that begins with it (kyverno/kyverno#6962), and the alert did not fire."""
    count = Metrics().registry.get_sample_value
    assert [count("djangotasks_reconcile_errors_total", {"cause": cause}) for cause in ("api", "defect")] == [0, 0]
