"""A declared schedule as the DjangoTaskSchedule to apply. Pure, but for settings.TIME_ZONE and USE_TZ.

It says what the code says, and nothing else: what it leaves out has the default of the CRD, or what a person has set.
"""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any, Final

from django.conf import settings
from django.tasks import Task

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.codec.task_options import to_spec
from django_tasks_kubernetes.codec.times import time_problem, to_wire
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.durations import seconds
from django_tasks_kubernetes.enqueue.new_task import arguments_text, placed
from django_tasks_kubernetes.exceptions import PayloadTooLarge
from django_tasks_kubernetes.schedules.definition import CatchUp, ConcurrencyPolicy, Schedule
from django_tasks_kubernetes.task import AnyTask, options_of
from djangotasks_api.bounds import (
    CATCH_UP_LIMIT,
    EVERY_MINUTES,
    JITTER_SECONDS,
    PAYLOAD_MAX_BYTES,
    STARTING_DEADLINE_SECONDS,
)
from djangotasks_api.names import API_VERSION, DECLARED_BY_LABEL, SCHEDULE_KIND
from djangotasks_api.number_range import Range

CHOICES: Final = {
    "concurrency_policy": ("concurrencyPolicy", ConcurrencyPolicy.__value__.__args__),
    "catch_up": ("catchUp", CatchUp.__value__.__args__),
}


def resource_of(schedule: Schedule, declared_by: str, options: Options) -> Resource:
    """The DjangoTaskSchedule. `options`: of the backend of its task. Raises TypeError or ValueError for a value that
    makes none, and PayloadTooLarge."""
    return {
        "apiVersion": API_VERSION,
        "kind": SCHEDULE_KIND,
        "metadata": {"name": schedule.name, "labels": {DECLARED_BY_LABEL: declared_by}},
        "spec": dict(timing_fields(schedule)) | template_of(schedule, options),
    }


def template_of(schedule: Schedule, options: Options) -> dict[str, Any]:
    """What it creates each time: a task, or a workflow, which is drawn now. Raises what the function of that raises."""
    if isinstance(schedule.task, Task):
        return {"task": task_of(schedule, schedule.task, options)}
    if schedule.task.idempotency_key is not None:
        raise ValueError("The workflow must have no idempotency_key: its schedule and the time are its key.")
    return {"workflow": schedule.task.draw(*schedule.args, **schedule.kwargs)}


def time_zone_of(schedule: Schedule) -> str:
    """The name of its zone. Raises TypeError for a zone that has none."""
    zone: Any = schedule.timezone
    if zone is None:
        zone = settings.TIME_ZONE
    name = getattr(zone, "key", None) if isinstance(zone, tzinfo) else zone
    if not isinstance(name, str):
        raise TypeError(f"timezone must be the IANA name of a zone, such as 'Europe/Berlin', not {zone!r}.")
    return name


def task_of(schedule: Schedule, task: AnyTask, options: Options) -> dict[str, Any]:
    """Its task: what of a DjangoTask is the same each time."""
    if task.run_after is not None:
        raise ValueError("The task must have no run_after: its schedule says when it runs.")
    set_options = options_of(task)
    if "idempotency_key" in set_options:
        raise ValueError("The task must have no idempotency_key: its schedule and the time are its key.")
    text = arguments_text(schedule.args, schedule.kwargs)
    payload, overflow = placed(text, options)
    if overflow is not None:
        raise PayloadTooLarge(
            f"The arguments take {len(text):,} bytes as JSON, and {PAYLOAD_MAX_BYTES:,} are allowed: a schedule keeps "
            "none in a storage. Pass a primary key or a file name."
        )
    made = {
        "task": task.module_path,
        "queue": task.queue_name,
        "backend": task.backend,
        "priority": int(task.priority),
        **payload,
    }
    set_options.pop("expires", None)
    return made | to_spec(set_options, datetime.now().astimezone())


def timing_fields(schedule: Schedule) -> Iterator[tuple[str, Any]]:
    """Its spec, but for the task. Raises TypeError or ValueError."""
    if schedule.every_minutes is None:
        yield "cron", list(schedule.cron)
        yield "timeZone", time_zone_of(schedule)
    else:
        yield "everyMinutes", _whole("every", schedule.every_minutes, EVERY_MINUTES)
    yield from _ends(schedule)
    if schedule.jitter is not None:
        yield "jitterSeconds", _seconds("jitter", schedule.jitter, JITTER_SECONDS)
    for option, (field, choices) in CHOICES.items():
        if (value := getattr(schedule, option)) is not None:
            if value not in choices:
                raise ValueError(f"{option} must be one of {', '.join(choices)}, not {value!r}.")
            yield field, value
    if schedule.catch_up_limit is not None:
        yield "catchUpLimit", _whole("catch_up_limit", schedule.catch_up_limit, CATCH_UP_LIMIT)
    if (deadline := _deadline(schedule)) is not None:
        yield "startingDeadlineSeconds", _seconds("starting_deadline", deadline, STARTING_DEADLINE_SECONDS)


def _ends(schedule: Schedule) -> Iterator[tuple[str, str]]:
    ends = {}
    for option, name, moment in (("start_at", "startAt", schedule.start_at), ("end_at", "endAt", schedule.end_at)):
        if moment is not None:
            ends[name] = _moment(option, moment)
    if len(ends) > 1 and ends["startAt"] >= ends["endAt"]:
        raise ValueError("start_at must be before end_at.")
    yield from ends.items()


def _moment(option: str, moment: Any) -> str:
    if not isinstance(moment, datetime) or (settings.USE_TZ and moment.tzinfo is None):
        raise ValueError(f"start_at and end_at must be aware datetimes, not {moment!r}.")
    if (problem := time_problem(option, moment)) is not None:
        raise ValueError(problem)
    return to_wire(moment)


def _deadline(schedule: Schedule) -> Any:
    if schedule.starting_deadline is not None:
        return schedule.starting_deadline
    if not isinstance(schedule.task, Task):
        return None
    expires = options_of(schedule.task).get("expires")
    if isinstance(expires, datetime):
        raise ValueError("The task must not expire at one time: give the schedule an end_at, or a starting_deadline.")
    return expires


def _seconds(name: str, value: Any, bounds: Range) -> int:
    return int(seconds(name, value, least=bounds.least, most=bounds.most, whole=True))


def _whole(name: str, value: Any, bounds: Range) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value not in bounds:
        raise ValueError(f"{name} must be a whole number {bounds}, not {value!r}.")
    return value
