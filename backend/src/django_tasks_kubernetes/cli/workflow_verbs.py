"""list, show, cancel, retry: what they do with workflows."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.cli.causes import Causes
from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.renderer import Page
from django_tasks_kubernetes.cli.session import Code
from django_tasks_kubernetes.cli.verbs import each_of
from django_tasks_kubernetes.cli.workflow_session import WorkflowSession, missing
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.filters import WorkflowFilter
from django_tasks_kubernetes.presentation.workflow_pages import workflow_facts, workflow_record
from django_tasks_kubernetes.presentation.workflow_rows import WorkflowRow, workflow_columns, workflow_row
from django_tasks_kubernetes.presentation.workflow_tree import columns_of_tree, tree
from djangotasks_api.bounds import CANCEL_REASON_MAX_CHARS
from djangotasks_api.workflow.records import WorkflowPhase


def list_workflows(session: WorkflowSession, which: WorkflowFilter) -> int:
    """Writes the newest workflows that match, the newest first."""
    output, now = session.output, datetime.now(UTC)
    if output.format is OutputFormat.JSON:
        # Whole objects have more than a table, and what is kept of each is small.
        whole = ((workflow_row(one, now), workflow_record(one)) for one in session.workflows.tasks.find(which.selector))
        records, number = which.newest(whole)
        for record in records:
            output.object(record)
        shown = len(records)
    else:
        found, number = which.newest((row, row) for row in session.rows(which))
        _write_rows(session, found, now)
        shown = len(found)
    if number > shown:
        output.note(f"The newest {shown:,} of {number:,}. --limit 0 shows all.")
    return Code.OK


def _write_rows(session: WorkflowSession, found: list[WorkflowRow], now: datetime) -> None:
    output = session.output
    if output.format is OutputFormat.NAME:
        for row in found:
            output.name(row)
        return
    wide = output.format is OutputFormat.WIDE
    output.renderer.table(
        (workflow_columns(row, now, wide=wide, namespaces=output.namespaces) for row in found), wide=wide
    )
    if not found:
        output.none("No workflows")


def show(session: WorkflowSession, ids: Iterable[str]) -> int:
    """Writes a page for each workflow: what it is, its steps as a tree, and why steps failed."""
    shown = 0

    def one(id_: str) -> int:
        nonlocal shown
        resource, output, now = session.get(id_), session.output, datetime.now(UTC)
        match output.format:
            case OutputFormat.JSON:
                output.object(workflow_record(resource, whole=True))
            case OutputFormat.NAME:
                output.name(workflow_row(resource))
            case OutputFormat.TABLE | OutputFormat.WIDE:
                if shown:
                    output.line("")
                shown += 1
                output.renderer.page(page_of(resource, Causes(session), now))
        return Code.OK

    return each_of(session.output, ids, one)


def page_of(resource: Resource, causes: Causes, now: datetime) -> Page:
    steps = tree(resource)
    return Page(
        facts=list(workflow_facts(resource, now)),
        table=columns_of_tree(steps, now),
        attempts=[*causes.of(resource, steps), *causes.of_waiting(resource, steps)],
    )


def is_cancellable(row: WorkflowRow) -> bool:
    return not row.is_finished


def cancel(session: WorkflowSession, ids: Iterable[str], reason: str = "") -> int:
    """Cancels workflows. One that is cancelled already counts as done; one that has ended otherwise does not."""

    def one(id_: str) -> int:
        name, output = session.name_of(id_), session.output
        try:
            resource = session.workflows.tasks.cancel(
                name, (reason or session.workflows.requested_by)[:CANCEL_REASON_MAX_CHARS]
            )
        except TaskResultDoesNotExist:
            raise missing(id_) from None
        row = workflow_row(resource)
        if row.is_finished and row.phase != WorkflowPhase.CANCELLED:
            output.note(f"{row.id} is finished already: {row.phase}.")
            return Code.FAILED
        match output.format:
            case OutputFormat.JSON:
                output.object(workflow_record(resource))
            case OutputFormat.NAME:
                output.name(row)
            case OutputFormat.TABLE | OutputFormat.WIDE:
                output.line(f"{row.id}: {'cancelled' if row.is_finished else 'asked to cancel'}")
        return Code.OK

    return each_of(session.output, ids, one)


def is_repeatable(row: WorkflowRow) -> bool:
    return row.is_finished and not row.is_good


def retry(session: WorkflowSession, ids: Iterable[str]) -> int:
    """Creates workflows that do what did not succeed in others."""

    def one(id_: str) -> int:
        name, output = session.name_of(id_), session.output
        try:
            new = session.workflows.retry(name)
        except TaskResultDoesNotExist:
            raise missing(id_) from None
        match output.format:
            case OutputFormat.JSON:
                output.object(workflow_record(session.workflows.tasks.get(new)))
            case OutputFormat.NAME:
                output.name(workflow_row(session.workflows.tasks.get(new)))
            case OutputFormat.TABLE | OutputFormat.WIDE:
                output.line(f"{name}: retried as {new}")
        return Code.OK

    return each_of(session.output, ids, one)
