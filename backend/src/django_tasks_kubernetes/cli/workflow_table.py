"""The verbs of workflows: `manage.py tasks workflows` and `kubectl djangotask workflows` are made of this table."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from django_tasks_kubernetes.cli import workflow_verbs as verbs
from django_tasks_kubernetes.cli.choice import Choice, chosen, without_retried
from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.table import LIMIT_OPTION, LOG_OPTIONS, QUEUE, REASON, TIMEOUT, UNASKED, status_option
from django_tasks_kubernetes.cli.verb import Given, Ids, Operand, Option, Verb, VerbGroup
from django_tasks_kubernetes.cli.workflow_logs import step_logs
from django_tasks_kubernetes.cli.workflow_session import WorkflowSession
from django_tasks_kubernetes.cli.workflow_watch import watch_workflows
from django_tasks_kubernetes.presentation.filters import WORKFLOW_STATUS_WORDS, UsageError, WorkflowFilter
from django_tasks_kubernetes.presentation.workflow_rows import WorkflowRow

EXIT_CODES: Final = (
    "Exit codes: 0 done; 1 a workflow failed, does not exist or cannot be changed, or the cluster does not answer; "
    "2 wrong usage; 3 watch --timeout is over."
)


def _list(session: WorkflowSession, given: Given) -> int:
    which = WorkflowFilter(
        queue=given["queue"], workflow=given["workflow"], statuses=tuple(given["status"] or ()), limit=given["limit"]
    )
    return verbs.list_workflows(session, which)


def _show(session: WorkflowSession, given: Given) -> int:
    return verbs.show(session, given["ids"])


def _watch(session: WorkflowSession, given: Given) -> int:
    if given["ids"] and session.output.namespaces:
        raise UsageError("Ids are of one namespace: give -n rather than -A.")
    which = WorkflowFilter(queue=given["queue"], workflow=given["workflow"])
    return watch_workflows(session, given["ids"], which, timeout=given["timeout"])


def _cancel(session: WorkflowSession, given: Given) -> int:
    found = _matching(session, choice := _choice(given), verbs.is_cancellable)
    return verbs.cancel(session, chosen(session.output, choice, "Cancel", found), given["reason"])


def _retry(session: WorkflowSession, given: Given) -> int:
    found = _matching(session, choice := _choice(given), verbs.is_repeatable)
    found = without_retried(session.output, choice, found, lambda: _retried(session, choice.which))
    return verbs.retry(session, chosen(session.output, choice, "Retry", found))


def _matching(
    session: WorkflowSession, choice: Choice[WorkflowFilter], applies: Callable[[WorkflowRow], bool]
) -> Iterator[str]:
    for row in session.rows(choice.which):
        if applies(row):
            yield row.id


def _retried(session: WorkflowSession, which: WorkflowFilter) -> Iterator[str]:
    """A retry is of the queue and the function of what it repeats, and may have any status."""
    return (row.retry_of for row in session.rows(replace(which, statuses=())))


def _choice(given: Given) -> Choice[WorkflowFilter]:
    which = WorkflowFilter(queue=given["queue"], workflow=given["workflow"], statuses=tuple(given["status"] or ()))
    return Choice(ids=tuple(given["ids"]), which=which, dry_run=bool(given["dry_run"]), yes=bool(given["yes"]))


def _logs(session: WorkflowSession, given: Given) -> int:
    (id_,) = given["ids"]
    return step_logs(session, id_, given["step"], follow=given["follow"], attempt=given["attempt"], tail=given["tail"])


FILTERS: Final = (
    QUEUE,
    Option(name="workflow", metavar="PATH", text="of this function, such as shop.flows.report, or its last part"),
)
STATUS: Final = status_option(WORKFLOW_STATUS_WORDS)
FORMATS: Final = (OutputFormat.JSON, OutputFormat.NAME)
WORKFLOW_VERBS: Final[tuple[Verb[WorkflowSession], ...]] = (
    Verb(
        name="list",
        text="list workflows, the newest first",
        run=_list,
        options=(*FILTERS, STATUS, LIMIT_OPTION),
        formats=(OutputFormat.JSON, OutputFormat.WIDE, OutputFormat.NAME),
        all_namespaces=True,
    ),
    Verb(
        name="show",
        text="show a workflow with its steps as a tree, and why steps failed",
        run=_show,
        ids=Ids.SOME,
        formats=FORMATS,
    ),
    Verb(
        name="watch",
        text="show the tree of a workflow, or a table of several, while they change, until all are finished",
        run=_watch,
        ids=Ids.ANY,
        ids_text="default: the unfinished ones that match",
        options=(*FILTERS, TIMEOUT),
        formats=FORMATS,
        all_namespaces=True,
    ),
    Verb(
        name="cancel",
        text="ask that what runs is stopped, and nothing more begins but steps that run always",
        run=_cancel,
        ids=Ids.ANY,
        ids_text="or options, for the unfinished ones that match",
        options=(REASON, *FILTERS, STATUS, *UNASKED),
        formats=FORMATS,
    ),
    Verb(
        name="retry",
        text="run again what did not succeed, as a new workflow, which takes over what did",
        run=_retry,
        ids=Ids.ANY,
        ids_text="or options, for the failed and cancelled ones that match",
        options=(*FILTERS, STATUS, *UNASKED),
        formats=FORMATS,
    ),
    Verb(
        name="logs",
        text="show the log of a step's task, or what was kept of it",
        run=_logs,
        ids=Ids.ONE,
        operand=Operand(name="step", metavar="STEP[INDEX]", text="a step; of a map with an index, as 'render[17]'"),
        options=LOG_OPTIONS,
    ),
)
WORKFLOWS: Final = VerbGroup(
    name="workflows",
    text="list workflows, show and watch their steps, cancel and retry them, read the logs of their tasks",
    verbs=WORKFLOW_VERBS,
    exit_codes=EXIT_CODES,
)
