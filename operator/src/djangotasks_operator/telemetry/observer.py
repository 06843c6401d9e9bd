"""Observe writes of tasks: emit log lines, metrics and Events."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from djangotasks_api.models import DjangoTask, TaskStatus
from djangotasks_api.workflow.records import WorkflowPhase
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.store import Store
from djangotasks_operator.decide.snapshot import DeletedFor
from djangotasks_operator.pods.views import Pod
from djangotasks_operator.telemetry.event_recorder import EventRecorder
from djangotasks_operator.telemetry.logs import log_transition, log_workflow
from djangotasks_operator.telemetry.metrics import Metrics, OfQueue
from djangotasks_operator.workflows.views import Workflow

logger = logging.getLogger(__name__)


class StatusObserver:
    """A `cache.writer.Observer`. Only the process that made a write reports it, so nothing is counted twice."""

    def __init__(
        self,
        store: Store,
        metrics: Metrics,
        events: EventRecorder,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._events = events
        self._now = now

    def transition(self, task: DjangoTask, status: TaskStatus) -> None:
        """Report a status that was written. `task`: as it was before."""
        with _harmless():
            now = self._now()
            log_transition(task, status)
            self._of_queue(task).transition(task, status, self._pod_created_at(task, status), now)
            self._events.record(task, status, now)

    def pod_created(self, pod: Pod) -> None:
        """Report a Pod that was created, not found."""
        with _harmless():
            if (task := self._store.task(Key(pod.namespace, pod.task))) is not None:
                self._of_queue(task).pod_created(task, self._now())

    def workflow_transition(self, workflow: Workflow, phase: WorkflowPhase, reason: str | None) -> None:
        """Report a workflow's phase, or its reason, that was written. `workflow`: as it was before."""
        with _harmless():
            now, metadata = self._now(), workflow.metadata
            log_workflow(workflow, phase, reason)
            self._events.record_workflow(workflow, phase, reason, now)
            if phase.is_terminal and metadata.creation_timestamp is not None:
                duration = (now - metadata.creation_timestamp).total_seconds()
                self._of(metadata.namespace, workflow.queue).workflow_ended(phase, duration)

    def deleted(self, task: DjangoTask, why: DeletedFor) -> None:
        """Report a deleted task."""
        with _harmless():
            self._of_queue(task).deleted(why)

    def _of_queue(self, task: DjangoTask) -> OfQueue:
        return self._of(task.metadata.namespace, task.spec.queue)

    def _of(self, namespace: str, queue: str) -> OfQueue:
        exists = self._store.queue(Key(namespace, queue)) is not None
        return self._metrics.of_queue(namespace, queue if exists else None)

    def _pod_created_at(self, task: DjangoTask, status: TaskStatus) -> datetime | None:
        if not status.attempts:
            return None
        pod = self._store.pod(Key.of(task.metadata), status.attempts[-1].number)
        return None if pod is None else pod.stamped_at or pod.created_at


@contextlib.contextmanager
def _harmless() -> Iterator[None]:
    """Log errors instead of raising them: the write has succeeded, and must not look as if it had failed."""
    try:
        yield
    except Exception:
        logger.exception("reporting a write: a defect")
