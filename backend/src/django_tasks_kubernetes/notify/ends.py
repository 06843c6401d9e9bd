"""How a DjangoTask and its attempts ended, or a DjangoTaskWorkflow. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.codec.times import to_wire
from djangotasks_api.names import TASK_KIND, WORKFLOW_KIND
from djangotasks_api.phases import TERMINAL_PHASES, Phase, Reason

# How the keys of their ends end.
OF_WORKFLOW: Final = "/workflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The end of a task or of a workflow, or of an attempt that did not succeed."""

    uid: str
    """The task's, or the workflow's."""

    of_workflow: bool = False

    attempt: int | None = None
    """The number of the attempt; None for the end of the task."""

    reason: str | None = None
    """None for a success."""

    message: str = ""
    reported: bool = False
    """Whether the pod has sent task_finished for it."""

    @property
    def key(self) -> str:
        """Identifies the end, in every process. The uid tells a task from a later one of the same name."""
        if self.of_workflow:
            return self.uid + OF_WORKFLOW
        return self.uid if self.attempt is None else f"{self.uid}/{self.attempt}"

    @classmethod
    def of(cls, resource: Resource, attempt: int | None) -> Self:
        """The end of an attempt, or of the task. Raises LookupError where it has not ended."""
        return {end.attempt: end for end in _ends(cls, resource)}[attempt]


def ends_of(resource: Resource) -> list[End]:
    """All ends so far: of the attempts, the first one first, and then of the task. An end never changes."""
    return list(_ends(End, resource))


def is_workflow(resource: Resource) -> bool:
    return "steps" in resource["spec"]


def _ends[E: End](class_: type[E], resource: Resource) -> Iterator[E]:
    uid, status = resource["metadata"]["uid"], resource.get("status") or {}
    attempts = status.get("attempts") or []
    last = attempts[-1] if attempts else {}
    for attempt in attempts:
        # Without finishedAt, the reason is a problem that the attempt may overcome.
        if attempt.get("reason") and attempt.get("finishedAt"):
            yield class_(
                uid=uid,
                attempt=attempt["number"],
                reason=attempt["reason"],
                message=attempt.get("message") or "",
                reported=attempt is last and _reported(status, last),
            )
    phase = status.get("phase")
    if phase not in TERMINAL_PHASES:
        return
    succeeded = phase == Phase.SUCCEEDED
    reason = None if succeeded else status.get("reason") or str(phase)
    yield class_(
        uid=uid,
        reason=reason,
        message=status.get("message") or "",
        reported=_may_be_reported(resource, status) and (succeeded or _reported(status, last)),
        of_workflow=is_workflow(resource),
    )


def _may_be_reported(resource: Resource, status: Mapping[str, Any]) -> bool:
    """Whether a pod could know of the end: of that of a workflow, also of a returned one, none does."""
    return not is_workflow(resource) and status.get("returnedWorkflow") is None


def _reported(status: Mapping[str, Any], last: Mapping[str, Any]) -> bool:
    """The task has failed with its last attempt, whose function was called and raised: so the pod sent task_finished.

    Not so where the import failed; nor where the task ended for another reason than its last attempt: it may expire
    while it waits for the next.
    """
    is_over = status.get("phase") == Phase.FAILED and status.get("reason") == last.get("reason")
    return bool(is_over and last.get("error") and last.get("startedAt"))


def as_deleted(resource: Resource, now: datetime) -> Resource:
    """The resource of a deleted task or workflow as it ended: cancelled, unless it had ended before."""
    status = resource.get("status") or {}
    if status.get("phase") in TERMINAL_PHASES:
        return resource
    end = {
        "phase": Phase.CANCELLED.value,
        "reason": Reason.CANCEL_REQUESTED.value,
        "message": f"The {WORKFLOW_KIND if is_workflow(resource) else TASK_KIND} was deleted before it had ended.",
        "finishedAt": to_wire(now),
    }
    # No deep copy, which is recursive: somebody's managedFields may have thousands of levels.
    return resource | {"status": status | end}
