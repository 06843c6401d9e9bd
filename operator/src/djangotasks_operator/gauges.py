"""Metrics that are looked up at each scrape: what is counted anew cannot drift from the truth."""

from collections import Counter
from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from djangotasks_operator.metrics import MISSING, OF_QUEUE
from djangotasks_operator.store import Key, Store
from djangotasks_operator.streams import Streams
from djangotasks_operator.workqueue import WorkQueue


class Gauges(Collector):
    """`leading`: whether this replica leads. `backlog`, `expired`: how many tasks wait for a place, and to be deleted,
    as the leader knows."""

    def __init__(
        self,
        store: Store,
        queue: WorkQueue[Key],
        streams: Streams,
        leading: Callable[[], bool],
        backlog: Callable[[], int],
        expired: Callable[[], int],
    ) -> None:
        self._store = store
        self._queue = queue
        self._streams = streams
        self._leading = leading
        self._backlog = backlog
        self._expired = expired

    def collect(self) -> Iterable[Metric]:
        leading = self._leading()
        yield GaugeMetricFamily("djangotasks_leader", "1 where this replica leads, else 0.", value=float(leading))
        yield self._tasks(leading)
        yield self._ready(leading)
        yield GaugeMetricFamily(
            "djangotasks_backlog_tasks",
            "Tasks that are ready to start and wait for a place.",
            value=self._backlog() if leading else 0,
        )
        yield GaugeMetricFamily(
            "djangotasks_expired_tasks",
            "Finished tasks whose time is over, and that wait to be deleted.",
            value=self._expired() if leading else 0,
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
            "Since the watch told something, or a list showed that there was nothing to tell.",
            labels=("resource",),
        )
        for resource, age in self._streams.ages().items():
            ages.add_metric((resource,), age)
        yield ages

    def _tasks(self, leading: bool) -> Metric:
        """From the leader alone, so that a sum over the replicas counts each task once."""
        family = GaugeMetricFamily("djangotasks_tasks", "Tasks there are, by phase.", labels=(*OF_QUEUE, "phase"))
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

    def _ready(self, leading: bool) -> Metric:
        """From the leader alone, too. A queue that was not looked at yet is not among them."""
        family = GaugeMetricFamily(
            "djangotasks_queue_ready",
            "1 where tasks of the queue can be started, 0 where something is wrong with it.",
            labels=OF_QUEUE,
        )
        for queue in self._store.queues() if leading else ():
            for condition in queue.status.conditions:
                family.add_metric((queue.metadata.namespace, queue.metadata.name), float(condition.status == "True"))
        return family
