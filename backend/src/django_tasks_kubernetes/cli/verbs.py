"""list, show, cancel, retry: what they do, and the exit codes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Protocol

from django.tasks.exceptions import TaskException, TaskResultDoesNotExist

from django_tasks_kubernetes.cli import views
from django_tasks_kubernetes.cli.output import Form, Output, Page
from django_tasks_kubernetes.cli.select import Filter
from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.validation import valid_name
from djangotasks_api.names import CANCEL_REASON_MAX_CHARS
from djangotasks_api.phases import Phase

if TYPE_CHECKING:
    from django_tasks_kubernetes.client import Client


class Code(IntEnum):
    """How a command ended."""

    OK = 0
    """All that was asked for was done."""
    FAILED = 1
    """A task failed, is not there or cannot be changed any more; or the cluster did not answer."""
    USAGE = 2
    """The command line is wrong."""
    TIMEOUT = 3
    """`watch --timeout`: the tasks are not finished."""
    INTERRUPTED = 130
    """By Ctrl-C."""


EXIT_CODES: Final = (
    "Exit codes: 0 done; 1 a task failed, is not there or cannot be changed, or the cluster does not answer; "
    "2 wrong usage; 3 watch --timeout is over."
)


class Tasks(Protocol):
    """What of a Store the verbs need."""

    def get(self, name: str) -> Resource: ...

    def cancel(self, name: str, reason: str) -> Resource: ...

    def find(self, selector: str) -> Iterable[Resource]: ...


@dataclass
class Session:
    """What a shell gives the verbs. `tasks`: where they are. `client`: for logs and watches. `retry`: enqueues a task
    once more, and returns the new one's id. `who`: asks to cancel."""

    tasks: Tasks
    client: "Client"
    retry: Callable[[str], str]
    output: Output
    who: str = ""


def list_tasks(session: Session, which: Filter) -> int:
    """The newest first."""
    output = session.output
    found, number = which.newest(session.tasks.find(which.selector))
    now = datetime.now(UTC)
    match output.form:
        case Form.JSON:
            for resource in found:
                output.object(views.record(resource))
        case Form.NAME:
            for resource in found:
                output.name(views.row(resource))
        case Form.TABLE | Form.WIDE:
            wide = output.form is Form.WIDE
            output.look.table(
                views.columns(views.row(resource), now, wide=wide, namespaces=output.namespaces) for resource in found
            )
            if not found:
                output.note("No tasks.")
    if number > len(found):
        output.note(f"The newest {len(found):,} of {number:,}. --limit 0 shows all.")
    return Code.OK


def show(session: Session, ids: Iterable[str], *, payload: bool = False) -> int:
    pages = 0

    def one(id_: str) -> int:
        nonlocal pages
        resource, output = session.tasks.get(id_), session.output
        if output.form is Form.JSON:
            output.object(views.record(resource, whole=True, payload=payload))
        elif output.form is Form.NAME:
            output.name(views.row(resource))
        else:
            if pages:
                output.line("")
            pages, now = pages + 1, datetime.now(UTC)
            data = list(views.data(resource)) if payload else []
            output.look.page(
                Page(facts=list(views.facts(resource, now)), attempts=list(views.attempts(resource, now)), data=data)
            )
        return Code.OK

    return each(session, ids, one)


def cancel(session: Session, ids: Iterable[str], reason: str = "") -> int:
    """One that is cancelled already is as it should be; one that has ended otherwise is not."""

    def one(id_: str) -> int:
        resource = session.tasks.cancel(id_, (reason or session.who)[:CANCEL_REASON_MAX_CHARS])
        row = views.row(resource)
        if row.is_finished and row.phase != Phase.CANCELLED:
            session.output.note(f"{id_} is finished already: {row.phase}.")
            return Code.FAILED
        _tell(session, resource, f"{id_}: " + ("cancelled" if row.is_finished else "asked to cancel"))
        return Code.OK

    return each(session, ids, one)


def retry(session: Session, ids: Iterable[str]) -> int:
    def one(id_: str) -> int:
        new = session.retry(id_)
        _tell(session, session.tasks.get(new), f"{id_}: enqueued once more as {new}")
        return Code.OK

    return each(session, ids, one)


def each(session: Session, ids: Iterable[str], one: Callable[[str], int]) -> int:
    """One after the other, whatever becomes of the others. The worst code."""
    worst = int(Code.OK)
    for id_ in dict.fromkeys(ids):
        try:
            worst = max(worst, one(bare(id_)))
        except TaskException as error:
            session.output.note(told(error, id_))
            worst = max(worst, Code.FAILED)
    return worst


def bare(id_: str) -> str:
    """The id, also where it was given as kubectl names it: djangotask/ID. Raises TaskResultDoesNotExist."""
    return valid_name(id_.rpartition("/")[2])


def told(error: TaskException, id_: str) -> str:
    return f"There is no task {id_!r}." if isinstance(error, TaskResultDoesNotExist) else f"{id_}: {error}"


def _tell(session: Session, resource: Resource, words: str) -> None:
    match session.output.form:
        case Form.JSON:
            session.output.object(views.record(resource))
        case Form.NAME:
            session.output.name(views.row(resource))
        case Form.TABLE | Form.WIDE:
            session.output.line(words)
