"""Names of the API, each defined once. Bounds are in `bounds`."""

from datetime import datetime
from typing import Final

from djangotasks_api.times import in_utc

GROUP: Final = "djangotasks.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

TASK_KIND: Final = "DjangoTask"
TASK_PLURAL: Final = "djangotasks"
QUEUE_KIND: Final = "DjangoTaskQueue"
QUEUE_PLURAL: Final = "djangotaskqueues"
SCHEDULE_KIND: Final = "DjangoTaskSchedule"
SCHEDULE_PLURAL: Final = "djangotaskschedules"
HOLD_KIND: Final = "DjangoTaskHold"
HOLD_PLURAL: Final = "djangotaskholds"
WORKFLOW_KIND: Final = "DjangoTaskWorkflow"
WORKFLOW_PLURAL: Final = "djangotaskworkflows"

# The controller of the Jobs (spec.managedBy): the built-in Job controller ignores Jobs that name another.
MANAGED_BY: Final = f"{GROUP}/operator"

# Labels. QUEUE_LABEL is on tasks, Jobs and Pods; the others on Jobs and Pods. The uid tells a task from a
# later one of the same name, whose Jobs would have the same names.
QUEUE_LABEL: Final = f"{GROUP}/queue"
TASK_LABEL: Final = f"{GROUP}/task"
TASK_UID_LABEL: Final = f"{GROUP}/task-uid"
ATTEMPT_LABEL: Final = f"{GROUP}/attempt"
# On standby pods, also once a task has claimed them: the hash of what they are made of.
STANDBY_LABEL: Final = f"{GROUP}/standby"
# On Jobs: the standby pod that the attempt claims, for good.
POD_ANNOTATION: Final = f"{GROUP}/pod"
# On tasks that a schedule made: its name.
SCHEDULE_LABEL: Final = f"{GROUP}/schedule"
# On schedules that a project's code declares: which project, so that another one does not prune them.
DECLARED_BY_LABEL: Final = f"{GROUP}/declared-by"
# On the tasks of a workflow.
WORKFLOW_LABEL: Final = f"{GROUP}/workflow"
STEP_LABEL: Final = f"{GROUP}/step"

# On tasks: the name of the task that has enqueued it (spec.enqueuedBy). For people; the operator goes by the spec.
ENQUEUED_BY_LABEL: Final = f"{GROUP}/enqueued-by"

# A task or a workflow with one of these was restored from a backup, by Velero
# (https://velero.io/docs/main/restore-reference/) or by another tool, and is not started while it has it: it may have
# run before, and its status may be missing.
RESTORED_LABELS: Final = ("velero.io/restore-name", f"{GROUP}/restored")
# Velero leaves out what has it: an attempt's Job and Pod belong to one task's uid, and a restored Pod would run alone.
EXCLUDE_FROM_BACKUP_LABEL: Final = "velero.io/exclude-from-backup"

# The container of a task pod that runs the task, where the pod template does not name one.
CONTAINER_NAME: Final = "task"
DEFAULT_COMMAND: Final = ("python", "-m", "django_tasks_kubernetes.runner")

# On tasks whose names tell the time (`task_ids`), so that the newest of them are listed first. The others have to be
# looked for: those with a key, of a schedule, made by hand.
IN_ORDER_LABEL: Final = f"{GROUP}/in-order"
# On tasks that repeat another: its name.
RETRY_OF_LABEL: Final = f"{GROUP}/retry-of"

# An annotation of a DjangoTask: which enqueue() made it, so that a repeated request knows its own.
REQUEST_ANNOTATION: Final = f"{GROUP}/request"
# Another, on what a person has asked for in the admin: who. For people.
REQUESTED_BY_ANNOTATION: Final = f"{GROUP}/requested-by"

# The kubelet answers this, with status 200, in place of the log of a container that it has removed.
LOG_GONE: Final = "unable to retrieve container logs for "

# Queue names are resource names: lower-case DNS labels.
DNS_LABEL_PATTERN: Final = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
# Names of most other resources: DNS labels with dots between them.
DNS_NAME_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
# A dotted path of Python identifiers, which may be written in any script.
DOTTED_PATH_PATTERN: Final = r"^[\p{L}_][\p{L}\p{M}\p{N}_]*(\.[\p{L}_][\p{L}\p{M}\p{N}_]*)+$"
# The same, or one identifier alone: a module.
MODULE_PATTERN: Final = r"^[\p{L}_][\p{L}\p{M}\p{N}_]*(\.[\p{L}_][\p{L}\p{M}\p{N}_]*)*$"
# A name in a retry policy: the dotted path of an exception, or a reason, which has no dot.
FAILURE_NAME_PATTERN: Final = r"^[\p{L}_][\p{L}\p{M}\p{N}_]*(\.[\p{L}_<][\p{L}\p{M}\p{N}_<>]*)*$"
# The value of a label, which may be empty.
LABEL_VALUE_PATTERN: Final = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
# An expression as in crontab(5), its fields apart by one space, or a name for one. `cron` reads it.
CRON_PATTERN: Final = (
    "^(@(hourly|daily|midnight|weekly|monthly|yearly|annually)|[0-9A-Za-z*,/#-]+( [0-9A-Za-z*,/#-]+){4})$"
)
# A name of the IANA time zone database, by its characters.
TIME_ZONE_PATTERN: Final = "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$"
# A JSON pointer (RFC 6901).
POINTER_PATTERN: Final = "^(/([^~/]|~[01])*)*$"
# Sets of indexes, as an Indexed Job writes them. They may be empty.
RANGES_PATTERN: Final = "^([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?$"
REASON_PATTERN: Final = "^[A-Z][A-Za-z]*$"
SHA256_PATTERN: Final = "^[0-9a-f]+$"
# Amounts: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
QUANTITY_PATTERN: Final = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][0-9]{1,2})?$"

# RFC 3339, with T and Z in upper case. `format: date-time` alone lets through what CEL, on the next update of the
# resource, refuses as no time: then nobody could change the resource again, not even the operator.
TIME_PATTERN: Final = (
    "^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]([.][0-9]{1,9})?"
    "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)


def scheduled_task_name(schedule: str, at: datetime) -> str:
    """The name of the task that a schedule makes for a scheduled time, a whole minute: there can be only one."""
    return f"{schedule}-{in_utc(at):%Y%m%d%H%M}"


def job_name(task: str, attempt: int) -> str:
    """The name of an attempt's Job and of its one Pod."""
    return f"{task}-{attempt}"


def step_task_name(workflow: str, step: str, index: int | None) -> str:
    """The name of a step's task; of a map the one at `index`. In the order of their names they are in that of the
    indexes."""
    return f"{workflow}-{step}" if index is None else f"{workflow}-{step}-{index:05}"
