"""The verbs and their options, declared once: `manage.py tasks` and `kubectl djangotask` are made of this table."""

from collections.abc import Callable, Iterator
from typing import Final

from django_tasks_kubernetes.cli import verbs
from django_tasks_kubernetes.cli.choice import Choice, chosen, without_retried
from django_tasks_kubernetes.cli.listing import list_tasks
from django_tasks_kubernetes.cli.logs import logs
from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.session import Session
from django_tasks_kubernetes.cli.verb import Given, Ids, Option, Verb
from django_tasks_kubernetes.cli.watch import watch
from django_tasks_kubernetes.presentation import rows
from django_tasks_kubernetes.presentation.filters import LIMIT, STATUS_WORDS, Filter, UsageError
from django_tasks_kubernetes.presentation.rows import Row
from djangotasks_api.names import RETRY_OF_LABEL

EXIT_CODES: Final = (
    "Exit codes: 0 done; 1 a task failed, does not exist or cannot be changed, or the cluster does not answer; "
    "2 wrong usage; 3 watch --timeout is over."
)


def _list(session: Session, given: Given) -> int:
    which = Filter(
        queue=given["queue"], task=given["task"], statuses=tuple(given["status"] or ()), limit=given["limit"]
    )
    return list_tasks(session, which)


def _show(session: Session, given: Given) -> int:
    return verbs.show(session, given["ids"], payload=given["payload"])


def _cancel(session: Session, given: Given) -> int:
    found = _matching(session, choice := _choice(given), verbs.is_cancellable)
    return verbs.cancel(session, chosen(session.output, choice, "Cancel", found), given["reason"])


def _retry(session: Session, given: Given) -> int:
    choice = _choice(given)
    if choice.which.is_given and not choice.which.statuses:
        raise UsageError("Say which to enqueue once more with --status, such as --status failed.")
    found = _matching(session, choice, verbs.is_repeatable)
    found = without_retried(session.output, choice, found, lambda: session.client.values_of(RETRY_OF_LABEL))
    return verbs.retry(session, chosen(session.output, choice, "Enqueue once more", found))


def _matching(session: Session, choice: Choice[Filter], applies: Callable[[Row], bool]) -> Iterator[str]:
    for row in map(rows.row, session.tasks.find(choice.which.selector)):
        if choice.which.matches(row) and applies(row):
            yield row.id


def _choice(given: Given) -> Choice[Filter]:
    which = Filter(queue=given["queue"], task=given["task"], statuses=tuple(given["status"] or ()))
    return Choice(ids=tuple(given["ids"]), which=which, dry_run=bool(given["dry_run"]), yes=bool(given["yes"]))


def _watch(session: Session, given: Given) -> int:
    if given["ids"] and session.output.namespaces:
        raise UsageError("Ids are of one namespace: give -n rather than -A.")
    which = Filter(queue=given["queue"], task=given["task"])
    return watch(session, given["ids"], which, timeout=given["timeout"])


def _logs(session: Session, given: Given) -> int:
    (id_,) = given["ids"]
    return logs(session, session.name_of(id_), follow=given["follow"], attempt=given["attempt"], tail=given["tail"])


QUEUE: Final = Option(name="queue", short="q", metavar="QUEUE", text="of this queue")
FILTERS: Final = (
    QUEUE,
    Option(name="task", metavar="PATH", text="of this path, such as shop.tasks.send, or its last part"),
)


def status_option(words: tuple[str, ...]) -> Option:
    return Option(
        name="status", metavar="STATUS", choices=words, repeatable=True, text=f"can be repeated: {', '.join(words)}"
    )


STATUS: Final = status_option(STATUS_WORDS)
UNASKED: Final = (
    Option(name="dry-run", kind=bool, default=False, text="write the ids of those that match, and do nothing"),
    Option(name="yes", kind=bool, short="y", default=False, text="do not ask, where several may match"),
)
MANY: Final = (*FILTERS, STATUS, *UNASKED)
LIMIT_OPTION: Final = Option(
    name="limit", kind=int, least=0, metavar="N", default=LIMIT, text="at most so many; 0 for all"
)
REASON: Final = Option(name="reason", metavar="TEXT", default="", text="who asks, and why; is shown with it")
TIMEOUT: Final = Option(name="timeout", kind=float, least=0, metavar="SECONDS", text="end after so long, with code 3")
LOG_OPTIONS: Final = (
    Option(name="follow", kind=bool, short="f", default=False, text="until the task is finished, over its retries"),
    Option(name="attempt", kind=int, least=1, metavar="N", text="of this attempt; the latest if not given"),
    Option(name="tail", kind=int, least=0, metavar="N", text="the last lines only, as far as they are there"),
)
VERBS: Final[tuple[Verb[Session], ...]] = (
    Verb(
        name="list",
        text="list tasks, the newest first",
        run=_list,
        options=(
            *FILTERS,
            STATUS,
            LIMIT_OPTION,
        ),
        formats=(OutputFormat.JSON, OutputFormat.WIDE, OutputFormat.NAME),
        all_namespaces=True,
    ),
    Verb(
        name="show",
        text="show all of a task: attempts, errors, progress, reason",
        run=_show,
        ids=Ids.SOME,
        options=(Option(name="payload", kind=bool, default=False, text="its arguments and its result, too"),),
        formats=(OutputFormat.JSON, OutputFormat.NAME),
    ),
    Verb(
        name="cancel",
        text="ask that tasks are not started, or are stopped",
        run=_cancel,
        ids=Ids.ANY,
        ids_text="or options, for the unfinished ones that match",
        options=(
            REASON,
            *MANY,
        ),
        formats=(OutputFormat.JSON, OutputFormat.NAME),
    ),
    Verb(
        name="retry",
        text="enqueue finished tasks once more, as new tasks",
        run=_retry,
        ids=Ids.ANY,
        ids_text="or options, for the finished ones that match",
        options=MANY,
        formats=(OutputFormat.JSON, OutputFormat.NAME),
    ),
    Verb(
        name="watch",
        text="show tasks while they change, until all of them are finished",
        run=_watch,
        ids=Ids.ANY,
        ids_text="default: the unfinished ones that match",
        options=(
            *FILTERS,
            TIMEOUT,
        ),
        formats=(OutputFormat.JSON, OutputFormat.NAME),
        all_namespaces=True,
    ),
    Verb(
        name="logs",
        text="show the log of a task, or what was kept of it",
        run=_logs,
        ids=Ids.ONE,
        options=LOG_OPTIONS,
    ),
)
