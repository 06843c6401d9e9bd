"""The status of a DjangoTask: its phase, its attempts and its result. Written by the operator."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from djangotasks_api.bounds import (
    ATTEMPTS_MAX,
    CONDITIONS_MAX,
    CPU_SECONDS,
    DNS_NAME_MAX_CHARS,
    ERROR_TYPE_MAX_CHARS,
    IMAGE_MAX_CHARS,
    LOG_TAIL_MAX_BYTES,
    MEMORY_BYTES,
    MESSAGE_MAX_CHARS,
    PROGRESS_MESSAGE_MAX_CHARS,
    PROGRESS_TEXT_MAX_CHARS,
    RESULT_MAX_BYTES,
    RETRY_AFTER_SECONDS,
    TRACEBACK_MAX_BYTES,
)
from djangotasks_api.models.base import MAP_BY_TYPE, Count, DnsLabel, Message, Model, ReasonWord, Timestamp, within
from djangotasks_api.models.chunk import ItemsStatus
from djangotasks_api.models.stored_text import StoredText
from djangotasks_api.phases import Phase


class AttemptError(Model):
    """An exception that ended an attempt."""

    type: Annotated[str, StringConstraints(max_length=ERROR_TYPE_MAX_CHARS)]
    """The dotted path of the exception's class."""

    traceback: Annotated[str, StringConstraints(max_length=TRACEBACK_MAX_BYTES)]
    """The formatted traceback; the middle is cut where it is long."""


class AttemptUsage(Model):
    """What an attempt has used of its node."""

    memory_bytes: Annotated[int, within(MEMORY_BYTES)] | None = None
    """The most memory at once, files in memory included. After OOMKilled: the limit, which it was to exceed."""

    memory_limit_bytes: Annotated[int, within(MEMORY_BYTES)] | None = None
    """The memory limit of the container. Without one: empty."""

    cpu_seconds: Annotated[float, within(CPU_SECONDS)] | None = None
    """CPU time, of user and system, of all its processes."""


class Attempt(Model):
    """One run of the task in a pod of its own."""

    number: Annotated[int, Field(ge=1)]
    """1 for the first."""

    job: str
    """The attempt's Job."""

    pod: str
    """The attempt's Pod, which is also the worker's id in the TaskResult."""

    created_at: Timestamp | None = None
    """When its Pod was created, by the API server's clock: from then until startedAt it was starting."""

    started_at: Timestamp | None = None
    """When the task's function was called."""

    finished_at: Timestamp | None = None
    """When the attempt ended, by the clock of its pod or node where that is known."""

    recorded_at: Timestamp | None = None
    """When the operator recorded the end, by its own clock: later than finishedAt where a report came late."""

    image: Annotated[str, StringConstraints(max_length=IMAGE_MAX_CHARS)] | None = None
    """The image it ran, as its pod names it."""

    node: Annotated[str, StringConstraints(max_length=DNS_NAME_MAX_CHARS)] | None = None
    """The node its pod ran on."""

    usage: AttemptUsage | None = None
    """What it has used, where that is known: an outcome says it."""

    retry_after_seconds: Annotated[float, within(RETRY_AFTER_SECONDS)] | None = None
    """The wait before the next attempt, where the task asked for one (RetryLater)."""

    exit_code: int | None = None
    """The exit code of the task's container, where it ended without an outcome."""

    reason: ReasonWord | None = None
    """Why the attempt ended, unless it succeeded."""

    message: Message | None = None
    """The reason as a sentence, with the kubelet's own words where there are some."""

    unreported: Message | None = None
    """Why its outcome was not reported, where the operator has read it from the pod's termination message."""

    error: AttemptError | None = None
    """The exception that ended it, where there was one."""


class Condition(Model):
    """Complete or Failed, as on a Job, for kubectl wait."""

    type: Literal["Complete", "Failed"]
    """Complete when the task succeeded, Failed when it failed or was cancelled."""

    status: Literal["True", "False", "Unknown"]
    """True while the condition holds."""

    reason: Annotated[str, StringConstraints(max_length=MESSAGE_MAX_CHARS)] = ""
    """The task's reason."""

    message: Message = ""
    """The task's message."""

    last_transition_time: Timestamp
    """When the condition began to hold."""


class Progress(Model):
    """How far a task is, as it reported it."""

    done: float | None = None
    """How much is done."""

    total: float | None = None
    """Of how much."""

    message: Annotated[str, StringConstraints(max_length=PROGRESS_MESSAGE_MAX_CHARS)] | None = None
    """What it is doing."""

    text: Annotated[str, StringConstraints(max_length=PROGRESS_TEXT_MAX_CHARS)] = ""
    """The numbers for a column: 42/100, or 42 where the total is not known."""

    attempt: Annotated[int, Field(ge=1)]
    """The attempt that reported it."""

    updated_at: Timestamp
    """When the operator received it. It is also the attempt's last heartbeat, for heartbeatTimeoutSeconds."""


class LogTail(Model):
    """The end of an attempt's log, kept for when its pod is gone."""

    attempt: Annotated[int, Field(ge=1)]
    """The attempt whose log it is: the last one whose log the queue keeps."""

    text: Annotated[str, StringConstraints(max_length=LOG_TAIL_MAX_BYTES)]
    """Its last lines."""


class TaskStatus(Model):
    """What became of the task. Written by the operator."""

    phase: Phase = Phase.QUEUED
    """Where the task is in its life. Succeeded, Failed and Cancelled are final."""

    reason: ReasonWord | None = None
    """Why it waits or failed, in one word."""

    message: Message | None = None
    """Why it waits or failed, as a sentence."""

    attempts: Annotated[list[Attempt], Field(max_length=ATTEMPTS_MAX)] = []
    """Every attempt so far, the oldest first."""

    interruptions: Count = 0
    """Attempts that ended through no fault of the task: evictions, lost nodes, deleted pods."""

    started_at: Timestamp | None = None
    """When the first attempt started."""

    finished_at: Timestamp | None = None
    """When the task reached its final phase."""

    next_attempt_at: Timestamp | None = None
    """When the next attempt may start."""

    result: Annotated[str, StringConstraints(max_length=RESULT_MAX_BYTES)] | None = None
    """The return value as JSON text. Of a chunk that has not succeeded: what its items have returned so far."""

    result_ref: StoredText | None = None
    """The file that holds the return value instead, when it is too long for the resource."""

    items: ItemsStatus | None = None
    """What became of its items, where it is a chunk that has not succeeded as a whole."""

    result_length: Count | None = None
    """How many items the return value has, where it is a list."""

    returned_workflow: DnsLabel | None = None
    """The DjangoTaskWorkflow that its function has returned, and whose result is or will be its own."""

    progress: Progress | None = None
    """How far the task is, where it reports that."""

    log_tail: LogTail | None = None
    """The end of its log, where the queue keeps it."""

    conditions: Annotated[list[Condition], Field(max_length=CONDITIONS_MAX)] = Field(
        default=[], json_schema_extra=MAP_BY_TYPE
    )
    """Complete or Failed, once the task has ended."""
