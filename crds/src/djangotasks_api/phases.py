"""The phases of a task, and the reasons that a status gives."""

from enum import StrEnum


class Phase(StrEnum):
    """Where a task is in its life. A terminal phase never moves."""

    QUEUED = "Queued"
    """It waits for its time, for a place in its queue, or for something that is missing: the reason says which."""
    STARTING = "Starting"
    """Its pod exists and does not run yet. Shown when that takes long, or has a problem."""
    RUNNING = "Running"
    """Its function was called."""
    RETRYING = "Retrying"
    """An attempt failed or was interrupted, and another follows."""
    SUCCEEDED = "Succeeded"
    """Its function returned, and the result is stored."""
    FAILED = "Failed"
    """It has no attempts left, or fails the same way each time."""
    CANCELLED = "Cancelled"
    """It was cancelled before it ended."""

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL_PHASES


TERMINAL_PHASES = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED})


class Reason(StrEnum):
    """Why a task or an attempt is as it is: a word, what it means, and what to do. docs/reference/reasons.md has it."""

    # It waits, and starts by itself once the cause is gone.
    QUEUE_NOT_FOUND = "QueueNotFound"
    """The namespace has no DjangoTaskQueue of the task's queue name. Create it, or correct QUEUES and queue_name."""
    DEPLOYMENT_NOT_FOUND = "DeploymentNotFound"
    """The queue follows a Deployment that does not exist in its namespace. Correct podTemplateFrom."""
    INVALID_TEMPLATE = "InvalidTemplate"
    """No pod can be made of the queue's template. The message says which field is wrong."""
    QUOTA_EXCEEDED = "QuotaExceeded"
    """A ResourceQuota of the namespace has no room for the pod. It starts as soon as there is some."""
    JOB_NAME_TAKEN = "JobNameTaken"
    """Another Job or Pod has the attempt's name, mostly one of an earlier task that is still being deleted."""

    # Its pod cannot start (waiting first, then the failure of the attempt).
    IMAGE_PULL_FAILED = "ImagePullFailed"
    """The image cannot be pulled: its name, the registry, the imagePullSecrets. The message has the kubelet's words."""
    INVALID_IMAGE_NAME = "InvalidImageName"
    """No image can have such a name. Never tried again."""
    CONTAINER_CONFIG_ERROR = "ContainerConfigError"
    """The container cannot be made: a Secret or ConfigMap is missing, or the command does not exist in the image."""
    INIT_CONTAINER_FAILED = "InitContainerFailed"
    """An init container of the template ended with an error, or keeps doing so. Read its log."""
    UNSCHEDULABLE = "Unschedulable"
    """No node has room for the pod, or fits its selectors and tolerations. The message has the scheduler's words."""
    START_TIMEOUT = "StartTimeout"
    """The pod was not running within startTimeoutSeconds, and nothing said why."""
    POD_REFUSED = "PodRefused"
    """An admission policy refused the Job or the Pod. Never tried again: change the queue's template or the policy."""

    # The task's own failures.
    TASK_ERROR = "TaskError"
    """The task raised an exception. Its class and traceback are in the attempt."""
    TASK_NOT_FOUND = "TaskNotFound"
    """The task's module or name does not exist in the pod's image: most often an older image. Never tried again."""
    NOT_A_TASK = "NotATask"
    """The path leads to something that is not decorated with @task. Never tried again."""
    INVALID_SPEC = "InvalidSpec"
    """The operator cannot read the DjangoTask. The message names the field."""
    INVALID_PAYLOAD = "InvalidPayload"
    """The payload is not the JSON of arguments, or too large for an environment variable. Never tried again."""
    SETUP_ERROR = "SetupError"
    """django.setup() or the import of the task's module raised: settings, a missing package, a missing variable."""
    RESULT_NOT_SERIALIZABLE = "ResultNotSerializable"
    """The task returned what is not JSON. Never tried again: return plain values."""
    RESULT_TOO_LARGE = "ResultTooLarge"
    """The return value is larger than a result may be. Never tried again: store it, and return where it is."""
    PAYLOAD_UNAVAILABLE = "PayloadUnavailable"
    """The arguments are in a storage, and could not be read from there, or are not what was stored."""
    RESULT_NOT_STORED = "ResultNotStored"
    """The task succeeded, but its return value, too large for the resource, could not be written to the storage."""
    RESULT_LOST = "ResultLost"
    """The task succeeded, but its result was too long for the termination message and the operator never got it."""
    PROCESS_EXITED = "ProcessExited"
    """The process ended without an outcome: os._exit, a signal, a crash. The message has the end of its log."""
    OOM_KILLED = "OOMKilled"
    """The container went over its memory limit. Raise the limit of the queue's template, or use less."""
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """The attempt ran longer than timeoutSeconds, and was stopped."""

    HEARTBEAT_TIMEOUT = "HeartbeatTimeout"
    """The attempt showed no progress for heartbeatTimeoutSeconds, and was stopped."""

    # Never started, and never will.
    EXPIRED = "Expired"
    """It had not started by its expiresAt."""
    NOT_ALLOWED = "NotAllowed"
    """The task asks for what its queue does not allow. The message says what: see the queue's overrides."""

    # Interruptions: not the task's doing, so they start a new attempt and do not count as a failure.
    EVICTED = "Evicted"
    """The pod was evicted: a drained node, or one that ran short of memory or disk."""
    PREEMPTED = "Preempted"
    """The scheduler took the pod away for one of a higher priority class."""
    NODE_LOST = "NodeLost"
    """The pod's node does not answer. The task waits until the pod is known to be gone."""
    POD_DELETED = "PodDeleted"
    """Somebody deleted the pod."""
    JOB_DELETED = "JobDeleted"
    """Somebody deleted the Job, and with it the pod."""

    # How a task ended.
    TOO_MANY_INTERRUPTIONS = "TooManyInterruptions"
    """The task was interrupted more than 10 times. Look at its nodes, or at what deletes its pods."""
    CANCEL_REQUESTED = "CancelRequested"
    """Somebody set spec.cancel."""


INTERRUPTIONS = frozenset({Reason.EVICTED, Reason.PREEMPTED, Reason.NODE_LOST, Reason.POD_DELETED, Reason.JOB_DELETED})
