"""watch of workflows: the tree of one, or a table of several, until all are finished."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.cli.causes import Causes
from django_tasks_kubernetes.cli.connection_problem import ConnectionProblem
from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.renderer import Page
from django_tasks_kubernetes.cli.session import Code
from django_tasks_kubernetes.cli.watch import Kind, WatchView, is_reached, watch_all
from django_tasks_kubernetes.cli.workflow_session import WorkflowSession, missing
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.filters import WorkflowFilter
from django_tasks_kubernetes.presentation.pages import AttemptView
from django_tasks_kubernetes.presentation.workflow_pages import workflow_facts, workflow_record
from django_tasks_kubernetes.presentation.workflow_rows import WorkflowRow, workflow_row
from django_tasks_kubernetes.presentation.workflow_tree import StepView, columns_of_tree, tree, visible
from django_tasks_kubernetes.watch.events import DELETED, Event
from django_tasks_kubernetes.watch.stream import RelistNeeded

if TYPE_CHECKING:
    from django_tasks_kubernetes.cli.renderer import LiveTable

# Of a live page, what is shown beside the tree: what it is called, and how far it is.
FACTS: Final = frozenset({"ID", "Workflow", "Phase", "Reason", "Message", "Progress", "Took", "Suspended", "Cancel"})
# Lines of a live page that are no steps.
OTHER_LINES: Final = 14


def watch_workflows(
    session: WorkflowSession, ids: Iterable[str], which: WorkflowFilter, *, timeout: float | None = None
) -> int:
    """Shows workflows until all are finished. Returns OK when all succeeded. `timeout`: in seconds."""
    names = [session.name_of(id_) for id_ in ids]
    try:
        if len(names) == 1:
            return watch_one(session, names[0], timeout)
        kind = Kind(noun="workflow", row=workflow_row, record=workflow_record, matches=which.matches)
        selector = "" if names else which.selector
        view: WatchView[WorkflowRow] = WatchView(session.workflows, kind, names, selector)
        return watch_all(session.workflows, view, selector, timeout)
    except TaskResultDoesNotExist as error:
        raise missing(str(error)) from None


def watch_one(session: WorkflowSession, name: str, timeout: float | None) -> int:
    """Shows the tree of a workflow while it changes; where a terminal cannot, a line for each change of a step."""
    output = session.output
    view = TreeView(session, name)

    def is_over(change: object) -> bool:
        view.take(change)
        return view.code is not None

    live = output.renderer.live() if output.format is OutputFormat.TABLE else None
    selector = f"metadata.name={name}"
    if live is None:
        reached = is_reached(session.workflows, selector, timeout, is_over)
    else:
        with live as view.live:
            reached = is_reached(session.workflows, selector, timeout, is_over)
    if reached and view.code is not None:
        return view.code
    output.note(f"Not finished after {timeout:g} s.")
    return Code.TIMEOUT


def live_page(resource: Resource, steps: list[StepView], causes: list[AttemptView], height: int) -> Page:
    """What is shown while it runs: of many steps, those that fit into so many lines."""
    now = datetime.now(UTC)
    return Page(
        facts=[fact for fact in workflow_facts(resource, now) if fact[0] in FACTS],
        table=columns_of_tree(visible(steps, max(height - OTHER_LINES, 1)), now),
        attempts=causes,
    )


class TreeView:
    """One workflow that is watched."""

    def __init__(self, session: WorkflowSession, name: str) -> None:
        self.code: Code | None = None
        """How it ended; None before."""
        self.live: LiveTable | None = None
        self._session = session
        self._name = name
        self._causes = Causes(session)
        self._said: dict[str, str] = {}
        self._resource: Resource | None = None
        self._problem = ConnectionProblem(session.output)

    def take(self, change: object) -> None:
        """Handles a change of the stream."""
        match change:
            case RelistNeeded():
                try:
                    self._put(self._session.workflows.tasks.get(self._name))
                except TaskResultDoesNotExist:
                    if self._resource is None:
                        raise
                    self._gone()
            case Event() if change.name == self._name:
                self._put(change.resource)
                if change.type == DELETED and self.code is None:
                    self._gone()
            case _:
                self._problem.take(change, redrawn=self.live is not None)
        if self.live is not None and self._resource is not None:
            steps = tree(self._resource)
            causes = list(self._causes.of(self._resource, steps))
            self.live.show_page(partial(live_page, self._resource, steps, causes, self.live.height), self._problem.text)

    def _put(self, resource: Resource) -> None:
        now = datetime.now(UTC)
        self._resource = resource
        row, output = workflow_row(resource), self._session.output
        if row.is_finished:
            self.code = Code.OK if row.is_good else Code.FAILED
        if output.format is OutputFormat.JSON:
            output.object(workflow_record(resource, whole=True))
        elif output.format is OutputFormat.NAME:
            output.name(row)
        elif self.live is None:
            self._write(row, tree(resource), now)

    def _write(self, row: WorkflowRow, steps: list[StepView], now: datetime) -> None:
        """A line for each step that has changed, and one for the end."""
        at = now.strftime("%H:%M:%S")
        for step in steps:
            words = "  ".join(part for part in (step.name, step.phase, step.tasks, step.note) if part)
            # What waits from the start has not changed.
            if self._said.setdefault(step.name, words if step.waits else "") != words:
                self._said[step.name] = words
                self._session.output.line(f"{at}  {words}")
        if row.is_finished:
            self._session.output.line("  ".join(part for part in (at, row.id, *row.words) if part))

    def _gone(self) -> None:
        self.code = Code.FAILED
        self._session.output.note(f"{self._name} was deleted.")
