"""What a project declares of one schedule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from zoneinfo import ZoneInfo

from django.tasks import Task

from django_tasks_kubernetes.durations import Duration
from djangotasks_api.bounds import SCHEDULE_NAME_MAX_CHARS, WORKFLOW_SCHEDULE_NAME_MAX_CHARS

if TYPE_CHECKING:
    from django_tasks_kubernetes.task import AnyTask
    from django_tasks_kubernetes.workflows.declare import Workflow

type ConcurrencyPolicy = Literal["Allow", "Forbid", "Replace", "Queue"]
type CatchUp = Literal["None", "Latest", "All"]


class ScheduleOptions(TypedDict, total=False):
    """The options of @schedule, for type checkers."""

    name: str | None
    timezone: str | ZoneInfo | None
    start_at: datetime | None
    end_at: datetime | None
    jitter: Duration | None
    concurrency_policy: ConcurrencyPolicy | None
    catch_up: CatchUp | None
    catch_up_limit: int | None
    starting_deadline: Duration | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a task or a workflow is enqueued, and with which arguments. None stands for the default of the
    DjangoTaskSchedule."""

    task: "AnyTask | Workflow[..., Any]"
    cron: tuple[str, ...] = ()
    every_minutes: int | None = None
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    name: str
    """Of the DjangoTaskSchedule. Default: from the path of the task, such as shop-clean-up for shop.tasks.clean_up.
    Several schedules of one task need names. That of a workflow's may have 23 characters, others 44."""

    timezone: str | ZoneInfo | None = None
    """In which the expressions are read: an IANA name, such as "Europe/Berlin". Default: settings.TIME_ZONE."""

    start_at: datetime | None = None
    """It is not due before."""

    end_at: datetime | None = None
    """It is not due after."""

    jitter: Duration | None = None
    """Enqueue each task up to so much later, so that not all of a minute start together. Default: none."""

    concurrency_policy: ConcurrencyPolicy | None = None
    """What to do when its last task has not finished: "Forbid", the default, leaves this time out; "Allow" enqueues
    another; "Replace" cancels the last one first; "Queue" waits for its end."""

    catch_up: CatchUp | None = None
    """What to do about times that passed while no operator ran: "Latest", the default, enqueues one task for the
    latest; "None" none; "All" one for each."""

    catch_up_limit: int | None = None
    """How many times "All" catches up on. Default: 100."""

    starting_deadline: Duration | None = None
    """A task that could not start so long after its time, or its jitter, is left out, or fails with the reason
    Expired. Default: the `expires` of the task, or no limit."""

    @property
    def is_workflow(self) -> bool:
        """It enqueues a workflow."""
        return not isinstance(self.task, Task)

    @property
    def name_max_chars(self) -> int:
        """How long its name may be."""
        return WORKFLOW_SCHEDULE_NAME_MAX_CHARS if self.is_workflow else SCHEDULE_NAME_MAX_CHARS

    @property
    def timing(self) -> str:
        """The expressions or the interval, as people read them."""
        if self.every_minutes is not None:
            return f"every {self.every_minutes} min"
        return ", ".join(self.cron)
