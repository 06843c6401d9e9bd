"""show, cancel, retry: what they do."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from django.tasks.exceptions import TaskException, TaskResultDoesNotExist

from django_tasks_kubernetes.cli.output import Output, OutputFormat
from django_tasks_kubernetes.cli.renderer import Page
from django_tasks_kubernetes.cli.session import AmbiguousId, Code, IsWorkflow, Session
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation import pages, records, rows
from djangotasks_api.bounds import CANCEL_REASON_MAX_CHARS
from djangotasks_api.phases import Phase


def show(session: Session, ids: Iterable[str], *, payload: bool = False) -> int:
    """Writes a page for each task. `payload`: with its arguments and its result."""
    shown = 0

    def one(id_: str) -> int:
        nonlocal shown
        resource, output = session.get(id_), session.output
        match output.format:
            case OutputFormat.JSON:
                output.object(records.record(resource, whole=True, payload=payload))
            case OutputFormat.NAME:
                output.name(rows.row(resource))
            case OutputFormat.TABLE | OutputFormat.WIDE:
                if shown:
                    output.line("")
                shown, now = shown + 1, datetime.now(UTC)
                output.renderer.page(
                    Page(
                        facts=list(pages.facts(resource, now)),
                        attempts=list(pages.attempts(resource, now)),
                        data=list(pages.data(resource)) if payload else [],
                    )
                )
        return Code.OK

    return each(session, ids, one)


def is_cancellable(row: rows.Row) -> bool:
    return not row.is_finished


def is_repeatable(row: rows.Row) -> bool:
    return row.is_finished


def cancel(session: Session, ids: Iterable[str], reason: str = "") -> int:
    """Cancels tasks. One that is cancelled already counts as done; one that has ended otherwise does not."""

    def one(id_: str) -> int:
        resource = session.tasks.cancel(id_, (reason or session.requested_by)[:CANCEL_REASON_MAX_CHARS])
        row = rows.row(resource)
        if row.is_finished and row.phase != Phase.CANCELLED:
            session.output.note(f"{id_} is finished already: {row.phase}.")
            return Code.FAILED
        _write(session, resource, f"{id_}: " + ("cancelled" if row.is_finished else "asked to cancel"))
        return Code.OK

    return each(session, ids, one)


def retry(session: Session, ids: Iterable[str]) -> int:
    """Enqueues finished tasks once more."""

    def one(id_: str) -> int:
        new = session.retry(id_)
        _write(session, session.tasks.get(new), f"{id_}: enqueued once more as {new}")
        return Code.OK

    return each(session, ids, one)


def each(session: Session, ids: Iterable[str], one: Callable[[str], int]) -> int:
    """Processes ids of tasks. See each_of()."""
    return each_of(session.output, ids, lambda id_: one(session.name_of(id_)), _message)


def each_of(
    output: Output,
    ids: Iterable[str],
    one: Callable[[str], int],
    words: Callable[[TaskException, str], str] = lambda error, _: str(error),
) -> int:
    """Processes ids one after the other, whether or not one fails, or anybody reads on. Returns the worst code.
    `words`: what is said of an id that fails."""
    worst, output.goes_on = int(Code.OK), True
    for id_ in dict.fromkeys(ids):
        try:
            worst = max(worst, one(id_))
        except TaskException as error:
            output.note(words(error, id_))
            worst = max(worst, Code.FAILED)
    return worst


def _message(error: TaskException, id_: str) -> str:
    match error:
        case TaskResultDoesNotExist():
            return f"There is no task {id_!r}."
        case AmbiguousId() | IsWorkflow():
            return str(error)
        case _:
            return f"{id_}: {error}"


def _write(session: Session, resource: Resource, line: str) -> None:
    match session.output.format:
        case OutputFormat.JSON:
            session.output.object(records.record(resource))
        case OutputFormat.NAME:
            session.output.name(rows.row(resource))
        case OutputFormat.TABLE | OutputFormat.WIDE:
            session.output.line(line)
