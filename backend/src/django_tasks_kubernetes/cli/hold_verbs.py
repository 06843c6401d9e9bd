"""hold, release, holds: what they do."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.tasks.exceptions import TaskException

from django_tasks_kubernetes.cli.hold_session import HoldSession
from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.session import Code
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.enqueue.validation import queue_name_problem
from django_tasks_kubernetes.presentation import holds as words
from django_tasks_kubernetes.presentation.filters import UsageError
from django_tasks_kubernetes.presentation.text import span
from djangotasks_api.bounds import HOLD_BY_MAX_CHARS, HOLD_CONCURRENCY, HOLD_REASON_MAX_CHARS

CLOCK: Final = "%H:%M"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A hold as the command line has it."""

    concurrency: int = 0
    span: str | None = None
    """--for."""
    until: str | None = None
    by: str | None = None
    reason: str = ""


def hold(session: HoldSession, queue: str, wanted: Wanted, *, replace: bool = False) -> int:
    """Holds a queue. One that is held is left, unless its hold is to be replaced."""
    check(wanted)
    if (problem := queue_name_problem(queue)) is not None:
        raise UsageError(problem)
    holds, output = session.holds, session.output
    known = holds.held(queue)
    now = holds.now()
    if known is not None and not (replace or words.is_over(known, now)):
        output.note(
            f"{queue} is held already, {words.said(known)}. Give --replace to hold it in another way, or end that "
            f"with: release {queue}"
        )
        return Code.FAILED
    spec: dict[str, Any] = {
        "concurrency": wanted.concurrency,
        "by": (wanted.by or holds.user() or session.me)[:HOLD_BY_MAX_CHARS],
        "reason": wanted.reason,
    }
    if (until := end_of(wanted, now)) is not None:
        spec["until"] = until.isoformat(timespec="seconds").replace("+00:00", "Z")
    made = holds.create(queue, spec) if known is None else holds.replace(known, spec)
    exists = holds.has_queue(queue)
    if exists is False:
        output.note(
            f"There is no DjangoTaskQueue {queue!r} in namespace {holds.namespace}: it is held from when there is one."
        )
    state = "no such queue" if exists is False else "held"
    _write(session, made, state, f"{queue}: held {words.said(made)} ({words.effect(made['spec'])})")
    return Code.OK


def release(session: HoldSession, queues: Iterable[str]) -> int:
    """Ends the holds of queues."""
    worst, session.output.goes_on = int(Code.OK), True
    for queue in dict.fromkeys(queues):
        try:
            found = session.holds.get(queue)
            session.holds.delete(found, unchanged=True)
        except TaskException as error:
            session.output.note(str(error))
            worst = max(worst, Code.FAILED)
        else:
            _write(session, found, "released", f"{queue}: released; it was held {words.said(found)}")
    return worst


def list_holds(session: HoldSession) -> int:
    """Writes all holds, by the name of their queue."""
    output, holds = session.output, session.holds
    found = sorted(holds.find(), key=lambda one: (one["metadata"].get("namespace", ""), one["metadata"]["name"]))
    queues = holds.queues() if found else None
    rows = []
    for one in found:
        state = words.state(one, holds.now(), queues)
        if output.format in (OutputFormat.TABLE, OutputFormat.WIDE):
            rows.append(words.columns(one, state, holds.now(), namespaces=output.namespaces))
        else:
            _write(session, one, state, "")
    if rows:
        output.renderer.table(rows, wide=output.format is OutputFormat.WIDE)
    if not found:
        output.none("No queue is held")
    return Code.OK


def check(wanted: Wanted) -> None:
    """Raises UsageError for what the API server would refuse."""
    if wanted.concurrency not in HOLD_CONCURRENCY:
        raise UsageError(f"--concurrency must be {HOLD_CONCURRENCY}, not {wanted.concurrency}.")
    if len(wanted.reason) > HOLD_REASON_MAX_CHARS:
        raise UsageError(f"--reason has {len(wanted.reason)} characters; {HOLD_REASON_MAX_CHARS} are kept.")
    if wanted.span is not None and wanted.until is not None:
        raise UsageError("Give --for or --until, not both.")


def end_of(wanted: Wanted, now: datetime) -> datetime | None:
    """When the hold is to be over, in UTC. Raises UsageError."""
    if wanted.span is not None:
        length = span(wanted.span)
        if not length:
            raise UsageError(f"--for must be a length of time such as 30m, 2h or 1d12h, not {wanted.span!r}.")
        try:
            return now + length
        except OverflowError:
            raise UsageError(f"--for {wanted.span} is too long. Without it, the hold is for ever.") from None
    if wanted.until is None:
        return None
    until = _until(wanted.until, now)
    if until <= now:
        raise UsageError(f"--until {wanted.until} is over: it is {now:%Y-%m-%dT%H:%M:%S}Z.")
    return until


def _until(text: str, now: datetime) -> datetime:
    """A time without a zone is of this machine's; one without a day is the next such."""
    try:
        try:
            clock = datetime.strptime(text, CLOCK).time()  # noqa: DTZ007 - the zone comes below
        except ValueError:
            return datetime.fromisoformat(text).astimezone(UTC)
        today = datetime.combine(now.astimezone().date(), clock)
        until = today.astimezone(UTC)
        return until if until > now else (today + timedelta(days=1)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"--until must be a time such as 18:00, 2026-11-23T18:00 or 2026-11-23T18:00+01:00, not {text!r}."
        ) from None


def _write(session: HoldSession, hold: Resource, state: str, line: str) -> None:
    match session.output.format:
        case OutputFormat.JSON:
            session.output.object(words.record(hold, state))
        case OutputFormat.NAME:
            session.output.line(f"djangotaskhold.djangotasks.dev/{hold['metadata']['name']}")
        case OutputFormat.TABLE | OutputFormat.WIDE:
            session.output.line(line)
