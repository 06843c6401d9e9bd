"""The exception classes that stand for a Reason, where an attempt ended without a Python exception."""

from collections.abc import Iterable, Mapping
from typing import Final

from django_tasks_kubernetes import exceptions as e
from djangotasks_api.phases import Reason

# A test checks that every Reason is here.
EXCEPTIONS: Final[Mapping[str, type[e.AttemptFailed]]] = {
    Reason.QUEUE_NOT_FOUND: e.StartFailed,
    Reason.DEPLOYMENT_NOT_FOUND: e.StartFailed,
    Reason.INVALID_TEMPLATE: e.StartFailed,
    Reason.QUOTA_EXCEEDED: e.StartFailed,
    Reason.INVALID_SPEC: e.StartFailed,
    Reason.INIT_CONTAINER_FAILED: e.StartFailed,
    Reason.JOB_NAME_TAKEN: e.StartFailed,
    Reason.RESTORED: e.StartFailed,
    Reason.IMAGE_PULL_FAILED: e.StartFailed,
    Reason.INVALID_IMAGE_NAME: e.StartFailed,
    Reason.CONTAINER_CONFIG_ERROR: e.StartFailed,
    Reason.UNSCHEDULABLE: e.StartFailed,
    Reason.VOLUME_NOT_READY: e.StartFailed,
    Reason.POD_SANDBOX_FAILED: e.StartFailed,
    Reason.START_TIMEOUT: e.StartFailed,
    Reason.POD_REFUSED: e.StartFailed,
    Reason.NO_REPORT: e.AttemptFailed,
    Reason.TASK_ERROR: e.AttemptFailed,
    Reason.TASK_NOT_FOUND: e.SetupFailed,
    Reason.NOT_A_TASK: e.NotATask,
    Reason.INVALID_PAYLOAD: e.InvalidPayload,
    Reason.SETUP_ERROR: e.SetupFailed,
    Reason.RESULT_NOT_SERIALIZABLE: e.ResultNotSerializable,
    Reason.RESULT_TOO_LARGE: e.ResultTooLarge,
    Reason.PAYLOAD_UNAVAILABLE: e.PayloadUnavailable,
    Reason.INPUT_UNAVAILABLE: e.InputUnavailable,
    Reason.INPUT_TOO_LARGE: e.InputTooLarge,
    Reason.RESULT_NOT_STORED: e.ResultNotStored,
    Reason.RESULT_LOST: e.ResultLost,
    Reason.WORKFLOW_RETURNED: e.AttemptFailed,
    Reason.WORKFLOW_FAILED: e.AttemptFailed,
    Reason.PROCESS_EXITED: e.ProcessExited,
    Reason.OOM_KILLED: e.OutOfMemory,
    Reason.DEADLINE_EXCEEDED: e.DeadlineExceeded,
    Reason.HEARTBEAT_TIMEOUT: e.HeartbeatTimeout,
    Reason.EXPIRED: e.Expired,
    Reason.NOT_ALLOWED: e.NotAllowed,
    Reason.EVICTED: e.Interrupted,
    Reason.PREEMPTED: e.Interrupted,
    Reason.NODE_LOST: e.Interrupted,
    Reason.POD_DELETED: e.Interrupted,
    Reason.JOB_DELETED: e.Interrupted,
    Reason.STANDBY_LOST: e.Interrupted,
    Reason.TOO_MANY_INTERRUPTIONS: e.Interrupted,
    Reason.CANCEL_REQUESTED: e.Cancelled,
}


# Reasons for which a policy decides whether the attempt is retried. For all others it is not asked.
RETRYABLE_REASONS: Final = (
    Reason.IMAGE_PULL_FAILED,
    Reason.CONTAINER_CONFIG_ERROR,
    Reason.INIT_CONTAINER_FAILED,
    Reason.UNSCHEDULABLE,
    Reason.VOLUME_NOT_READY,
    Reason.POD_SANDBOX_FAILED,
    Reason.START_TIMEOUT,
    Reason.TASK_NOT_FOUND,
    Reason.NOT_A_TASK,
    Reason.SETUP_ERROR,
    Reason.RESULT_LOST,
    Reason.PROCESS_EXITED,
    Reason.OOM_KILLED,
    Reason.DEADLINE_EXCEEDED,
    Reason.HEARTBEAT_TIMEOUT,
)


def reasons_of(classes: Iterable[type[BaseException]]) -> list[str]:
    """The retryable reasons whose class is one of these, or a subclass."""
    return [reason.value for reason in RETRYABLE_REASONS if issubclass(EXCEPTIONS[reason], tuple(classes))]


def exception_path(reason: str) -> str:
    """The dotted path of the class for a reason, also for one that only a newer operator knows."""
    class_ = EXCEPTIONS.get(reason, e.AttemptFailed)
    return f"{class_.__module__}.{class_.__qualname__}"
