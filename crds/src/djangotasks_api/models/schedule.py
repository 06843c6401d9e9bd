"""DjangoTaskSchedule: when a task or a workflow is created, again and again."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from djangotasks_api.bounds import (
    CATCH_UP_LIMIT,
    CRON_MAX_CHARS,
    CRONS_MAX,
    EVERY_MINUTES,
    JITTER_SECONDS,
    STARTING_DEADLINE_SECONDS,
    TIME_ZONE_MAX_CHARS,
)
from djangotasks_api.models.base import Metadata, Model, Timestamp, within
from djangotasks_api.models.schedule_status import ScheduleStatus
from djangotasks_api.models.task_template import TaskTemplate
from djangotasks_api.models.workflow import WorkflowTemplate
from djangotasks_api.names import CRON_PATTERN, TIME_ZONE_PATTERN

CronText = Annotated[str, StringConstraints(pattern=CRON_PATTERN, max_length=CRON_MAX_CHARS)]


class ScheduleSpec(Model):
    """What to run, and when. Exactly one of cron and everyMinutes, and of task and workflow. A change of it never runs
    anything for a time that has passed."""

    cron: Annotated[list[CronText], Field(min_length=1, max_length=CRONS_MAX)] | None = None
    """Expressions as in crontab(5), such as 0 2 * * 1-5: minute, hour, day of the month, month, day of the week. Or
    @hourly, @daily, @weekly, @monthly, @yearly. It is due when one of them is."""

    every_minutes: Annotated[int, within(EVERY_MINUTES)] | None = None
    """Every so many minutes instead, counted from 1970-01-01T00:00:00Z on, whatever the zone."""

    time_zone: Annotated[str, StringConstraints(pattern=TIME_ZONE_PATTERN, max_length=TIME_ZONE_MAX_CHARS)] = "UTC"
    """The IANA name of the zone that the expressions are read in, such as Europe/Berlin."""

    start_at: Timestamp | None = None
    """It is not due before this time."""

    end_at: Timestamp | None = None
    """It is not due after this time."""

    jitter_seconds: Annotated[int, within(JITTER_SECONDS)] = 0
    """Each task is created up to so many seconds after its time, but before the next one: by a number that is drawn
    from the schedule's uid and the time, so that not all schedules of a minute start together."""

    suspended: bool = False
    """True to create nothing. What is due meanwhile is not caught up on."""

    concurrency_policy: Literal["Allow", "Forbid", "Replace", "Queue"] = "Forbid"
    """What to do when it is due and its last task has not finished. Allow: create another one. Forbid: leave this time
    out. Replace: cancel the last task, and create one when its pod is gone. Queue: create one when it has finished; of
    several times that pass meanwhile, the first."""

    catch_up: Literal["None", "Latest", "All"] = "Latest"
    """What to do about times that passed while no operator ran. None: leave them out. Latest: create one task, for the
    latest. All: create one for each, the earliest first; with Forbid or Queue one after the other, and then no time is
    left out."""

    catch_up_limit: Annotated[int, within(CATCH_UP_LIMIT)] = 100
    """How many times All catches up on, the latest."""

    starting_deadline_seconds: Annotated[int, within(STARTING_DEADLINE_SECONDS)] | None = None
    """A time that passed longer ago is left out, and a task that has not started by then fails, with the reason
    Expired. The tasks of a workflow do not expire. Default: no limit."""

    task: TaskTemplate | None = None
    """The task, its arguments, and how it runs: as in a DjangoTask."""

    workflow: WorkflowTemplate | None = None
    """The workflow instead: as in a DjangoTaskWorkflow."""

    @property
    def template(self) -> TaskTemplate | WorkflowTemplate:
        """What it creates."""
        if self.task is not None:
            return self.task
        if self.workflow is None:
            raise ValueError("set exactly one of task and workflow")
        return self.workflow

    @model_validator(mode="after")
    def as_the_rules_have_it(self) -> Self:
        if (self.cron is None) == (self.every_minutes is None):
            raise ValueError("set exactly one of cron and everyMinutes")
        if (self.task is None) == (self.workflow is None):
            raise ValueError("set exactly one of task and workflow")
        if self.start_at is not None and self.end_at is not None and self.start_at >= self.end_at:
            raise ValueError("startAt must be before endAt")
        return self


class DjangoTaskSchedule(Model):
    """When a task or a workflow is enqueued, again and again: the operator creates its DjangoTasks or
    DjangoTaskWorkflows."""

    metadata: Metadata
    spec: ScheduleSpec
    status: ScheduleStatus = ScheduleStatus()
