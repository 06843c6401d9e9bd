"""What enqueue() and get_result() raise, and the classes that stand for failures without an exception.

Every message names the cause and what to do about it.
"""

from typing import TYPE_CHECKING, Any, Final

from django.tasks.exceptions import TaskException

from djangotasks_api.text import headline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.tasks import TaskResult


class KubernetesBackendError(TaskException):
    """Base of all errors of this backend."""


# Raised by enqueue() and get_result().


class ClusterNotConfigured(KubernetesBackendError):
    """There are no credentials: neither a service account nor a usable kubeconfig."""


class ApiUnavailable(KubernetesBackendError):
    """The API server cannot be reached, or answered with an error of its own until the retries ran out."""


class NotAuthenticated(KubernetesBackendError):
    """The API server does not accept the credentials (401)."""


class PermissionDenied(KubernetesBackendError):
    """The credentials lack a permission (403). The message says which Role is missing."""


class CrdNotInstalled(KubernetesBackendError):
    """The cluster does not know the kind DjangoTask."""


class NamespaceNotFound(KubernetesBackendError):
    """The namespace for the tasks does not exist."""


class TaskRefused(KubernetesBackendError):
    """The API server refused the task: by its schema, a quota or a policy. The message holds its own words."""


class NotFinished(KubernetesBackendError):
    """Only a finished task can be retried."""


class NotRetryable(KubernetesBackendError):
    """A workflow cannot be retried: it has not ended, or it succeeded. The message says which, and what to do."""


class WorkflowFailed(KubernetesBackendError):
    """The workflow whose result was asked for has failed, or was cancelled. The message says which step, and why."""


class PayloadTooLarge(KubernetesBackendError, ValueError):
    """The arguments are longer than one environment variable of the pod can hold, or than the storage may take."""


class ChunksNotAccepted(KubernetesBackendError):
    """Not all chunks were created: `accepted` has the results of those that were, and `errors` why others were not."""

    def __init__(self, accepted: "Sequence[TaskResult[..., Any]]", errors: "Sequence[Exception]") -> None:
        number = len(accepted) + len(errors)
        super().__init__(f"{len(errors):,} of {number:,} chunks were not accepted. The first: {errors[0]}")
        self.accepted = accepted
        self.errors = errors

    def __reduce__(self) -> "tuple[type[ChunksNotAccepted], tuple[Any, ...]]":
        return type(self), (self.accepted, self.errors)


class StorageFailed(KubernetesBackendError):
    """The storage of OPTIONS["STORAGE"] did not take or give a file of a task. The message has its own words."""


class StoredTextInvalid(StorageFailed):
    """The file of a task is not what was stored, or cannot be asked for here: trying again does not help."""


class InvalidResource(KubernetesBackendError):
    """A DjangoTask cannot be shown as a TaskResult: its task does not import here, or its result is not JSON."""


class ScheduleDoesNotExist(KubernetesBackendError):
    """There is no DjangoTaskSchedule of that name."""


class ScheduleRefused(KubernetesBackendError):
    """The API server refused the schedule: by its schema, a quota or a policy. The message holds its own words."""


class HoldDoesNotExist(KubernetesBackendError):
    """The queue is not held: there is no DjangoTaskHold of its name."""


class HoldRefused(KubernetesBackendError):
    """The API server refused the hold: by its schema or a policy, or because somebody else holds the queue."""


# Raised by wait() and get() of a result.


# Why a task waits of which nobody has written anything: an operator writes what is missing, and a full queue is normal.
UNSAID: Final = "its queue is full, held or suspended, or no operator watches the namespace"


class WaitTimeout(KubernetesBackendError, TimeoutError):
    """The task was not finished in the time that wait() was given. The message says how far it is."""


class TaskFailed(KubernetesBackendError):
    """get() was asked for the return value of a task that failed. `result` has all its errors."""

    def __init__(self, result: "TaskResult[..., Any]") -> None:
        error = result.errors[-1] if result.errors else None
        message = getattr(error, "message", None) or (headline(error.traceback) if error else None)
        words = f": {message}" if message else ""
        super().__init__(f"Task {result.id} ({result.task.module_path}) failed{words}")
        self.result = result

    def __reduce__(self) -> "tuple[type[TaskFailed], tuple[TaskResult[..., Any]]]":
        return type(self), (self.result,)


class ItemsFailed(KubernetesBackendError):
    """Items of a chunk have failed: get() was asked for the results of all, or an attempt ended so. Its cause is the
    exception of the first of them."""

    retryable: bool = False
    """Whether one of them may run again."""

    after: float | None = None
    """The seconds until then, where an item asks for that (RetryLater)."""


class NotCommitted(KubernetesBackendError):
    """wait() was called in the very transaction whose commit would create the task: it would never end."""


# The `exception_class` of a TaskError, where an attempt ended without a Python exception.


class AttemptFailed(KubernetesBackendError):
    """An attempt, or the task as a whole, ended without an exception that Python could have raised."""


class StartFailed(AttemptFailed):
    """The pod could not start: image, configuration, scheduling, quota or policy."""


class SetupFailed(AttemptFailed):
    """Django could not be set up in the pod, or the task was not found there."""


class InvalidPayload(AttemptFailed, ValueError):
    """The payload of the DjangoTask is not {"args": [...], "kwargs": {...}}."""


class NotATask(AttemptFailed, TypeError):
    """The dotted path leads to something that is not a Django task."""


class ProcessExited(AttemptFailed):
    """The process ended before the task returned: os._exit, a signal, a crash of the interpreter."""


class OutOfMemory(ProcessExited):
    """The kernel ended the process, because the container reached its memory limit."""


class DeadlineExceeded(AttemptFailed, TimeoutError):
    """The attempt ran longer than its timeout."""


class HeartbeatTimeout(AttemptFailed, TimeoutError):
    """The attempt ran, and showed no progress for longer than its heartbeat timeout."""


class Expired(AttemptFailed, TimeoutError):
    """The task had not started when it expired."""


class NotAllowed(AttemptFailed):
    """The task asks for more than its queue allows. The message names the limit."""


class ResultTooLarge(AttemptFailed, ValueError):
    """The return value is longer than a DjangoTask can hold, or than the storage may take."""


class ResultNotSerializable(AttemptFailed, TypeError):
    """The return value is not JSON."""


class PayloadUnavailable(AttemptFailed):
    """The arguments could not be read from the storage they are in, or are not what was stored."""


class InputUnavailable(AttemptFailed):
    """A result of another step of its workflow, which is one of its arguments, could not be read."""


class InputTooLarge(AttemptFailed):
    """The results of other steps that are its arguments are larger than OPTIONS["STORAGE_MAX_BYTES"]."""


class ResultNotStored(AttemptFailed):
    """The task succeeded, but its return value could not be written to the storage."""


class ResultLost(AttemptFailed):
    """The task succeeded, but its return value did not reach the operator."""


class Interrupted(AttemptFailed):
    """The pod was taken away: evicted, preempted, deleted, or lost with its node."""


class Cancelled(AttemptFailed):
    """Somebody cancelled the task."""
