"""The metrics for Prometheus. docs/reference/metrics.md explains them.

Labels are bounded: never a task's name, and never a word that a task or its pod chose. What happens to a task is
counted when its status is written, by the process that wrote it.
"""

from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from djangotasks_api.models import Attempt, DjangoTask, TaskStatus
from djangotasks_api.phases import INTERRUPTIONS, Phase, Reason
from djangotasks_operator.runtime.errors import REQUEST_ERRORS
from djangotasks_operator.scheduling.timing import due_at
from djangotasks_operator.status.attempts import just_ended

# The label of a queue that does not exist: anybody who creates tasks may name any.
MISSING = "(missing)"
# The label of (namespace, queue) pairs beyond the first QUEUES_MAX. Where a namespace comes with each pull request, and
# goes with it, those of queues that are gone make room.
OTHER = "(other)"
QUEUES_MAX = 200

# Histogram buckets, in seconds. They are narrow around 1 s, which a task takes that starts at once
# (docs/benchmarks.md); the last ones are as long as tasks commonly wait and run.
WAITS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600)
STARTS = (0.25, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 20, 30, 60, 120, 300, 900)
RUNS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1800, 3600, 4 * 3600, 12 * 3600)
TOTALS = (0.25, 0.5, 1, 1.5, 2.5, 5, 10, 30, 60, 300, 900, 1800, 3600, 4 * 3600, 12 * 3600)
# Up to the longest that a standby pod may wait.
AGES = (1, 5, 15, 60, 300, 900, 1800, 3600, 4 * 3600, 24 * 3600)
# Up to the client's request timeout.
CALLS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)
# From a reconcile that finds nothing to do to one that waits for an API server that is away.
STEPS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)
OF_QUEUE = ("namespace", "queue")

# The time at which each series began: one more series for each, which hardly anybody reads.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the client has no types


class Metrics:
    """One instance a process. Thread-safe and cheap: labelled children are looked up once."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        build = Gauge("djangotasks_build_info", "1, with the operator's version.", ("version",), registry=registry)
        build.labels(version("djangotasks-operator")).set(1)
        # From the start on: an alert is to fire for replicas that never get as far as to an election.
        self.leader = Gauge("djangotasks_leader", "1 where this replica leads, else 0.", registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()) -> Histogram:
            return Histogram(f"djangotasks_{name}_seconds", text, labels, buckets=buckets, registry=registry)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"djangotasks_{name}_total", text, labels, registry=registry)

        self.queue_wait = histogram(
            "queue_wait", "From when a task may run to the creation of its first Pod.", WAITS, OF_QUEUE
        )
        self.start = histogram("start", "From the creation of a Pod to the call of the task.", STARTS, OF_QUEUE)
        self.run = histogram("run", "From the call of a task to the end of the attempt.", RUNS, OF_QUEUE)
        self.duration = histogram(
            "task_duration", "From when a task may run to its stored outcome.", TOTALS, (*OF_QUEUE, "phase")
        )
        self.attempts = counter("attempts", "Attempts that ended.", *OF_QUEUE)
        self.failures = counter("attempt_failures", "Attempts that failed, by reason.", *OF_QUEUE, "reason")
        self.interruptions = counter("interruptions", "Attempts that were interrupted, by reason.", *OF_QUEUE, "reason")
        self.retries = counter("retries", "Attempts that ended, and are followed by another.", *OF_QUEUE)
        self.unreported = counter(
            "unreported_outcomes", "Outcomes that pods did not report, and that were read from them.", *OF_QUEUE
        )
        self.deleted = counter("deleted_tasks", "Finished tasks that were deleted, by what for.", *OF_QUEUE, "cause")

        self.workflow_duration = histogram(
            "workflow_duration", "From when a workflow was enqueued to its end.", TOTALS, (*OF_QUEUE, "phase")
        )
        self.schedule_lateness = histogram(
            "schedule_lateness", "From when a schedule is due to the creation of its task.", WAITS
        )
        self.scheduled = counter("scheduled_tasks", "Tasks that schedules created.", *OF_QUEUE)
        self.skipped = counter("schedule_skipped", "Times that schedules left out, by reason.", *OF_QUEUE, "reason")

        self.standby_claims = counter(
            "standby_claims", "Attempts that could take a standby pod, by what became of it.", *OF_QUEUE, "result"
        )
        self.standby_age = histogram(
            "standby_age", "The age of standby pods when an attempt takes them.", AGES, OF_QUEUE
        )
        self.standby_start = histogram(
            "standby_start", "From the creation of a standby pod until it waits for a task.", STARTS, OF_QUEUE
        )

        self.reconciles = histogram("reconcile_duration", "One reconcile of one task.", STEPS)
        self.reconcile_errors = counter("reconcile_errors", "Reconciles that failed, by whose fault.", "cause")
        for cause in ("api", "defect"):
            # Prometheus sees no increase in a series that begins with the first: an alert is to fire for that.
            self.reconcile_errors.labels(cause)
        self.defects = counter("defects", "Errors of the operator itself, as its log has them.")
        self.requests = counter(
            "api_requests",
            "Requests to the API server, kopf's watches of queues apart.",
            "verb",
            "resource",
            "code",
        )
        self.request_duration = histogram(
            "api_request_duration", "How long the API server took to answer.", CALLS, ("verb", "resource")
        )
        self.reports = counter("reports", "Reports of task pods, by the answer they got.", "kind", "code")
        self.events = counter("events", "Kubernetes Events, by what became of them.", "result")
        self.loop_lag = histogram("event_loop_lag", "How late the event loop is, measured each second.", STEPS)

        self._exists = _always
        self._queues: dict[tuple[str, str], OfQueue] = {}
        self._requests: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}

    def add(self, collector: Collector) -> None:
        """Register a collector of metrics that are computed at each scrape."""
        self.registry.register(collector)

    def forget_queues_unless(self, exists: Callable[[str, str], bool]) -> None:
        """Let queues that are gone make room for new ones. `exists`: tells by namespace and name."""
        self._exists = exists

    def text(self) -> bytes:
        return generate_latest(self.registry)

    def of_queue(self, namespace: str, queue: str | None) -> "OfQueue":
        """The metrics of a queue's tasks. `queue`: None for one that does not exist."""
        pair = (namespace, MISSING if queue is None else queue)
        if (known := self._queues.get(pair)) is None:
            if len(self._queues) >= QUEUES_MAX and pair != (OTHER, OTHER) and not self._make_room():
                return self.of_queue(OTHER, OTHER)
            known = self._queues[pair] = OfQueue(self, *pair)
        return known

    def _make_room(self) -> bool:
        """Forget the metrics of queues that are gone. Returns whether there were any."""
        gone = [pair for pair in self._queues if OTHER not in pair and not self._is_there(*pair)]
        for pair in gone:
            del self._queues[pair]
            for metric in vars(self).values():
                if isinstance(metric, (Counter, Histogram)) and metric._labelnames[:2] == OF_QUEUE:
                    metric.remove_by_labels(dict(zip(OF_QUEUE, pair, strict=True)))
        return bool(gone)

    def _is_there(self, namespace: str, queue: str) -> bool:
        """Of tasks without a queue there is one pair for each namespace, which may be gone as well."""
        return queue != MISSING and self._exists(namespace, queue)

    def api_request(self, verb: str, resource: str, code: str, seconds: float) -> None:
        """Count a request. `code`: the HTTP status, or "error" where there was no answer."""
        key = (verb, resource, code)
        if (known := self._requests.get(key)) is None:
            known = self.requests.labels(*key), self.request_duration.labels(verb, resource)
            self._requests[key] = known
        known[0].inc()
        known[1].observe(seconds)

    def report(self, kind: str, status: int) -> None:
        """Count what a pod sent. `kind`: of a report, or of what it asks for. `status`: of the HTTP answer."""
        self.reports.labels(kind, str(status)).inc()

    def reconcile_failed(self, error: Exception) -> None:
        """Count a reconcile that raised."""
        self.reconcile_errors.labels("api" if isinstance(error, REQUEST_ERRORS) else "defect").inc()


class OfQueue:
    """The metrics of the tasks of one queue."""

    def __init__(self, metrics: Metrics, namespace: str, queue: str) -> None:
        self._metrics = metrics
        self._labels = labels = (namespace, queue)
        self._queue_wait = metrics.queue_wait.labels(*labels)
        self._start = metrics.start.labels(*labels)
        self._run = metrics.run.labels(*labels)
        self._attempts = metrics.attempts.labels(*labels)
        self._retries = metrics.retries.labels(*labels)

    def pod_created(self, task: DjangoTask, now: datetime) -> None:
        """Observe the task's wait, which ends with its first Pod: before a later one there is the backoff."""
        if not task.status.attempts and (due := due_at(task)) is not None:
            self._queue_wait.observe(_seconds(due, now))

    def workflow_ended(self, phase: str, duration: float) -> None:
        """Count a workflow that ended. `duration`: seconds."""
        self._metrics.workflow_duration.labels(*self._labels, phase).observe(max(duration, 0.0))

    def scheduled(self, late: float) -> None:
        """Count a task that a schedule created. `late`: seconds."""
        self._metrics.scheduled.labels(*self._labels).inc()
        self._metrics.schedule_lateness.observe(max(late, 0.0))

    def skipped(self, reason: str) -> None:
        """Count a time that a schedule left out."""
        self._metrics.skipped.labels(*self._labels, reason).inc()
        # Compared with it, and there is nothing to compare with while no task has been created.
        self._metrics.scheduled.labels(*self._labels)

    def standby_claimed(self, age: float) -> None:
        """Count an attempt that takes a standby pod. `age`: of the pod, in seconds."""
        self._metrics.standby_claims.labels(*self._labels, "hit").inc()
        self._metrics.standby_age.labels(*self._labels).observe(max(age, 0.0))

    def standby_missed(self, why: str) -> None:
        """Count an attempt that gets a pod of its own. `why`: empty, starting, stale, overrides or lost."""
        self._metrics.standby_claims.labels(*self._labels, why).inc()

    def standby_started(self, seconds: float) -> None:
        """Observe how long a standby pod took until it waited."""
        self._metrics.standby_start.labels(*self._labels).observe(seconds)

    def deleted(self, cause: str) -> None:
        """Count a deleted task. `cause`: ttl, history or workflow."""
        self._metrics.deleted.labels(*self._labels, cause).inc()

    def transition(self, task: DjangoTask, new: TaskStatus, pod_created_at: datetime | None, now: datetime) -> None:
        """Count what a status that was written says. `pod_created_at`: of its last attempt's Pod, where it is known."""
        old = task.status
        if new.attempts and pod_created_at is not None:
            started_at = new.attempts[-1].started_at
            known = len(old.attempts) == len(new.attempts) and old.attempts[-1].started_at is not None
            if started_at is not None and not known:
                self._start.observe(_seconds(pod_created_at, started_at))
        if (ended := just_ended(old, new)) is not None:
            self._ended(ended)
            if new.phase is Phase.RETRYING:
                self._retries.inc()
        if new.phase.is_terminal and not old.phase.is_terminal and (due := due_at(task)) is not None:
            self._metrics.duration.labels(*self._labels, new.phase).observe(_seconds(due, now))

    def _ended(self, attempt: Attempt) -> None:
        self._attempts.inc()
        if attempt.unreported is not None:
            self._metrics.unreported.labels(*self._labels).inc()
        if attempt.started_at is not None and attempt.finished_at is not None:
            self._run.observe(_seconds(attempt.started_at, attempt.finished_at))
        if attempt.reason in INTERRUPTIONS:
            self._metrics.interruptions.labels(*self._labels, attempt.reason).inc()
        elif attempt.reason is not None and attempt.reason != Reason.CANCEL_REQUESTED:
            reason = attempt.reason if attempt.reason in REASONS else OTHER
            self._metrics.failures.labels(*self._labels, reason).inc()


REASONS = frozenset(Reason)


def _always(_namespace: str, _queue: str, /) -> bool:
    return True


def _seconds(since: datetime, until: datetime) -> float:
    """The seconds between the two, at least 0: they may be of different clocks."""
    return max((until - since).total_seconds(), 0.0)
