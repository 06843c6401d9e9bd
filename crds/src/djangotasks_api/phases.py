"""The phases of a task, and the reasons in a status."""

from enum import StrEnum


class Phase(StrEnum):
    """Where a task is in its life. A terminal phase never moves."""

    QUEUED = "Queued"
    """It waits for its time, for a free slot in its queue, or for something that is missing: the reason names it."""
    STARTING = "Starting"
    """Its pod exists and does not run yet. Shown when that takes long, or when the pod has a problem."""
    RUNNING = "Running"
    """Its function was called; or it has returned a workflow that runs."""
    RETRYING = "Retrying"
    """An attempt failed or was interrupted, and another follows."""
    SUCCEEDED = "Succeeded"
    """Its function returned, and the result is stored."""
    FAILED = "Failed"
    """It has no attempts left, or its failure would repeat."""
    CANCELLED = "Cancelled"
    """It was cancelled before it ended."""

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL_PHASES


TERMINAL_PHASES = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED})


class Reason(StrEnum):
    """Why a task or an attempt is in its state, and what to do about it. docs/reference/reasons.md lists them."""

    # The task waits, and starts by itself once the cause is gone.
    QUEUE_NOT_FOUND = "QueueNotFound"
    """The namespace has no DjangoTaskQueue of the task's queue name. Create it, or correct QUEUES and queue_name."""
    DEPLOYMENT_NOT_FOUND = "DeploymentNotFound"
    """The queue follows a Deployment that is not in its namespace, or that the operator may not read. Correct
    podTemplateFrom, or the namespaces of the operator's chart."""
    INVALID_TEMPLATE = "InvalidTemplate"
    """No pod can be made of the queue's template. The message says which field is wrong."""
    QUOTA_EXCEEDED = "QuotaExceeded"
    """A ResourceQuota of the namespace has no room for the pod. The task starts as soon as it has."""
    JOB_NAME_TAKEN = "JobNameTaken"
    """Another Job or Pod has the attempt's name: usually one of an earlier task that is still being deleted."""
    RESTORED = "Restored"
    """The task comes from a backup and may have run before. Take its label away to run it, or cancel or delete it."""

    # The attempt's pod cannot start. The attempt waits for the start timeout, then fails.
    IMAGE_PULL_FAILED = "ImagePullFailed"
    """The image cannot be pulled: its name, the registry, the imagePullSecrets. The message has the kubelet's words."""
    INVALID_IMAGE_NAME = "InvalidImageName"
    """The image's name is malformed. Not retried."""
    CONTAINER_CONFIG_ERROR = "ContainerConfigError"
    """The container cannot be made: a Secret or ConfigMap is missing, or the command does not exist in the image."""
    INIT_CONTAINER_FAILED = "InitContainerFailed"
    """An init container of the template ended with an error, or keeps doing so. Read its log."""
    UNSCHEDULABLE = "Unschedulable"
    """No node has room for the pod or matches its selectors and tolerations. The message has the scheduler's words."""
    VOLUME_NOT_READY = "VolumeNotReady"
    """A volume of the pod cannot be mounted: its Secret or ConfigMap is missing, or another node has its claim. The
    message has the kubelet's words."""
    POD_SANDBOX_FAILED = "PodSandboxFailed"
    """The node cannot prepare the pod: its network (CNI), its runtime class, a device. See the node's own Events."""
    START_TIMEOUT = "StartTimeout"
    """The pod was not running within startTimeoutSeconds, and neither its status nor its Events gave a cause."""
    POD_REFUSED = "PodRefused"
    """A policy refuses the Job or the Pod, or a webhook that must be asked does not answer. The task waits until the
    queue's template, the policy or the webhook is changed. It fails where it alone is refused, for longer than its
    start timeout."""

    # The attempt runs, and something is wrong with it.
    NO_REPORT = "NoReport"
    """The pod runs, and the operator has no report of it. It still sets Django up, or cannot reach the operator: see
    NetworkPolicies, the service mesh, --report-url. The task goes on; its outcome is read from the pod at its end."""

    # The task's function has returned, and the task is not over.
    WORKFLOW_RETURNED = "WorkflowReturned"
    """It has returned a workflow, which the message names. The result of that will be the task's."""

    # The task's own failures.
    TASK_ERROR = "TaskError"
    """The task raised an exception. Its class and traceback are in the attempt."""
    TASK_NOT_FOUND = "TaskNotFound"
    """The task's module or name does not exist in the pod's image: most often an older image. Retried by the policy."""
    NOT_A_TASK = "NotATask"
    """The path names something that is not decorated with @task, in the pod's image. Retried by the policy."""
    INVALID_SPEC = "InvalidSpec"
    """The operator cannot parse the DjangoTask, or the API server refuses its pod for the task's own overrides. The
    message names the field."""
    INVALID_PAYLOAD = "InvalidPayload"
    """The payload is not the JSON of arguments, or too large for an environment variable. Not retried."""
    SETUP_ERROR = "SetupError"
    """django.setup() or the import of the task's module raised: settings, a missing package, a missing variable."""
    RESULT_NOT_SERIALIZABLE = "ResultNotSerializable"
    """The return value cannot be written as JSON. Not retried: return plain values."""
    RESULT_TOO_LARGE = "ResultTooLarge"
    """The return value is larger than a result may be. Not retried: store it, and return a reference to it."""
    PAYLOAD_UNAVAILABLE = "PayloadUnavailable"
    """The arguments are in a storage, and could not be read from it, or differ from what was stored."""
    INPUT_UNAVAILABLE = "InputUnavailable"
    """A result of another step of its workflow, which is one of its arguments, could not be read. Not retried where
    somebody deleted the task that returned it."""
    INPUT_TOO_LARGE = "InputTooLarge"
    """The results of other steps that are its arguments are larger than OPTIONS["STORAGE_MAX_BYTES"]. Not retried."""
    RESULT_NOT_STORED = "ResultNotStored"
    """The task succeeded, but its return value, too large for the resource, could not be written to the storage."""
    RESULT_LOST = "ResultLost"
    """The task succeeded, but its result did not reach the operator and was too long for the termination message."""
    WORKFLOW_FAILED = "WorkflowFailed"
    """The workflow that the task has returned failed, was deleted, or has a result that cannot be had. See it there."""
    PROCESS_EXITED = "ProcessExited"
    """The process ended without an outcome: os._exit, a signal, a crash, more disk than its limits allow. The message
    has the end of its log, or the kubelet's words."""
    OOM_KILLED = "OOMKilled"
    """The container went over its memory limit. Raise the limit of the queue's template, or use less."""
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """The attempt ran longer than timeoutSeconds, and was stopped."""
    HEARTBEAT_TIMEOUT = "HeartbeatTimeout"
    """The attempt reported no progress for heartbeatTimeoutSeconds, and was stopped."""

    # The task was not started, and is not going to be.
    EXPIRED = "Expired"
    """It had not started by its expiresAt."""
    NOT_ALLOWED = "NotAllowed"
    """The task asks for something that its queue does not allow. The message names it: see the queue's overrides."""

    # Interruptions: no fault of the task, so a new attempt starts, and they do not count as failures.
    EVICTED = "Evicted"
    """The pod was evicted: a drained node, or one that ran short of memory or disk."""
    PREEMPTED = "Preempted"
    """The scheduler took the pod away for one of a higher priority class."""
    NODE_LOST = "NodeLost"
    """The pod's node does not respond, and the task waits until the pod is known to be gone; or the node restarted."""
    POD_DELETED = "PodDeleted"
    """Somebody deleted the pod."""
    JOB_DELETED = "JobDeleted"
    """Somebody deleted the Job, and with it the pod."""
    STANDBY_LOST = "StandbyLost"
    """The standby pod that was to run the task had just ended. The task was not called."""

    # How a task ended.
    TOO_MANY_INTERRUPTIONS = "TooManyInterruptions"
    """The task was interrupted more than 10 times. Look at its nodes, or at what deletes its pods."""
    CANCEL_REQUESTED = "CancelRequested"
    """Somebody set spec.cancel."""


INTERRUPTIONS = frozenset(
    {
        Reason.EVICTED,
        Reason.PREEMPTED,
        Reason.NODE_LOST,
        Reason.POD_DELETED,
        Reason.JOB_DELETED,
        Reason.STANDBY_LOST,
    }
)

# What a pod may say of its attempt: what its runner has seen itself. All others are the operator's word, which decides
# and reports by them: that a quota has no room, or that a node is lost.
REPORTED = frozenset(
    {
        Reason.TASK_ERROR,
        Reason.TASK_NOT_FOUND,
        Reason.NOT_A_TASK,
        Reason.INVALID_PAYLOAD,
        Reason.SETUP_ERROR,
        Reason.RESULT_NOT_SERIALIZABLE,
        Reason.RESULT_TOO_LARGE,
        Reason.RESULT_NOT_STORED,
        Reason.PAYLOAD_UNAVAILABLE,
        Reason.INPUT_UNAVAILABLE,
        Reason.INPUT_TOO_LARGE,
    }
)
