"""The decorator @schedule."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, Unpack, overload

from django.tasks import Task

from django_tasks_kubernetes.arguments import accept_arguments
from django_tasks_kubernetes.schedules.definition import Schedule, ScheduleOptions
from django_tasks_kubernetes.schedules.names import default_name
from django_tasks_kubernetes.schedules.registry import declared
from django_tasks_kubernetes.task import is_workflow
from djangotasks_api.bounds import SCHEDULE_NAME_MAX_CHARS, WORKFLOW_SCHEDULE_NAME_MAX_CHARS

if TYPE_CHECKING:
    from django_tasks_kubernetes.task import AnyTask
    from django_tasks_kubernetes.workflows.declare import Workflow


OTHER_UNITS: Final = {"seconds", "days", "weeks", "months"}


class EnqueuedWithoutArguments(Protocol):
    """A task or workflow that can be enqueued without arguments."""

    def enqueue(self) -> Any: ...


class ForAnyTask(Protocol):
    """Declares the schedule of a task, and returns the task."""

    def __call__[T: "Task[..., Any] | Workflow[..., Any]"](self, task: T, /) -> T: ...


class ForTaskWithoutArguments(Protocol):
    """Declares the schedule of a task that needs no arguments, and returns the task."""

    def __call__[T: EnqueuedWithoutArguments](self, task: T, /) -> T: ...


class ScheduleDecorator:
    """See __call__() and every()."""

    @overload
    def __call__(self, *cron: str, **options: Unpack[ScheduleOptions]) -> ForTaskWithoutArguments: ...
    @overload
    def __call__(
        self, *cron: str, args: Sequence[Any], kwargs: Mapping[str, Any] = ..., **options: Unpack[ScheduleOptions]
    ) -> ForAnyTask: ...
    @overload
    def __call__(self, *cron: str, kwargs: Mapping[str, Any], **options: Unpack[ScheduleOptions]) -> ForAnyTask: ...
    def __call__(
        self, *cron: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Enqueues the task, or the workflow, when one of the expressions is due, such as "0 2 * * 1-5": minute, hour,
        day of the month, month, day of the week.

            @schedule("0 2 * * *", timezone="Europe/Berlin")
            @task
            def nightly() -> None: ...

        `args`, `kwargs`: the arguments of the task. `options`: the fields of Schedule.

        Raises TypeError where it is not above @task, or the task does not take the arguments. All else is said by
        `manage.py check` and `manage.py schedules`.
        """
        given: Sequence[Any] = cron
        if not given or isinstance(given[0], Task) or is_workflow(given[0]):
            raise TypeError('schedule() needs an expression, such as "0 2 * * *". For an interval: schedule.every().')
        if not all(isinstance(text, str) for text in given):
            raise TypeError(
                f"schedule() takes expressions as strings, not {given!r}. For an interval: schedule.every()."
            )
        return declaration({"cron": cron}, args, kwargs, options)

    @overload
    def every(
        self, *, minutes: int = 0, hours: int = 0, **options: Unpack[ScheduleOptions]
    ) -> ForTaskWithoutArguments: ...
    @overload
    def every(
        self,
        *,
        minutes: int = 0,
        hours: int = 0,
        args: Sequence[Any],
        kwargs: Mapping[str, Any] = ...,
        **options: Unpack[ScheduleOptions],
    ) -> ForAnyTask: ...
    @overload
    def every(
        self, *, minutes: int = 0, hours: int = 0, kwargs: Mapping[str, Any], **options: Unpack[ScheduleOptions]
    ) -> ForAnyTask: ...
    def every(
        self,
        *interval: Any,
        minutes: int = 0,
        hours: int = 0,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Enqueues the task every so many minutes, counted from 1970-01-01T00:00:00Z on, whatever the zone.

        @schedule.every(minutes=15)
        @task
        def poll() -> None: ...
        """
        others = [f"{name}=…" for name in options if name in OTHER_UNITS]
        if wrong := [*map(repr, interval), *others]:
            raise TypeError(f"schedule.every() takes minutes=… and hours=…, whole numbers, not {', '.join(wrong)}.")
        times: Mapping[str, Any] = {"minutes": minutes, "hours": hours}
        for name, number in times.items():
            if isinstance(number, bool) or not isinstance(number, int) or number < 0:
                raise TypeError(f"schedule.every({name}=…) must be a whole number, not {number!r}.")
        return declaration({"every_minutes": minutes + 60 * hours}, args, kwargs, options)


def declaration(
    timing: Mapping[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any] | None, options: Mapping[str, Any]
) -> ForAnyTask:
    if unknown := options.keys() - ScheduleOptions.__annotations__.keys():
        names, known = ", ".join(sorted(unknown)), ", ".join(sorted(ScheduleOptions.__annotations__))
        raise TypeError(f"schedule() has no option {names}. There are: args, kwargs, {known}.")

    if isinstance(args, str) or not isinstance(args, Iterable):
        raise TypeError(f"schedule(args=…) is a list of arguments, such as [{args!r}], not {args!r}.")
    if not isinstance(kwargs, Mapping | None):
        raise TypeError(f"schedule(kwargs=…) is a dict of arguments by their names, not {kwargs!r}.")

    def declare[T: "AnyTask | Workflow[..., Any]"](task: T, /) -> T:
        if not isinstance(task, Task) and not is_workflow(task):
            raise TypeError(f"@schedule takes a task or a workflow, not {task!r}. Put it above @task, or @workflow.")
        if not (task.module_path or options.get("name")):
            raise TypeError("A chain or a group has no name that its schedule could have: @schedule(…, name=…).")
        most = SCHEDULE_NAME_MAX_CHARS if isinstance(task, Task) else WORKFLOW_SCHEDULE_NAME_MAX_CHARS
        given = dict(options) | {"name": options.get("name") or default_name(task.module_path, most)}
        made = Schedule(task=task, args=tuple(args), kwargs=dict(kwargs or {}), **timing, **given)
        check_arguments(made)
        declared.add(made)
        return task

    return declare


def check_arguments(schedule: Schedule) -> None:
    """Raises TypeError where the task's function does not take the arguments."""
    task = schedule.task
    takes_context = isinstance(task, Task) and task.takes_context
    try:
        accept_arguments(task.func, task.module_path, schedule.args, schedule.kwargs, takes_context=takes_context)
    except TypeError as error:
        raise TypeError(f"Schedule {schedule.name}: {error} Give them as args=[…] and kwargs={{…}}.") from None


schedule = ScheduleDecorator()
