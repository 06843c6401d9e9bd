"""DjangoTask: one enqueued task, its attempts and its result."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from djangotasks_api.models.base import DnsLabel, Metadata, Model, ReasonWord, Timestamp
from djangotasks_api.models.overrides import Overrides
from djangotasks_api.models.policy import Policy
from djangotasks_api.names import (
    CANCEL_REASON_MAX_CHARS,
    DOTTED_PATH_PATTERN,
    IDEMPOTENCY_KEY_MAX_CHARS,
    LOG_TAIL_MAX_BYTES,
    MESSAGE_MAX_CHARS,
    PAYLOAD_MAX_BYTES,
    PRIORITY_MAX,
    PRIORITY_MIN,
    PROGRESS_MESSAGE_MAX_CHARS,
    RESULT_MAX_BYTES,
    SECONDS_PER_YEAR,
    SHA256_PATTERN,
    STORED_NAME_MAX_CHARS,
    TASK_NAME_MAX,
    TRACEBACK_MAX_BYTES,
)
from djangotasks_api.phases import Phase

Text = Annotated[str, StringConstraints(max_length=MESSAGE_MAX_CHARS)]


def _fits(payload: str) -> str:
    """The schema's maxLength counts characters, the environment's limit bytes."""
    if len(payload.encode("utf-8", "surrogatepass")) > PAYLOAD_MAX_BYTES:
        raise ValueError(f"must have at most {PAYLOAD_MAX_BYTES} bytes")
    return payload


class StoredText(Model):
    """JSON text that is too long for the resource, as a file in one of the project's STORAGES."""

    storage: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    """The alias in Django's STORAGES setting."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=STORED_NAME_MAX_CHARS)]
    """The file's name there."""

    size: Annotated[int, Field(ge=0)]
    """Its length in bytes."""

    sha256: Annotated[str, StringConstraints(pattern=SHA256_PATTERN, max_length=64)]
    """The SHA-256 of its bytes, in hex: what does not have it is not taken for the text."""


class TaskSpec(Model):
    """What to run. Immutable, but for `cancel` and `cancelReason`."""

    task: Annotated[str, StringConstraints(pattern=DOTTED_PATH_PATTERN, max_length=512)]
    """The dotted path of the Django task, such as shop.tasks.send_receipt."""

    queue: DnsLabel = "default"
    """The DjangoTaskQueue that says how it runs."""

    backend: Annotated[str, StringConstraints(min_length=1, max_length=253)] = "default"
    """The backend's alias in Django's TASKS setting."""

    priority: Annotated[int, Field(ge=PRIORITY_MIN, le=PRIORITY_MAX)] = 0
    """What waits in a queue starts in order of priority, the highest first."""

    enqueued_at: Timestamp | None = None
    """When enqueue() was called. Default: when the resource was created."""

    run_after: Timestamp | None = None
    """Not started before this time."""

    expires_at: Timestamp | None = None
    """Not started after this time: a task that has not run by then is Failed, with the reason Expired."""

    payload: Annotated[str, StringConstraints(max_length=PAYLOAD_MAX_BYTES), AfterValidator(_fits)] = (
        '{"args":[],"kwargs":{}}'
    )
    """The arguments as JSON text: {"args": [...], "kwargs": {...}}. Text keeps large numbers exact."""

    payload_encoding: Literal["zlib+base64"] | None = None
    """How the payload is packed. Default: not at all."""

    payload_ref: StoredText | None = None
    """Where the payload is instead, when it is too long for the resource."""

    policy: Policy | None = None
    """Attempts, timeouts and how long the result is kept. What is unset is the queue's to say."""

    cancel: bool = False
    """Set to true to cancel the task: it is not started, or its pod is stopped. Cannot be undone."""

    cancel_reason: Annotated[str, StringConstraints(max_length=CANCEL_REASON_MAX_CHARS)] | None = None
    """Who or what asked to cancel it, and why. Given together with cancel."""

    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=IDEMPOTENCY_KEY_MAX_CHARS)] | None = None
    """The key that the resource's name was made of, so that the same key makes no second task."""

    retry_of: Annotated[str, StringConstraints(max_length=TASK_NAME_MAX)] | None = None
    """The finished task that this one repeats."""

    overrides: Overrides | None = None
    """What differs from the queue's pod template, where the queue allows it."""


class AttemptError(Model):
    """An exception that ended an attempt."""

    type: Annotated[str, StringConstraints(max_length=512)]
    """The dotted path of the exception's class."""

    traceback: Annotated[str, StringConstraints(max_length=TRACEBACK_MAX_BYTES)]
    """The formatted traceback; the middle is cut where it is long."""


class Attempt(Model):
    """One run of the task in a pod of its own."""

    number: Annotated[int, Field(ge=1)]
    """1 for the first."""

    job: str
    """The attempt's Job."""

    pod: str
    """The attempt's Pod, which is also the worker's id in the TaskResult."""

    started_at: Timestamp | None = None
    """When the task's function was called."""

    finished_at: Timestamp | None = None
    """When the attempt ended."""

    image: Annotated[str, StringConstraints(max_length=1024)] | None = None
    """The image it ran, as its pod names it."""

    retry_after_seconds: Annotated[float, Field(ge=0, le=SECONDS_PER_YEAR)] | None = None
    """The wait before the next attempt, where the task asked for one (RetryLater)."""

    exit_code: int | None = None
    """The exit code of the task's container, where it ended without an outcome."""

    reason: ReasonWord | None = None
    """Why the attempt ended, unless it succeeded."""

    message: Text | None = None
    """The same as a sentence, with the kubelet's own words where there are some."""

    error: AttemptError | None = None
    """The exception that ended it, where there was one."""


class Condition(Model):
    """Complete or Failed, as on a Job, for kubectl wait."""

    type: Literal["Complete", "Failed"]
    """Complete when the task succeeded, Failed when it failed or was cancelled."""

    status: Literal["True", "False", "Unknown"]
    """True from when it holds."""

    reason: Annotated[str, StringConstraints(max_length=1024)] = ""
    """The task's reason."""

    message: Text = ""
    """The task's message."""

    last_transition_time: Timestamp
    """When the condition began to hold."""


class Progress(Model):
    """How far a task is, in its own words."""

    done: float | None = None
    """How much is done."""

    total: float | None = None
    """Of how much."""

    message: Annotated[str, StringConstraints(max_length=PROGRESS_MESSAGE_MAX_CHARS)] | None = None
    """What it is doing."""

    text: Annotated[str, StringConstraints(max_length=64)] = ""
    """The numbers for a column: 42/100, or 42 where the total is not known."""

    attempt: Annotated[int, Field(ge=1)]
    """The attempt that said so."""

    updated_at: Timestamp
    """When the operator was told. It is also the attempt's last sign of life, for heartbeatTimeoutSeconds."""


class LogTail(Model):
    """The end of an attempt's log, kept for when its pod is gone."""

    attempt: Annotated[int, Field(ge=1)]
    """Whose log it is: the last attempt's that the queue keeps one of."""

    text: Annotated[str, StringConstraints(max_length=LOG_TAIL_MAX_BYTES)]
    """Its last lines."""


class TaskStatus(Model):
    """What became of it. Written by the operator."""

    phase: Phase = Phase.QUEUED
    """Where the task is in its life. Succeeded, Failed and Cancelled are final."""

    reason: ReasonWord | None = None
    """Why it waits or failed, in one word."""

    message: Text | None = None
    """Why it waits or failed, as a sentence."""

    attempts: Annotated[list[Attempt], Field(max_length=1000)] = []
    """Every attempt so far, the oldest first."""

    interruptions: Annotated[int, Field(ge=0)] = 0
    """Attempts that ended through no fault of the task: evictions, lost nodes, deleted pods."""

    started_at: Timestamp | None = None
    """When the first attempt started."""

    finished_at: Timestamp | None = None
    """When the task reached its final phase."""

    next_attempt_at: Timestamp | None = None
    """When the next attempt may start."""

    result: Annotated[str, StringConstraints(max_length=RESULT_MAX_BYTES)] | None = None
    """The return value as JSON text."""

    result_ref: StoredText | None = None
    """Where the return value is instead, when it is too long for the resource."""

    progress: Progress | None = None
    """How far the task is, where it says so."""

    log_tail: LogTail | None = None
    """The end of its log, where the queue keeps it."""

    conditions: Annotated[list[Condition], Field(max_length=8)] = Field(
        default=[], json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    )
    """Complete or Failed, once it is."""


class DjangoTask(Model):
    """One Django task: enqueued by the web app, run by the operator in a pod of its own."""

    metadata: Metadata
    spec: TaskSpec
    status: TaskStatus = TaskStatus()
