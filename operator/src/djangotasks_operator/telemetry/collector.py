"""Metrics that are computed at each scrape, so that they cannot drift from what they count."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from djangotasks_api.workflow.records import WorkflowReason
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.store import Store
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from djangotasks_operator.runtime.workqueue import WorkQueue
from djangotasks_operator.status.queue_status import READY, condition_of
from djangotasks_operator.telemetry.metrics import MISSING, OF_QUEUE


class Line(Protocol):
    """What is known of those who wait in a queue."""

    def oldest_waiting(self, queue: Key) -> datetime | None:
        """Since when the longest-waiting task has been ready to start."""

    def free_slots(self, queue: Key) -> float:
        """How many more tasks the queue's limits would let start now."""


class StateCollector(Collector):
    """Collects the state of the cache, of the work queue of tasks, and of the leader."""

    def __init__(
        self,
        store: Store,
        queue: WorkQueue[Key],
        monitor: WatchMonitor,
        leading: Callable[[], bool],
        backlog: Callable[[], int],
        awaiting_deletion: Callable[[], int],
        line: Callable[[], Line | None] = lambda: None,
    ) -> None:
        """`leading`: whether this replica leads. `backlog`, `awaiting_deletion`: how many tasks wait for admission, and
        to be deleted, as the leader knows. `line`: None while a leader counts the tasks in progress."""
        self._store = store
        self._queue = queue
        self._monitor = monitor
        self._leading = leading
        self._backlog = backlog
        self._awaiting_deletion = awaiting_deletion
        self._line = line

    def collect(self) -> Iterable[Metric]:
        leading = self._leading()
        yield self._namespaces(leading)
        yield self._tasks(leading)
        yield self._ready(leading)
        yield self._held(leading)
        yield self._held_without_end(leading)
        yield from self._waiting(self._line() if leading else None)
        yield self._standbys(leading)
        yield self._workflows(leading)
        yield self._refused(leading)
        yield self._schedules(leading)
        yield GaugeMetricFamily(
            "djangotasks_backlog_tasks",
            "Tasks that are ready to start and wait for admission.",
            value=self._backlog() if leading else 0,
        )
        yield GaugeMetricFamily(
            "djangotasks_tasks_awaiting_deletion",
            "Finished tasks that wait to be deleted: their TTL has elapsed, or their queue has too many.",
            value=self._awaiting_deletion() if leading else 0,
        )
        yield GaugeMetricFamily("djangotasks_workqueue_depth", "Keys that wait for a worker.", value=len(self._queue))
        yield GaugeMetricFamily(
            "djangotasks_workqueue_longest_seconds",
            "How long the oldest pass over a task has been running.",
            value=self._queue.longest()[1],
        )
        yield CounterMetricFamily(
            "djangotasks_workqueue_retries",
            "Keys that were put back to be tried again later.",
            value=self._queue.retries,
        )
        ages = GaugeMetricFamily(
            "djangotasks_watch_age_seconds",
            "Seconds since the watch was last known to have missed nothing.",
            labels=("resource",),
        )
        for resource, age in self._monitor.ages().items():
            ages.add_metric((resource,), age)
        yield ages

    def _namespaces(self, leading: bool) -> Metric:
        """Whether the namespaces that are watched by name can be read, on the leader alone."""
        family = GaugeMetricFamily(
            "djangotasks_namespace_readable",
            "1 where the operator can read what it works on in a namespace, 0 where it leaves it alone.",
            labels=("namespace",),
        )
        for namespace in self._monitor.namespaces if leading else ():
            family.add_metric((namespace,), float(namespace not in self._monitor.unreadable))
        return family

    def _tasks(self, leading: bool) -> Metric:
        """Count tasks, on the leader alone: a sum over the replicas then counts each task once."""
        family = GaugeMetricFamily("djangotasks_tasks", "Tasks that exist, by phase.", labels=(*OF_QUEUE, "phase"))
        if leading:
            counts = Counter(
                (task.metadata.namespace, task.spec.queue, task.status.phase) for task in self._store.tasks()
            )
            known: Counter[tuple[str, str, str]] = Counter()
            for (namespace, queue, phase), count in counts.items():
                exists = self._store.queue(Key(namespace, queue)) is not None
                known[namespace, queue if exists else MISSING, phase] += count
            for labels, count in known.items():
                family.add_metric(labels, count)
        return family

    def _workflows(self, leading: bool) -> Metric:
        """Count workflows, on the leader alone."""
        family = GaugeMetricFamily(
            "djangotasks_workflows", "Workflows that exist, by phase.", labels=("namespace", "phase")
        )
        counts = Counter((found.metadata.namespace, found.phase) for found in self._store.workflows.all())
        for labels, count in counts.items() if leading else ():
            family.add_metric(labels, count)
        return family

    def _refused(self, leading: bool) -> Metric:
        """Count workflows that wait for the API server to take their tasks, on the leader alone."""
        family = GaugeMetricFamily(
            "djangotasks_workflows_refused", "Workflows whose tasks the API server refuses.", labels=("namespace",)
        )
        counts = Counter(
            found.metadata.namespace
            for found in self._store.workflows.all()
            if found.status.get("reason") == WorkflowReason.TASKS_REFUSED
        )
        for namespace, count in counts.items() if leading else ():
            family.add_metric((namespace,), count)
        return family

    def _schedules(self, leading: bool) -> Metric:
        """Count schedules, on the leader alone."""
        family = GaugeMetricFamily("djangotasks_schedules", "Schedules that exist.", labels=("namespace", "state"))
        counts = Counter((schedule.key.namespace, schedule.state) for schedule in self._store.schedules.all())
        for labels, count in counts.items() if leading else ():
            family.add_metric(labels, count)
        return family

    def _ready(self, leading: bool) -> Metric:
        """The Ready condition of each queue that has one, on the leader alone."""
        family = GaugeMetricFamily(
            "djangotasks_queue_ready",
            "1 where tasks of the queue can be started, 0 where something is wrong with it.",
            labels=OF_QUEUE,
        )
        for queue in self._store.queues() if leading else ():
            if (condition := condition_of(queue, READY)) is not None:
                family.add_metric((queue.metadata.namespace, queue.metadata.name), float(condition.status == "True"))
        return family

    def _standbys(self, leading: bool) -> Metric:
        """The standby pods of each queue that has some, on the leader alone."""
        family = GaugeMetricFamily(
            "djangotasks_standby_pods", "Standby pods that no task has claimed.", labels=(*OF_QUEUE, "state")
        )
        for queue in self._store.queues() if leading else ():
            if (counts := queue.status.standby) is not None:
                own = queue.metadata.namespace, queue.metadata.name
                family.add_metric((*own, "ready"), counts.ready)
                family.add_metric((*own, "starting"), counts.starting)
        return family

    def _waiting(self, line: Line | None) -> Iterable[Metric]:
        """Whether tasks of a queue wait although some could start, on the leader alone."""
        oldest = GaugeMetricFamily(
            "djangotasks_queue_oldest_waiting_timestamp_seconds",
            "Since when the longest-waiting task of the queue has been ready to start.",
            labels=OF_QUEUE,
        )
        free = GaugeMetricFamily(
            "djangotasks_queue_free_slots",
            "How many more tasks the limits of the queue would let start now.",
            labels=OF_QUEUE,
        )
        if line is None:
            return oldest, free
        for queue in self._store.queues():
            own = queue.metadata.namespace, queue.metadata.name
            free.add_metric(own, line.free_slots(Key(*own)))
            if (since := line.oldest_waiting(Key(*own))) is not None:
                oldest.add_metric(own, since.timestamp())
        return oldest, free

    def _held(self, leading: bool) -> Metric:
        """Which queues somebody holds, on the leader alone."""
        family = GaugeMetricFamily(
            "djangotasks_queue_held", "1 where a hold limits the queue, else 0.", labels=OF_QUEUE
        )
        for queue in self._store.queues() if leading else ():
            held = queue.status.held is not None
            family.add_metric((queue.metadata.namespace, queue.metadata.name), float(held))
        return family

    def _held_without_end(self, leading: bool) -> Metric:
        """Since when holds that nobody gave an end limit their queues, on the leader alone."""
        family = GaugeMetricFamily(
            "djangotasks_queue_held_without_end_timestamp_seconds",
            "Since when a hold without an end limits the queue.",
            labels=OF_QUEUE,
        )
        for queue in self._store.queues() if leading else ():
            held = queue.status.held
            if held is not None and held.until is None and held.since is not None:
                family.add_metric((queue.metadata.namespace, queue.metadata.name), held.since.timestamp())
        return family
