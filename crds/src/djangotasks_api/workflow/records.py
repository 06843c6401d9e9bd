"""What is recorded of a workflow's steps: all that its next moves may rest on."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from djangotasks_api.workflow.ranges import Indexes


class StepPhase(StrEnum):
    """Where a step is in its life. The last four never change."""

    PENDING = "Pending"
    """It waits for other steps."""
    RUNNING = "Running"
    """Its tasks may be created."""
    SUCCEEDED = "Succeeded"
    """Its task succeeded; of a map, all but as many as may fail."""
    FAILED = "Failed"
    """Its task failed; of a map, more than may fail."""
    CANCELLED = "Cancelled"
    """The workflow was cancelled, or ran too long, before the step had ended."""
    SKIPPED = "Skipped"
    """It did not run: because of a step that failed (UpstreamFailed), or because there was no need (NotNeeded)."""

    @property
    def is_over(self) -> bool:
        return self not in (StepPhase.PENDING, StepPhase.RUNNING)


class StepReason(StrEnum):
    """Why a step is Failed, Cancelled or Skipped."""

    TASK_FAILED = "TaskFailed"
    """Its task failed, or was cancelled by hand. Of a map: more of them than maxFailedIndexes."""
    UPSTREAM_FAILED = "UpstreamFailed"
    """A step that it needs failed, was cancelled or was skipped for the same reason."""
    NOT_NEEDED = "NotNeeded"
    """It runs on failure, and nothing failed; or it needs the result of such a step."""
    NOT_A_LIST = "NotAList"
    """It maps over the result of a step that returned no list."""
    CANCEL_REQUESTED = "CancelRequested"
    """The workflow was cancelled."""
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """The workflow ran longer than its timeout."""
    INPUT_UNAVAILABLE = "InputUnavailable"
    """A result that it needs is not there any more: somebody deleted the task. Or it cannot be read."""
    INPUT_TOO_LARGE = "InputTooLarge"
    """The results that it needs are larger than its arguments may be; or the workflow has more than 100,000 tasks, with
    the list that it maps over."""


NO_LIST: Final = "The result that it maps over is no list."
"""What NOT_A_LIST says to people."""


def step_reason(task_reason: str | None) -> StepReason | None:
    """The reason of a step whose task failed for this one, where there is one for it."""
    same = (StepReason.INPUT_UNAVAILABLE, StepReason.INPUT_TOO_LARGE)
    return next((reason for reason in same if reason == task_reason), None)


@dataclass(frozen=True, slots=True)
class TakenOver:
    """Indexes of a step that succeeded in an earlier workflow, whose tasks have their results."""

    workflow: str
    """Its name."""
    uid: str
    indexes: Indexes


@dataclass(slots=True)
class Record:
    """What is recorded of one step."""

    phase: StepPhase = StepPhase.PENDING
    reason: StepReason | None = None
    width: int | None = None
    """How many tasks it has: 1, or the length of what it maps over. None before that is known."""
    completed: Indexes = field(default_factory=Indexes)
    """The indexes whose task succeeded. They never run again, whatever becomes of the tasks."""
    failed: Indexes = field(default_factory=Indexes)
    """The indexes whose task failed, or was cancelled."""
    taken_over: tuple[TakenOver, ...] = ()
    """Those of the completed indexes that an earlier workflow has run, and this one retries."""

    def copy(self) -> Self:
        return type(self)(
            self.phase, self.reason, self.width, self.completed.copy(), self.failed.copy(), self.taken_over
        )

    def source(self, index: int) -> TakenOver | None:
        """Where the task of an index ran, if not in this workflow."""
        return next((found for found in self.taken_over if index in found.indexes), None)

    def origins(self, workflow: str, uid: str) -> list[TakenOver]:
        """Where the tasks of all completed indexes ran. `workflow`, `uid`: of this one."""
        own = self.completed
        for known in self.taken_over:
            own = own.without(known.indexes)
        return [found for found in (TakenOver(workflow, uid, own), *self.taken_over) if found.indexes]


class WorkflowPhase(StrEnum):
    """Where a workflow is in its life. The last three never change."""

    PENDING = "Pending"
    """No step has begun."""
    RUNNING = "Running"
    """Steps run, or wait for others."""
    SUCCEEDED = "Succeeded"
    """All steps are over, and none failed that was not allowed to."""
    FAILED = "Failed"
    """All steps are over, and one failed; or it ran too long, or its steps make no graph."""
    CANCELLED = "Cancelled"
    """It was cancelled, and all steps are over."""

    @property
    def is_terminal(self) -> bool:
        return self not in (WorkflowPhase.PENDING, WorkflowPhase.RUNNING)


class WorkflowReason(StrEnum):
    """Why a workflow is in its phase, and what to do about it."""

    STEP_FAILED = "StepFailed"
    """A step failed that was not allowed to. The message names it; its own reason is in the status of the step."""
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """It ran longer than its timeoutSeconds. What ran was stopped, and steps that run always have run."""
    CANCEL_REQUESTED = "CancelRequested"
    """Somebody set spec.cancel. What ran was stopped, and steps that run always have run."""
    INVALID_GRAPH = "InvalidGraph"
    """The steps make no graph that can run: one needs a step that is not before it, for example."""
    NOT_RETRYABLE = "NotRetryable"
    """It is to retry a workflow that cannot be retried: that has not ended, has succeeded, or was deleted."""
    STATUS_TOO_LARGE = "StatusTooLarge"
    """What is to be recorded of it has no room beside its steps and lists. Nothing more of it begins, not even what
    runs always; tasks that run go on. Map over shorter lists, or return them from steps."""
    RESTORED = "Restored"
    """It was restored from a backup, and may have run before. It waits for somebody to take the label away."""
    TASKS_REFUSED = "TasksRefused"
    """The API server refuses new DjangoTasks, because of a quota, for example. They are created once it takes them."""
