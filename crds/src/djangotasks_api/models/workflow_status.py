"""The status of a DjangoTaskWorkflow: its phase, and what is recorded of its steps. Written by the operator."""

from typing import Annotated

from pydantic import Field, StringConstraints

from djangotasks_api.bounds import CONDITIONS_MAX, PROGRESS_TEXT_MAX_CHARS, WORKFLOW_NAME_MAX_CHARS
from djangotasks_api.models.base import MAP_BY_TYPE, Count, DnsLabel, Message, Model, ReasonWord, Timestamp
from djangotasks_api.models.task_status import Condition
from djangotasks_api.names import DNS_LABEL_PATTERN, RANGES_PATTERN
from djangotasks_api.workflow.bounds import RETRIES_MAX, STEP_RANGES_MAX_CHARS, STEPS_MAX
from djangotasks_api.workflow.records import StepPhase, WorkflowPhase

Ranges = Annotated[str, StringConstraints(pattern=RANGES_PATTERN, max_length=STEP_RANGES_MAX_CHARS)]


class TakenOverIndexes(Model):
    """Indexes that succeeded in an earlier workflow, which this one retries."""

    workflow: Annotated[str, StringConstraints(pattern=DNS_LABEL_PATTERN, max_length=WORKFLOW_NAME_MAX_CHARS)]
    """The name of the earlier workflow, whose tasks have the results."""

    uid: DnsLabel
    """The uid of the earlier workflow."""

    indexes: Ranges
    """The indexes, such as 0-811,813; 0 of a step that is no map."""


class StepStatus(Model):
    """What is recorded of a step."""

    phase: StepPhase = StepPhase.PENDING
    """Where it is in its life."""

    reason: ReasonWord | None = None
    """Why it is Failed, Cancelled or Skipped."""

    message: Message | None = None
    """The reason as a sentence."""

    started_at: Timestamp | None = None
    """When its first task could be created."""

    finished_at: Timestamp | None = None
    """When its last task was over. Not set of a step that did not begin."""

    width: Count | None = None
    """Of a map: how many tasks it has."""

    completed_indexes: Ranges | None = None
    """Of a map: the indexes whose task succeeded, such as 0-811,813. They never run again."""

    failed_indexes: Ranges | None = None
    """Of a map: the indexes whose task failed or was cancelled."""

    taken_over: Annotated[list[TakenOverIndexes], Field(max_length=RETRIES_MAX)] = []
    """What of it succeeded in earlier workflows, of which this one is a retry."""


class WorkflowStatus(Model):
    """Written by the operator."""

    phase: WorkflowPhase = WorkflowPhase.PENDING
    """Where it is in its life. Succeeded, Failed and Cancelled never change."""

    reason: ReasonWord | None = None
    """Why it failed or was cancelled, or what it waits for."""

    message: Message | None = None
    """The reason as a sentence."""

    started_at: Timestamp | None = None
    """When its first step began."""

    finished_at: Timestamp | None = None
    """When its last step was over."""

    progress: Annotated[str, StringConstraints(max_length=PROGRESS_TEXT_MAX_CHARS)] | None = None
    """How many tasks are over, or will never be, of how many that are known so far: 4012/10003."""

    active: Count = 0
    """How many of its tasks exist and are not over."""

    conditions: Annotated[list[Condition], Field(max_length=CONDITIONS_MAX, json_schema_extra=MAP_BY_TYPE)] = []
    """Complete or Failed, for kubectl wait."""

    steps: Annotated[dict[str, StepStatus], Field(max_length=STEPS_MAX)] = {}
    """What is recorded of each step that has begun or ended, by its name."""
