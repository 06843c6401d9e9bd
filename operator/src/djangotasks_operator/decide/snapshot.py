"""All that is known of one task at one moment. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from djangotasks_api.models import DjangoTask, DjangoTaskQueue
from djangotasks_operator.pods.events import PodEvents
from djangotasks_operator.pods.views import Job, Pod
from djangotasks_operator.scheduling.limits import Limits, resolve
from djangotasks_operator.status.attempts import current_number, open_attempt
from djangotasks_operator.workflows.views import Workflow


class DeletedFor(StrEnum):
    """Why a finished task is deleted."""

    TTL = "ttl"
    HISTORY = "history"
    """Its queue has too many."""
    WORKFLOW = "workflow"
    """Its workflow does not keep it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The input of `decide`."""

    task: DjangoTask
    queue: DjangoTaskQueue | None
    """The queue that the task names; None where there is none."""
    jobs: Mapping[int, Job]
    """By number of the attempt."""
    pods: Mapping[int, Pod]
    """By number of the attempt."""
    lost: frozenset[int] = frozenset()
    """Attempts whose Job or Pod is gone."""
    admitted: bool = False
    """The scheduler has admitted it."""
    invalid: str | None = None
    """What is wrong with the spec, where the CRD's schema let through what cannot be read."""
    surplus: bool = False
    """It is finished, and beyond its queue's history limit."""
    held: bool = False
    """It is finished, and may not go yet: its schedule does not have it as created, and would create it again; or the
    workflow that it has returned, which goes with it, is kept for one that retries that."""
    reports_accepted_since: datetime | None = None
    """Start of the current uninterrupted period in which reports could be received and stored; heartbeats missed before
    it do not count."""
    deleted_queue: DjangoTaskQueue | None = None
    """What is remembered of the queue, without its pod template, where it was deleted."""
    pod_events: PodEvents | None = None
    """Of the current attempt's pod. None where they were not read."""
    queues_full: bool = False
    """Its namespace has as many queues as are kept, so the queue may be there and not be kept."""
    report_keys: tuple[bytes, ...] = field(default=(), repr=False)
    """One of them made the token with which a pod signs its outcome."""
    report_url: str = ""
    """Where its pods report to."""

    @property
    def policy_queue(self) -> DjangoTaskQueue | None:
        """The queue whose policy holds for the task, also once it was deleted: what is being replaced must not cost the
        attempts that end meanwhile their retries, nor results their TTL."""
        return self.queue or self.deleted_queue

    workflow: Workflow | None = None
    """The workflow that it is a part of, while that exists."""
    returned: Workflow | None = None
    """The workflow that it has returned, where that is known."""
    needless: bool = False
    """Its workflow does not keep it: it is recorded there, and nothing takes its result any more."""

    @property
    def deleted_for(self) -> DeletedFor:
        """Why it is deleted, where it is."""
        if self.needless:
            return DeletedFor.WORKFLOW
        return DeletedFor.HISTORY if self.surplus else DeletedFor.TTL

    @property
    def limits(self) -> Limits:
        """As the current policy has them. But whether another attempt may follow the one that runs is as its pod knows
        it: receivers of task_finished in the pod go by it."""
        limits = resolve(self.task.spec.policy, self.policy_queue)
        pod = self.pods.get(self.number)
        if pod is None or pod.retries_left is None:
            return limits
        failures = self.number - self.task.status.interruptions
        return replace(limits, max_attempts=failures + pod.retries_left)

    def cancelled(self, now: datetime) -> bool:
        """Whether it is to be stopped: by its own spec, or because its workflow was stopped."""
        return self.task.spec.cancel or self.stopped_by(now) is not None

    def stopped_by(self, now: datetime) -> str | None:
        """Why its workflow stops it, where it does."""
        part = self.task.spec.workflow
        return None if part is None or self.workflow is None else self.workflow.stops(part.step, now)

    @property
    def number(self) -> int:
        """Of the current attempt, or of the next one."""
        return current_number(self.task.status)

    @property
    def in_progress(self) -> bool:
        """The current attempt has begun: it holds a slot of its queue. A Job alone, whose Pod was refused, has not, and
        a task that is being deleted has no attempt but its pods."""
        if self.task.metadata.deletion_timestamp is not None:
            return any(not pod.all_ended for pod in self.pods.values())
        number = self.number
        return not self.task.status.phase.is_terminal and (
            number in self.pods or number in self.lost or open_attempt(self.task.status) is not None
        )
