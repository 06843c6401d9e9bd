"""Is told of everything that this process wrote about tasks, and tells others: the log, the metrics, Events."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from djangotasks_api.models import DjangoTask, TaskStatus
from djangotasks_operator.events import Events
from djangotasks_operator.logs import log_transition
from djangotasks_operator.metrics import Metrics, OfQueue
from djangotasks_operator.observed import Pod
from djangotasks_operator.store import Key, Store

logger = logging.getLogger(__name__)


class Witness:
    """Called right after a write, so what it tells is true, and is told once: by the process that made the write."""

    def __init__(
        self,
        store: Store,
        metrics: Metrics,
        events: Events,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._events = events
        self._now = now

    def transition(self, task: DjangoTask, status: TaskStatus) -> None:
        """`task`: as it was. `status`: as it is now."""
        with _harmless():
            now = self._now()
            log_transition(task, status)
            self._of_queue(task).transition(task, status, self._pod_created_at(task, status), now)
            self._events.tell(task, status, now)

    def pod_created(self, pod: Pod) -> None:
        """Created by us just now, not found."""
        with _harmless():
            if (task := self._store.task(Key(pod.namespace, pod.task))) is not None:
                self._of_queue(task).pod_created(task, self._now())

    def deleted(self, task: DjangoTask, *, surplus: bool) -> None:
        """`surplus`: before its time, because of the queue's history limit."""
        with _harmless():
            self._of_queue(task).deleted("history" if surplus else "expired")

    def _of_queue(self, task: DjangoTask) -> OfQueue:
        namespace, queue = task.metadata.namespace, task.spec.queue
        exists = self._store.queue(Key(namespace, queue)) is not None
        return self._metrics.of_queue(namespace, queue if exists else None)

    def _pod_created_at(self, task: DjangoTask, status: TaskStatus) -> datetime | None:
        if not status.attempts:
            return None
        key = Key(task.metadata.namespace, task.metadata.name)
        pod = self._store.pod(key, status.attempts[-1].number)
        return None if pod is None else pod.stamped_at or pod.created_at


@contextlib.contextmanager
def _harmless() -> Iterator[None]:
    """What was written stays written: a fault in telling of it must not look like a fault of the write."""
    try:
        yield
    except Exception:
        logger.exception("telling of a write: a defect")
