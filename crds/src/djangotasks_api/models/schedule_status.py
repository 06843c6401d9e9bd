"""The status of a DjangoTaskSchedule: what was done last, and what comes next. Written by the operator."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from djangotasks_api.bounds import CONDITIONS_MAX, DIGEST_MAX_CHARS, LOCAL_TIME_MAX_CHARS, TASK_NAME_MAX_CHARS
from djangotasks_api.models.base import MAP_BY_TYPE, Count, Model, ReasonWord, Timestamp
from djangotasks_api.models.condition import ReadyCondition


class ScheduleCondition(ReadyCondition):
    """Ready, for kubectl wait."""

    type: Literal["Ready"]
    """Ready when its spec can be read, and its tasks can be created."""

    reason: ReasonWord
    """Ready, Suspended, or what is wrong, such as InvalidSchedule or UnknownTimeZone."""


class Skipped(Model):
    """The times for which no task was created."""

    count: Count
    """How many, as far as they were counted: after a long time without an operator only the latest are."""

    last_for: Timestamp
    """The latest of them."""

    reason: ReasonWord
    """Why that one was left out."""


class ScheduleStatus(Model):
    """What was done last, and what comes next. A time up to the latest of `since`, `lastScheduledFor`, `pending` and
    `skipped.lastFor` is dealt with, and nothing is created for it any more."""

    observed_generation: Count | None = None
    """The generation of the spec that was acted on last."""

    timing: Annotated[str, StringConstraints(max_length=DIGEST_MAX_CHARS)] | None = None
    """The digest of the fields that decide when it is due. Another one means that they were changed."""

    since: Timestamp | None = None
    """Times up to this one are not dealt with: when the schedule was created, its times were changed, or it was resumed
    last."""

    last_scheduled_for: Timestamp | None = None
    """The latest time for which a task was created."""

    last_task: Annotated[str, StringConstraints(max_length=TASK_NAME_MAX_CHARS)] | None = None
    """The task or workflow that was created last."""

    next_scheduled_for: Annotated[str, StringConstraints(max_length=LOCAL_TIME_MAX_CHARS)] | None = None
    """When it is due next, in its own zone."""

    pending: Timestamp | None = None
    """The time that waits for the last task to finish (concurrencyPolicy Queue or Replace)."""

    active: Count = 0
    """Its tasks, or workflows, that have not finished."""

    skipped: Skipped | None = None
    """The times for which no task was created."""

    conditions: Annotated[list[ScheduleCondition], Field(max_length=CONDITIONS_MAX)] = Field(
        default=[], json_schema_extra=MAP_BY_TYPE
    )
    """Ready."""
