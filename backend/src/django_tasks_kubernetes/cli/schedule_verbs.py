"""list, run, suspend, resume, backfill: what they do."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import islice
from typing import Final

from django.tasks.exceptions import TaskException

from django_tasks_kubernetes.cli.choice import confirmed
from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.schedule_session import ScheduleSession
from django_tasks_kubernetes.cli.session import Code
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.enqueue.bulk import SYSTEMIC
from django_tasks_kubernetes.presentation import schedule_rows
from django_tasks_kubernetes.presentation.filters import UsageError
from django_tasks_kubernetes.presentation.schedule_times import next_times
from djangotasks_api.names import scheduled_task_name
from djangotasks_api.schedules.cron import InvalidCron
from djangotasks_api.schedules.resource import scheduled
from djangotasks_api.schedules.timing import FIRST, Timing, UnknownTimeZone
from djangotasks_api.task_ids import new_id

# Before its first time, so that a time which is given is one of those that are meant.
JUST: Final = timedelta(microseconds=1)


def list_schedules(session: ScheduleSession, number: int) -> int:
    """Writes all schedules, by name. `number`: with so many of their next times."""
    output, now, worst = session.output, datetime.now(UTC), int(Code.OK)
    found = sorted(session.schedules.find(), key=lambda one: (one["metadata"].get("namespace", ""), _name(one)))
    rows = []
    for resource in found:
        try:
            times = list(next_times(resource, now, number))
        except (InvalidCron, UnknownTimeZone) as error:
            output.note(f"{_name(resource)}: {error}.")
            times, worst = [], int(Code.FAILED)
        match output.format:
            case OutputFormat.JSON:
                output.object(schedule_rows.record(resource, times))
            case OutputFormat.NAME:
                _write_name(session, resource)
            case OutputFormat.TABLE | OutputFormat.WIDE if number:
                rows += schedule_rows.agenda(resource, times, now)
            case OutputFormat.TABLE | OutputFormat.WIDE:
                wide = output.format is OutputFormat.WIDE
                rows.append(schedule_rows.columns(resource, now, wide=wide, namespaces=output.namespaces))
    if rows:
        output.renderer.table(rows, wide=output.format is OutputFormat.WIDE)
    if not found:
        output.none("No schedules")
    return worst


def run(session: ScheduleSession, names: Iterable[str]) -> int:
    """Creates a task of each schedule, at once, whatever its times."""

    def one(resource: Resource) -> int:
        now = datetime.now(UTC)
        task = scheduled(_name(resource), resource["spec"], now, now, name=new_id())
        id_ = session.tasks.create(task)
        _write(session, {"schedule": _name(resource), "id": id_}, f"{_name(resource)}: enqueued as {id_}", task)
        return Code.OK

    return each(session, names, one)


def suspend(session: ScheduleSession, names: Iterable[str], suspended: bool) -> int:
    """Suspends or resumes schedules."""
    word = "suspended" if suspended else "resumed"

    def one(resource: Resource) -> int:
        name = _name(resource)
        changed = session.schedules.suspend(name, suspended)
        if session.output.format is OutputFormat.JSON:
            session.output.object(schedule_rows.record(changed, []))
        elif session.output.format is OutputFormat.NAME:
            _write_name(session, changed)
        else:
            same = bool(resource["spec"].get("suspended")) is suspended
            session.output.line(f"{name}: {word}{' already' if same else ''}")
        return Code.OK

    return each(session, names, one)


def backfill(
    session: ScheduleSession, name: str, begin: str, end: str | None, *, limit: int, dry_run: bool, yes: bool
) -> int:
    """Creates the tasks of past times, from `begin` to `end`, both included, also as days. One that exists is left as
    it is."""
    resource = session.schedules.get(name)
    try:
        timing = Timing.from_spec(resource["spec"])
    except (InvalidCron, UnknownTimeZone) as error:
        raise UsageError(f"{name}: {error}.") from None
    now = datetime.now(UTC)
    first = parsed("--from", begin, timing.zone)
    last = now if end is None else parsed("--to", end, timing.zone)
    if end is not None and is_day(end) and last <= now:
        last = min(parsed("--to", f"{end}T23:59:59.999999", timing.zone), now)
    if last > now:
        raise UsageError(f"--to is in the future, which the schedule sees to. It is {now:%Y-%m-%dT%H:%M}Z now.")
    if first > last:
        raise UsageError("--from is after --to.")
    times = list(islice(timing.between(max(first, FIRST) - JUST, last), limit + 1))
    if len(times) > limit:
        raise UsageError(f"There are more than {limit:,} times between: set another --limit, or shorten the period.")
    if not times:
        session.output.note(f"{name} has no time between {first.isoformat()} and {last.isoformat()}.")
        return Code.OK
    return _create(session, resource, times, dry_run=dry_run, yes=yes)


def _create(session: ScheduleSession, resource: Resource, times: list[datetime], *, dry_run: bool, yes: bool) -> int:
    name = _name(resource)
    spec, kind = resource["spec"], "workflows" if resource["spec"].get("workflow") else "tasks"
    wanted = {scheduled_task_name(name, at): (at, scheduled(name, spec, at, datetime.now(UTC))) for at in times}
    missing = {task for task, (_, made) in wanted.items() if not session.tasks.exists(made)}
    question = f"Create {len(missing):,} {kind}? [y/N] "
    if not (dry_run or yes or not missing) and not confirmed(session.output, question):
        return Code.OK
    worst, session.output.goes_on = int(Code.OK), True
    for task, (at, made) in wanted.items():
        what = "exists" if task not in missing else "would be created" if dry_run else "created"
        try:
            if task in missing and not dry_run:
                session.tasks.create(made)
        except SYSTEMIC:
            raise
        except TaskException as error:
            session.output.note(f"{task}: {error}")
            worst = int(Code.FAILED)
            continue
        said = {"schedule": name, "id": task, "scheduled_for": at.isoformat(), "action": what}
        _write(session, said, f"{task}: {what}", made)
    return worst


def is_day(text: str) -> bool:
    """Whether it is a date without a time."""
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def parsed(option: str, text: str, zone: tzinfo) -> datetime:
    """A time of a command line; one without a zone is in the schedule's. Raises UsageError."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{option} must be a time such as 2026-11-23T02:00, not {text!r}.") from None


def each(session: ScheduleSession, names: Iterable[str], one: Callable[[Resource], int]) -> int:
    """Processes schedules one after the other, whether or not one fails, or anybody reads on. Returns the worst
    code. Raises what each of them would meet."""
    worst, session.output.goes_on = int(Code.OK), True
    for name in dict.fromkeys(names):
        try:
            worst = max(worst, one(session.schedules.get(plain_name(name))))
        except SYSTEMIC:
            raise
        except TaskException as error:
            session.output.note(str(error))
            worst = max(worst, Code.FAILED)
    return worst


def plain_name(text: str) -> str:
    """Of a name as kubectl writes it: djangotaskschedule.djangotasks.dev/NAME."""
    return text.rpartition("/")[2]


def _name(resource: Resource) -> str:
    name: str = resource["metadata"]["name"]
    return name


def _write_name(session: ScheduleSession, resource: Resource) -> None:
    session.output.line(f"djangotaskschedule.djangotasks.dev/{_name(resource)}")


def _write(session: ScheduleSession, said: dict[str, str], line: str, made: Resource) -> None:
    match session.output.format:
        case OutputFormat.JSON:
            session.output.object(said)
        case OutputFormat.NAME:
            session.output.line(f"{made['kind'].lower()}.djangotasks.dev/{made['metadata']['name']}")
        case OutputFormat.TABLE | OutputFormat.WIDE:
            session.output.line(line)
