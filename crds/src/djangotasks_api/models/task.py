"""DjangoTask: one enqueued task, its attempts and its result."""

from typing import Annotated

from pydantic import Field, StringConstraints

from djangotasks_api.bounds import (
    ATTEMPT,
    CANCEL_REASON_MAX_CHARS,
    IDEMPOTENCY_KEY_MAX_CHARS,
    TASK_NAME_MAX_CHARS,
    WORKFLOW_NAME_MAX_CHARS,
)
from djangotasks_api.models.base import DnsLabel, Metadata, Model, ScheduleName, Timestamp, within
from djangotasks_api.models.chunk import Chunk
from djangotasks_api.models.step_input import Input, StepName
from djangotasks_api.models.stored_text import StoredText
from djangotasks_api.models.task_status import TaskStatus
from djangotasks_api.models.task_template import TaskTemplate
from djangotasks_api.names import DNS_LABEL_PATTERN
from djangotasks_api.workflow.bounds import STEP_INPUTS_MAX


class EnqueuedBy(Model):
    """The attempt whose code enqueued a task or a workflow."""

    name: Annotated[str, StringConstraints(pattern=DNS_LABEL_PATTERN, max_length=TASK_NAME_MAX_CHARS)]
    """The name of its DjangoTask."""

    uid: DnsLabel
    """The uid of its DjangoTask, which tells it from a later one of the same name."""

    attempt: Annotated[int, within(ATTEMPT)]
    """The number of the attempt."""


class PartOf(Model):
    """The step of a workflow that a task is for."""

    name: Annotated[str, StringConstraints(pattern=DNS_LABEL_PATTERN, max_length=WORKFLOW_NAME_MAX_CHARS)]
    """The name of its DjangoTaskWorkflow."""

    uid: DnsLabel
    """The uid of its DjangoTaskWorkflow."""

    step: StepName
    """The step."""

    index: Annotated[int, Field(ge=0)] | None = None
    """The index of its item, where the step is a map."""


class TaskSpec(TaskTemplate):
    """What to run. Immutable, but for `cancel` and `cancelReason`."""

    enqueued_at: Timestamp | None = None
    """When enqueue() was called. Default: when the resource was created."""

    run_after: Timestamp | None = None
    """Not started before this time."""

    expires_at: Timestamp | None = None
    """Not started after this time: a task that has not run by then is Failed, with the reason Expired."""

    payload_ref: StoredText | None = None
    """The file that holds the payload instead, when it is too long for the resource."""

    cancel: bool = False
    """Set to true to cancel the task: it is not started, or its pod is stopped. Cannot be undone."""

    cancel_reason: Annotated[str, StringConstraints(max_length=CANCEL_REASON_MAX_CHARS)] | None = None
    """Who or what asked to cancel it, and why. Given together with cancel."""

    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=IDEMPOTENCY_KEY_MAX_CHARS)] | None = None
    """The key that the resource's name was made of, so that the same key makes no second task."""

    retry_of: Annotated[str, StringConstraints(max_length=TASK_NAME_MAX_CHARS)] | None = None
    """The finished task that this one repeats."""

    enqueued_by: EnqueuedBy | None = None
    """The task whose pod has enqueued this one, or its workflow. Set by the operator alone."""

    schedule: ScheduleName | None = None
    """The DjangoTaskSchedule that it was created by, or for."""

    scheduled_for: Timestamp | None = None
    """The time of that schedule that it was created for, also when it was created late."""

    workflow: PartOf | None = None
    """The workflow that it is a part of, where the operator created it for one."""

    chunk: Chunk | None = None
    """Set where it is a chunk: it calls its function once for each item of a list. Default: it calls it once."""

    inputs: Annotated[tuple[Input, ...], Field(max_length=STEP_INPUTS_MAX)] = ()
    """Results of other steps that are too large for the payload, or in a storage: its pod reads them, and puts them
    into the arguments. Set by the operator."""


class DjangoTask(Model):
    """One Django task: enqueued by the web app, run by the operator in a pod of its own."""

    metadata: Metadata
    spec: TaskSpec
    status: TaskStatus = TaskStatus()
