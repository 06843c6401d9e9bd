"""What is wrong with declared schedules, each in a sentence.

Reads the expressions and the zones, so no task pod imports it.
"""

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.tasks import Task
from django.tasks.exceptions import InvalidTask

from django_tasks_kubernetes.conf import Options, is_dns_label
from django_tasks_kubernetes.enqueue.validation import validate_found
from django_tasks_kubernetes.exceptions import PayloadTooLarge
from django_tasks_kubernetes.schedules.definition import Schedule
from django_tasks_kubernetes.schedules.manifest import resource_of, time_zone_of
from djangotasks_api.bounds import CRON_MAX_CHARS, CRONS_MAX
from djangotasks_api.schedules.cron import Cron, InvalidCron
from djangotasks_api.schedules.timing import UnknownTimeZone, zone_named, zone_names

# Of each field of an expression: what it counts, how many there are, and in what.
CYCLES: Final = (
    ("minutes", 60, "hour"),
    ("hours", 24, "day"),
    ("days", 31, "month"),
    ("months", 12, "year"),
    ("days", 7, "week"),
)


class ProblemKind(StrEnum):
    """What it is about, with the id of its system check."""

    EXPRESSION = "djangotasks.E020"
    TIME_ZONE = "djangotasks.E021"
    NAME = "djangotasks.E022"
    TASK = "djangotasks.E023"
    OPTION = "djangotasks.E024"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and what to do about it."""

    kind: ProblemKind
    schedule: Schedule
    text: str
    hint: str | None = None

    @property
    def where(self) -> str:
        return f"Schedule {self.schedule.name} of {self.schedule.task.module_path}"


def problems_of(schedules: Iterable[Schedule], options_for: Callable[[str], Options]) -> Iterator[Problem]:
    """`options_for`: the OPTIONS of the backend with that alias."""
    listed = list(schedules)
    number = Counter((_place(options_for(schedule.task.backend)), schedule.name) for schedule in listed)
    for schedule in listed:
        yield from _names(schedule, number[_place(options_for(schedule.task.backend)), schedule.name])
        yield from _expressions(schedule)
        yield from _zone(schedule)
        yield from _task(schedule)
        yield from _options(schedule, options_for(schedule.task.backend))


def _place(options: Options) -> tuple[str | None, ...]:
    """Where schedules go. Names must differ within it."""
    return options.kubeconfig, options.context, options.namespace


def _names(schedule: Schedule, number: int) -> Iterator[Problem]:
    name: Any = schedule.name
    if not isinstance(name, str) or not is_dns_label(name) or len(name) > schedule.name_max_chars:
        text = f"The name {name!r} must have lower-case letters, digits and hyphens, {schedule.name_max_chars} at most."
        yield Problem(ProblemKind.NAME, schedule, text, "Set another name: @schedule(…, name='nightly').")
    if number > 1:
        text = f"{number} schedules have the name {name!r}."
        yield Problem(ProblemKind.NAME, schedule, text, "Give each of them a name of its own: @schedule(…, name=…).")


def _expressions(schedule: Schedule) -> Iterator[Problem]:
    if len(schedule.cron) > CRONS_MAX:
        text = f"It has {len(schedule.cron)} expressions, and {CRONS_MAX} are allowed."
        yield Problem(ProblemKind.EXPRESSION, schedule, text, "Make several schedules of it.")
    for expression in schedule.cron:
        if len(expression) > CRON_MAX_CHARS:
            text = f"An expression has {len(expression)} characters, and {CRON_MAX_CHARS} are allowed."
            yield Problem(ProblemKind.EXPRESSION, schedule, text)
            continue
        try:
            Cron.parse(expression)
        except InvalidCron as error:
            yield Problem(ProblemKind.EXPRESSION, schedule, f"{error}.", pointed(error))
        else:
            yield from _steps(schedule, expression)


def _steps(schedule: Schedule, expression: str) -> Iterator[Problem]:
    """The operator takes */90 as cron does, for minute 0 of each hour. Nobody who declares it means that."""
    for part, (unit, most, whole) in zip(expression.split(" "), CYCLES, strict=False):
        for term in part.split(","):
            _, slash, step = term.partition("/")
            if slash and int(step) > most:
                text = (
                    f"{expression!r}: {term!r} is one time of each {whole}, and no interval: steps begin there again."
                )
                hint = f"Every {step} {unit}: schedule.every({unit}={step})." if unit in ("minutes", "hours") else None
                yield Problem(ProblemKind.EXPRESSION, schedule, text, hint)


def pointed(error: InvalidCron) -> str:
    """The expression, with a mark below the character that is wrong."""
    return f"Character {error.position + 1}:\n\n        " + error.pointer.replace("\n", "\n        ")


def _zone(schedule: Schedule) -> Iterator[Problem]:
    try:
        zone_named(time_zone_of(schedule))
    except UnknownTimeZone as error:
        close = difflib.get_close_matches(error.name, zone_names(), n=1)
        hint = f"Did you mean {close[0]}?" if close else "It is a name of the IANA database, such as Europe/Berlin."
        yield Problem(ProblemKind.TIME_ZONE, schedule, f"There is no time zone {error.name!r}.", hint)
    except TypeError as error:
        yield Problem(ProblemKind.TIME_ZONE, schedule, str(error))


def _task(schedule: Schedule) -> Iterator[Problem]:
    if not isinstance(schedule.task, Task):
        return
    try:
        validate_found(schedule.task)
    except InvalidTask as error:
        yield Problem(ProblemKind.TASK, schedule, str(error))


def _options(schedule: Schedule, options: Options) -> Iterator[Problem]:
    try:
        resource_of(schedule, "", options)
    except (TypeError, ValueError, PayloadTooLarge, InvalidTask) as error:
        text = str(error)
        if not text.startswith("timezone must"):
            yield Problem(ProblemKind.OPTION, schedule, text)
    except Exception as error:
        if not schedule.is_workflow:
            raise
        yield Problem(ProblemKind.TASK, schedule, f"It cannot be drawn: {type(error).__name__}: {error}")
