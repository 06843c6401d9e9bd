"""Every bound of the API, defined once: the models, the backend, the operator and the reference read it here.

Standard library only, because task pods and web processes import it.
"""

from typing import Final

from djangotasks_api.number_range import Range

SECONDS_PER_DAY: Final = 86_400
SECONDS_PER_WEEK: Final = 7 * SECONDS_PER_DAY
SECONDS_PER_YEAR: Final = 365 * SECONDS_PER_DAY

# --- Texts. In bytes where a system below counts bytes, in characters where the API server does.

PAYLOAD_MAX_BYTES: Final = 96 * 1024
"""The arguments of a task. Linux allows one environment variable 128 KiB (MAX_ARG_STRLEN), its name included."""

UNPACKED_MAX_BYTES: Final = 8 * 1024 * 1024
"""Compressed arguments when decompressed: 96 KiB of compressed zeros would fill 70 MiB."""

RESULT_MAX_BYTES: Final = 512 * 1024
"""The return value of a task. etcd takes 1.5 MiB a request, and the result shares it with arguments and attempts."""

RESULT_STORED_MAX_BYTES: Final = 768 * 1024
"""The same as the API server stores it, which writes some characters as two or six bytes (text.stored_bytes)."""

TRACEBACK_MAX_BYTES: Final = 16 * 1024
"""The traceback of one attempt. The middle of a longer one is cut, because people read its end."""

LOG_TAIL_MAX_BYTES: Final = 16 * 1024
"""The end of an attempt's log, kept with the task."""

TERMINATION_MESSAGE_MAX_BYTES: Final = 4096
"""A container's termination message. The kubelet cuts a longer one (its MaxTerminationMessageSize)."""

REPORT_MAX_BYTES: Final = 2 * RESULT_MAX_BYTES + 64 * 1024
"""An outcome on its way to the operator: result, traceback and a little more. JSON escapes may double the text."""

TASK_REQUEST_MAX_BYTES: Final = 2 * PAYLOAD_MAX_BYTES + 64 * 1024
"""A new task on its way from a task's pod to the operator: its arguments, and the rest of its spec. JSON escapes may
double the text."""

PROGRESS_MESSAGE_MAX_CHARS: Final = 256
"""The message of a progress report."""

PROGRESS_TEXT_MAX_CHARS: Final = 64
"""The numbers of a progress report, as the PROGRESS column shows them."""

PROGRESS_REPORT_MAX_BYTES: Final = 12 * PROGRESS_MESSAGE_MAX_CHARS + 1024
"""A progress report on its way: three numbers, a time, and a message whose characters JSON may write as twelve each."""

MESSAGE_MAX_CHARS: Final = 1024
"""A message of a status or of a condition."""

UNREPORTED_MAX_CHARS: Final = 200
"""What kept an attempt from reporting its outcome, in the runner's words."""

REASON_MAX_CHARS: Final = 64
"""A reason."""

ERROR_TYPE_MAX_CHARS: Final = 512
"""The dotted path of an exception's class."""

CANCEL_REASON_MAX_CHARS: Final = 256
"""The reason given with a cancellation."""

HOLD_REASON_MAX_CHARS: Final = 256
"""Why a queue is held."""

HOLD_BY_MAX_CHARS: Final = 256
"""Who holds a queue."""

IDEMPOTENCY_KEY_MAX_CHARS: Final = 256
"""An idempotency key."""

# --- Names

DNS_LABEL_MAX_CHARS: Final = 63
"""The name of a queue or a namespace, and a label's value (RFC 1123)."""

DNS_NAME_MAX_CHARS: Final = 253
"""The name of a Deployment or a PriorityClass (RFC 1123)."""

LABEL_KEY_MAX_CHARS: Final = DNS_NAME_MAX_CHARS + 1 + DNS_LABEL_MAX_CHARS
"""The key of a label: prefix, slash, name."""

TASK_NAME_MAX_CHARS: Final = 57
"""The name of a DjangoTask. Its Jobs are named TASK-ATTEMPT, DNS labels too: this leaves five digits."""

SCHEDULE_NAME_MAX_CHARS: Final = TASK_NAME_MAX_CHARS - 13
"""The name of a DjangoTaskSchedule. Its tasks are named SCHEDULE-YYYYMMDDHHMM."""

WORKFLOW_NAME_MAX_CHARS: Final = 36
"""The name of a DjangoTaskWorkflow, which a UUID fits. Its tasks are named WORKFLOW-STEP-INDEX."""

WORKFLOW_SCHEDULE_NAME_MAX_CHARS: Final = WORKFLOW_NAME_MAX_CHARS - 13
"""The name of a DjangoTaskSchedule that makes workflows. They are named SCHEDULE-YYYYMMDDHHMM."""

STEP_NAME_MAX_CHARS: Final = 14
"""The name of a workflow's step. With five digits of the index, a task's name has no room for more."""

TASK_PATH_MAX_CHARS: Final = 512
"""The dotted path of a Django task."""

BACKEND_ALIAS_MAX_CHARS: Final = 253
"""A backend's alias in the TASKS setting."""

STORAGE_ALIAS_MAX_CHARS: Final = 253
"""A storage's alias in the STORAGES setting."""

STORED_NAME_MAX_CHARS: Final = 512
"""A file's name in a storage."""

STORED_SIZE: Final = Range(0, 2**53 - 1)
"""A file's size in bytes. JSON parsers of any language hold these exactly."""

SHA256_CHARS: Final = 64
"""A SHA-256 in hex."""

ANNOTATION_MAX_CHARS: Final = 4096
"""An annotation of a queue's pods. Kubernetes takes 256 KiB of them in all."""

IMAGE_MAX_CHARS: Final = 1024
"""The name of an image, in the status of an attempt."""

FAILURE_NAME_MAX_CHARS: Final = 256
"""A name in retryOn or neverRetryOn. They travel in one environment variable, and JSON may write a character as six."""

CRON_MAX_CHARS: Final = 100
"""A cron expression."""

TIME_ZONE_MAX_CHARS: Final = 64
"""The name of a time zone."""

LOCAL_TIME_MAX_CHARS: Final = 40
"""A time as people read it, in a schedule's zone."""

DIGEST_MAX_CHARS: Final = 64
"""The digest of what decides when a schedule is due."""

QUANTITY_MAX_CHARS: Final = 32
"""An amount of a resource, such as 500m."""

# --- Counts

FAILURE_NAMES_MAX: Final = 32
"""Names in retryOn or neverRetryOn."""

ATTEMPTS_MAX: Final = 1000
"""Attempts in a status, interrupted ones included."""

INTERRUPTIONS_MAX: Final = 10
"""Interruptions of one task. It fails at the next one, because something ends its pods again and again."""

RESOURCES_MAX: Final = 16
"""Resources in a task's requests or limits."""

NODE_LABELS_MAX: Final = 16
"""Labels in a task's node selector."""

COMMAND_WORDS_MAX: Final = 64
"""Words of a queue's command."""

POD_LABELS_MAX: Final = 32
"""Labels, and annotations, that a queue gives to its pods or copies from a Deployment's."""

POD_CONTAINERS_MAX: Final = 32
"""Containers that a queue names of a Deployment's pods."""

ALLOWED_OVERRIDES_MAX: Final = 8
"""Fields in a queue's allowedOverrides."""

CONDITIONS_MAX: Final = 8
"""Conditions in a status."""

# --- A task's policy, and what a queue's ceilings may be

PRIORITY: Final = Range(-100, 100)
"""The priority of a task."""

ATTEMPT: Final = Range(1, 99_999)
"""The number of an attempt. The names of Jobs end in it."""

MAX_ATTEMPTS: Final = Range(1, 100)
"""Attempts in all, interruptions not counted."""

TIMEOUT_SECONDS: Final = Range(1, SECONDS_PER_YEAR)
"""How long one attempt may run."""

HEARTBEAT_TIMEOUT_SECONDS: Final = Range(2, SECONDS_PER_DAY)
"""How long an attempt may report no progress. Reports are at most one a second."""

GRACE_PERIOD_SECONDS: Final = Range(0, SECONDS_PER_DAY)
"""Between SIGTERM and SIGKILL."""

START_TIMEOUT_SECONDS: Final = Range(1, SECONDS_PER_WEEK)
"""How long a pod may take to start."""

TTL_SECONDS: Final = Range(0, 10 * SECONDS_PER_YEAR)
"""How long a finished task is kept."""

BACKOFF_SECONDS: Final = Range(0, SECONDS_PER_DAY)
"""The first wait of a backoff, and its increment."""

BACKOFF_MAX_SECONDS: Final = Range(0, SECONDS_PER_WEEK)
"""The longest wait of a backoff."""

BACKOFF_FACTOR: Final = Range(1, 100)
"""The factor of a backoff."""

RETRY_AFTER_SECONDS: Final = Range(0, SECONDS_PER_YEAR)
"""The wait that a task asks for itself (RetryLater)."""

MEMORY_BYTES: Final = Range(0, 2**53 - 1)
"""Memory that an attempt has used, and may use. JSON parsers of any language hold these exactly."""

CPU_SECONDS: Final = Range(0, 1000 * SECONDS_PER_YEAR)
"""CPU time that an attempt has used, of all its processes and cores."""

# --- A chunk

CHUNK: Final = Range(1, 10_000)
"""Items that one task calls its function for."""

ITEM_ERRORS_MAX: Final = 100
"""Errors of items that are kept with a chunk: those of the first that failed."""

ITEM_MESSAGE_MAX_CHARS: Final = 256
"""The message of such an error."""

# --- A queue

CONCURRENCY: Final = Range(1, 100_000)
"""Tasks of a queue that run at once."""

HOLD_CONCURRENCY: Final = Range(0, CONCURRENCY.most)
"""The same while the queue is held."""

RATE_LIMIT_STARTS: Final = Range(1, 100_000)
"""Starts of a rate limit."""

RATE_LIMIT_PERIOD_SECONDS: Final = Range(1, SECONDS_PER_DAY)
"""The period of a rate limit."""

WEIGHT: Final = Range(1, 1000)
"""The weight of a queue."""

AGEING_SECONDS: Final = Range(0, SECONDS_PER_YEAR)
"""The wait that is worth one point of priority."""

HISTORY_LIMIT: Final = Range(0, 1_000_000)
"""Finished tasks that a queue keeps."""

# --- The standby pods of a queue

STANDBY_MIN: Final = Range(0, 100)
"""Standby pods that a queue has at least."""

STANDBY_MAX: Final = Range(1, 100)
"""Standby pods that a queue has at most."""

STANDBY_IDLE_SECONDS: Final = Range(10, SECONDS_PER_DAY)
"""How long a standby pod beyond the least is kept that nobody needs."""

STANDBY_MAX_AGE_SECONDS: Final = Range(60, SECONDS_PER_WEEK)
"""After which time a standby pod is replaced."""

PRELOAD_MAX: Final = 64
"""Modules that a standby pod imports."""

# --- A schedule

CRONS_MAX: Final = 16
"""Cron expressions of a schedule."""

EVERY_MINUTES: Final = Range(1, SECONDS_PER_YEAR // 60)
"""The interval of a schedule without cron expressions."""

JITTER_SECONDS: Final = Range(0, 3600)
"""How much later than scheduled a task may be created, so that not all are created at once."""

CATCH_UP_LIMIT: Final = Range(1, 1000)
"""Scheduled times that a schedule catches up on."""

STARTING_DEADLINE_SECONDS: Final = Range(10, SECONDS_PER_YEAR)
"""How late a scheduled task may start."""

# --- Times

YEARS: Final = Range(1970, 2999)
"""The year of a reported time. A pod's clock may be wrong, and sums with times near a datetime's ends overflow."""
