"""Keep the status of each queue: how many of its tasks wait and run, and whether any can be started.

Reconciled on spec changes, and debounced (5 s) after task changes: what is over within that time needs no write.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from djangotasks_api.models import DjangoTask, DjangoTaskQueue, QueueStatus, TaskStatus
from djangotasks_api.phases import Reason
from djangotasks_operator.cache.keys import Key, queue_of
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.controllers.admission import Admission
from djangotasks_operator.controllers.attempt_starter import AttemptStarter
from djangotasks_operator.controllers.hold_controller import HoldObserver
from djangotasks_operator.controllers.pod_templates import PodTemplates
from djangotasks_operator.controllers.standby_controller import StandbyController
from djangotasks_operator.controllers.start_results import Blocked, is_same_refusal
from djangotasks_operator.controllers.work_queues import WorkQueues
from djangotasks_operator.pods.room import lacking_of_quota
from djangotasks_operator.pods.template import PodTemplate
from djangotasks_operator.pods.views import Pod
from djangotasks_operator.runtime.controller import Result
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.status.queue_status import (
    QUEUE_ERRORS,
    LastError,
    NotReady,
    count_tasks,
    new_status,
    refused,
    start_error,
)
from djangotasks_operator.status.text import truncate_message

# Queues that are reconciled at once. A check takes a few requests, and there are few queues.
QUEUES_IN_FLIGHT = 4
# How often a queue that is not ready is checked again, and one that follows a Deployment: nothing wakes the operator
# when a missing Deployment or service account is there, or when a Deployment changes.
NOT_READY_INTERVAL = timedelta(seconds=15)
DEPLOYMENT_INTERVAL = timedelta(seconds=60)
# Reasons that keep a task from starting, and are no fault of its queue.
TRANSIENT = frozenset({Reason.QUOTA_EXCEEDED, Reason.JOB_NAME_TAKEN})


@dataclass(slots=True)
class Checked:
    """The result of a check of a queue."""

    identity: tuple[str, int]
    """Of the queue's spec: its uid and generation."""
    at: datetime
    template: PodTemplate | None
    """None where it has none."""
    problem: NotReady | None
    needs_recheck: bool = False
    """A task could not be started since."""


class QueueController:
    def __init__(
        self,
        writer: TaskWriter,
        templates: PodTemplates,
        starter: AttemptStarter,
        admission: Admission,
        work: WorkQueues,
        holds: HoldObserver,
        standbys: StandbyController,
        now: Callable[[], datetime],
    ) -> None:
        self._writer = writer
        self._store = writer.store
        self._templates = templates
        self._starter = starter
        self._admission = admission
        self._work = work
        self._holds = holds
        self._standbys = standbys
        self._now = now
        self._checked: dict[Key, Checked] = {}
        self._last_errors: dict[Key, LastError] = {}

    def initialize(self) -> None:
        """Reconcile all queues once."""
        for queue in self._store.queues():
            self._work.queues.add(Key.of(queue.metadata))

    def on_status_written(self, task: DjangoTask, status: TaskStatus) -> None:
        """Remember what keeps a task from starting, and check its queue again where that may be at fault. `task`: as it
        was before."""
        queue = queue_of(task)
        if status.reason is Reason.QUOTA_EXCEEDED:
            self._standbys.give_way(queue.namespace, lacking_of_quota(status.message or ""))
        if (error := start_error(task.status, status, self._now())) is None:
            return
        self._last_errors[queue] = error
        if status.reason in QUEUE_ERRORS and (checked := self._checked.get(queue)) is not None:
            checked.needs_recheck = True
        self._work.queue_tasks_changed(queue)

    def on_waiting(self, pod: Pod) -> None:
        """Let standby pods give way to a pod that looks for room, whatever kept it from starting before."""
        if lacks := pod.lacks:
            self._standbys.give_way(pod.namespace, lacks)

    async def reconcile(self, key: Key) -> Result:
        """Check the queue where that is due, and write its status where it has changed."""
        if (queue := self._store.queue(key)) is None:
            self._checked.pop(key, None)
            self._last_errors.pop(key, None)
            return await self._refuse(key) if self._store.queue_limit.is_full(key.namespace) else Result.DONE
        checked = await self._check(key, queue)
        now = self._now()
        counts = count_tasks(self._store.unfinished(key), self._admission.is_admitted, now)
        notes = checked.template.notes if checked.template is not None else ()
        held = self._store.holds.of(key, now)
        last, standby = self._last_errors.get(key), self._standbys.state(key)
        status = new_status(queue, counts, checked.problem, last, now, notes, held, standby)
        if (result := await self._write(queue, status)) is not Result.DONE:
            return result
        if (interval := _interval(queue, checked)) is not None:
            self._work.queues.add_after(key, interval.total_seconds())
        return Result.DONE

    async def _refuse(self, key: Key) -> Result:
        """Say of a queue, if it exists, that it is not kept, as its namespace has too many."""
        if (queue := await self._writer.read_queue(key)) is None or self._store.queue(key) is not None:
            return Result.DONE
        return await self._write(queue, refused(queue, self._store.queue_limit.most, self._now()))

    async def _write(self, queue: DjangoTaskQueue, status: QueueStatus) -> Result:
        if status == queue.status:
            return Result.DONE
        try:
            await self._writer.write_queue_status(queue, status)
        except ApiError as error:
            if not error.stale_or_gone:
                raise
            # 404: the queue is gone, or its CRD has no status yet.
            return Result.DONE if error.not_found else Result.RETRY
        if status.held != queue.status.held:
            self._holds.held(queue, status.held)
        return Result.DONE

    async def _check(self, key: Key, queue: DjangoTaskQueue) -> Checked:
        """Whether a task of the queue could be started: as known, or checked again where that is due."""
        now, known = self._now(), self._checked.get(key)
        identity = queue.metadata.uid, queue.metadata.generation
        if known is not None and known.identity == identity and not known.needs_recheck:
            interval = _interval(queue, known)
            if interval is None or now - known.at < interval:
                return known
        if known is not None and known.identity != identity:
            known = None
        template, problem = await self._try(queue, known)
        if known is not None and template == known.template:
            problem = _as_known(problem, known.problem)
        checked = self._checked[key] = Checked(identity, now, template, problem)
        if problem is None and (known is None or known.problem is not None):
            self._admission.queue_ready(key)
        return checked

    async def _try(self, queue: DjangoTaskQueue, known: Checked | None) -> tuple[PodTemplate | None, NotReady | None]:
        """Make the queue's template, and a dry run with it unless the last one was good and it is the same."""
        template = await self._templates.of(queue)
        if isinstance(template, Blocked):
            return None, _not_ready(template)
        good = known is not None and known.problem is None and not known.needs_recheck
        if known is not None and good and known.template == template:
            return template, None
        return template, _not_ready(await self._starter.dry_run(queue, template))


def _as_known(problem: NotReady | None, known: NotReady | None) -> NotReady | None:
    """The problem, in the words that are known where it is the same."""
    if problem is None or known is None or problem.reason != known.reason:
        return problem
    return known if is_same_refusal(problem.message, known.message) else problem


def _not_ready(refusal: Blocked | None) -> NotReady | None:
    if refusal is None or refusal.reason in TRANSIENT:
        return None
    return NotReady(refusal.reason, truncate_message(refusal.message))


def _interval(queue: DjangoTaskQueue, checked: Checked) -> timedelta | None:
    """How long the check holds while the queue's spec does not change. None for ever."""
    if checked.problem is not None:
        return NOT_READY_INTERVAL
    return DEPLOYMENT_INTERVAL if queue.spec.pod_template_from is not None else None
