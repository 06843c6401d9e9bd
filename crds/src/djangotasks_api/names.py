"""Names and limits of the API, each defined once."""

from typing import Final

GROUP: Final = "djangotasks.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

TASK_KIND: Final = "DjangoTask"
TASK_PLURAL: Final = "djangotasks"
QUEUE_KIND: Final = "DjangoTaskQueue"
QUEUE_PLURAL: Final = "djangotaskqueues"

# Who manages the Jobs (spec.managedBy): the built-in Job controller leaves these alone.
MANAGED_BY: Final = f"{GROUP}/operator"

# Labels. QUEUE_LABEL is on tasks, Jobs and Pods; the others on Jobs and Pods. The uid tells a task from a
# later one of the same name, whose Jobs would have the same names.
QUEUE_LABEL: Final = f"{GROUP}/queue"
TASK_LABEL: Final = f"{GROUP}/task"
TASK_UID_LABEL: Final = f"{GROUP}/task-uid"
ATTEMPT_LABEL: Final = f"{GROUP}/attempt"

# The container of a task pod that runs the task, where the pod template does not name one.
CONTAINER_NAME: Final = "task"
DEFAULT_COMMAND: Final = ("python", "-m", "django_tasks_kubernetes.runner")

# A Job is called <task>-<attempt> and must be a DNS label of 63 characters: this leaves five digits.
TASK_NAME_MAX: Final = 57

# Linux allows one environment variable 128 KiB (MAX_ARG_STRLEN), name and terminator included.
PAYLOAD_MAX_BYTES: Final = 96 * 1024
# What a packed payload may become when it is unpacked: 96 KiB of packed zeros would fill 70 MiB.
UNPACKED_MAX_BYTES: Final = 8 * 1024 * 1024
# etcd takes 1.5 MiB a request; the result shares the resource with the payload and the attempts.
RESULT_MAX_BYTES: Final = 512 * 1024
# One attempt's traceback; the end of it is what people read, so the middle goes first.
TRACEBACK_MAX_BYTES: Final = 16 * 1024
MESSAGE_MAX_CHARS: Final = 1024
# The end of an attempt's log that is kept with the task when its pod is gone.
LOG_TAIL_MAX_BYTES: Final = 16 * 1024
# The kubelet says so with 200, in place of the log of a container that it has removed.
LOG_GONE: Final = "unable to retrieve container logs for "
PROGRESS_MESSAGE_MAX_CHARS: Final = 256
# The kubelet cuts a termination message here (corev1.MaxTerminationMessageSize of the kubelet).
TERMINATION_MESSAGE_MAX_BYTES: Final = 4096

PRIORITY_MIN: Final = -100
PRIORITY_MAX: Final = 100

# Queue names are resource names: lower-case DNS labels.
DNS_LABEL_PATTERN: Final = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
# A dotted path of Python identifiers, which may be written in any script.
DOTTED_PATH_PATTERN: Final = r"^[\p{L}_][\p{L}\p{M}\p{N}_]*(\.[\p{L}_][\p{L}\p{M}\p{N}_]*)+$"

# What a retry policy names: the dotted path of an exception, or a reason, which has no dot.
FAILURE_NAME_PATTERN: Final = r"^[\p{L}_][\p{L}\p{M}\p{N}_]*(\.[\p{L}_<][\p{L}\p{M}\p{N}_<>]*)*$"
# They travel in one environment variable, and JSON may write a character as six.
FAILURE_NAME_MAX_CHARS: Final = 256
FAILURE_NAMES_MAX: Final = 32

SECONDS_PER_YEAR: Final = 31_536_000

CANCEL_REASON_MAX_CHARS: Final = 256
IDEMPOTENCY_KEY_MAX_CHARS: Final = 256
# A file's name in a storage, and the digest of what is in it.
STORED_NAME_MAX_CHARS: Final = 512
SHA256_PATTERN: Final = "^[0-9a-f]+$"
# As Kubernetes writes amounts: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
QUANTITY_PATTERN: Final = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][0-9]{1,2})?$"


def job_name(task: str, attempt: int) -> str:
    """The name of an attempt's Job and of its one Pod."""
    return f"{task}-{attempt}"
