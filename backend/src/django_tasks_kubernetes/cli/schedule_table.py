"""The verbs of schedules, declared once: `manage.py schedules` and `kubectl djangotask schedules` are made of this
table."""

from typing import Final

from django_tasks_kubernetes.cli import schedule_loop, schedule_sync, schedule_verbs
from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.schedule_session import Project, ScheduleSession
from django_tasks_kubernetes.cli.verb import Given, Ids, Option, Verb
from django_tasks_kubernetes.presentation.filters import UsageError

EXIT_CODES: Final = (
    "Exit codes: 0 done; 1 a schedule does not exist or was refused, or the cluster does not answer, or "
    "`diff` has found differences; 2 wrong usage, or what the code declares is wrong."
)
BACKFILL_LIMIT: Final = 100


def _project(session: ScheduleSession, given: Given) -> Project:
    if session.project is None:
        raise UsageError("Only manage.py knows what the project declares.")
    return session.project(given)


def _list(session: ScheduleSession, given: Given) -> int:
    return schedule_verbs.list_schedules(session, given["next"])


def _run(session: ScheduleSession, given: Given) -> int:
    return schedule_verbs.run(session, given["ids"])


def _suspend(session: ScheduleSession, given: Given) -> int:
    return schedule_verbs.suspend(session, given["ids"], True)


def _resume(session: ScheduleSession, given: Given) -> int:
    return schedule_verbs.suspend(session, given["ids"], False)


def _backfill(session: ScheduleSession, given: Given) -> int:
    (name,) = given["ids"]
    if given["from"] is None:
        raise UsageError("Say from when: --from 2026-11-01.")
    return schedule_verbs.backfill(
        session,
        schedule_verbs.plain_name(name),
        given["from"],
        given["to"],
        limit=given["limit"],
        dry_run=bool(given["dry_run"]),
        yes=bool(given["yes"]),
    )


def _sync(session: ScheduleSession, given: Given) -> int:
    return schedule_sync.sync(
        session,
        _project(session, given),
        prune=bool(given["prune"]),
        take_over=bool(given["take_over"]),
        dry_run=bool(given["dry_run"]),
    )


def _diff(session: ScheduleSession, given: Given) -> int:
    return schedule_sync.diff(session, _project(session, given), prune=bool(given["prune"]))


def _yaml(session: ScheduleSession, given: Given) -> int:
    return schedule_sync.write_yaml(session, _project(session, given))


def _loop(session: ScheduleSession, given: Given) -> int:
    return schedule_loop.loop(session, _project(session, given))


PROJECT: Final = Option(
    name="declared-by",
    metavar="NAME",
    text="which project this is, among those of the namespace (default: the package of the settings)",
)
PRUNE: Final = Option(
    name="prune",
    kind=bool,
    default=False,
    text="delete the schedules that this project has declared, and no longer does",
)
DRY_RUN: Final = Option(name="dry-run", kind=bool, default=False, text="say what would be done, and do nothing")
FORMATS: Final = (OutputFormat.JSON, OutputFormat.NAME)
SCHEDULE_VERBS: Final[tuple[Verb[ScheduleSession], ...]] = (
    Verb(
        name="sync",
        text="make the schedules in the cluster what the code says; leaves what it does not say, such as suspended",
        run=_sync,
        options=(
            PRUNE,
            DRY_RUN,
            PROJECT,
            Option(
                name="take-over",
                kind=bool,
                default=False,
                text="also those of these names that another project, or a person, has made",
            ),
        ),
        formats=FORMATS,
        needs_project=True,
    ),
    Verb(
        name="diff",
        text="show what sync would change; code 1 where it would change anything",
        run=_diff,
        options=(PRUNE, PROJECT),
        formats=(OutputFormat.JSON,),
        needs_project=True,
    ),
    Verb(
        name="yaml",
        text="write the schedules that the code declares as YAML, for kubectl and GitOps",
        run=_yaml,
        options=(PROJECT,),
        needs_project=True,
        needs_cluster=False,
    ),
    Verb(
        name="loop",
        text="enqueue the tasks at their times from this process, with any backend: for development",
        run=_loop,
        formats=(OutputFormat.JSON,),
        needs_project=True,
        needs_cluster=False,
    ),
    Verb(
        name="list",
        text="list schedules, with their last time and their next",
        run=_list,
        options=(
            Option(
                name="next",
                kind=int,
                least=0,
                metavar="N",
                default=0,
                text="the next N times of each, in its zone",
            ),
        ),
        formats=(OutputFormat.JSON, OutputFormat.WIDE, OutputFormat.NAME),
        all_namespaces=True,
    ),
    Verb(
        name="run",
        text="enqueue a task of each schedule now, whatever its times",
        run=_run,
        ids=Ids.SOME,
        ids_metavar="NAME",
        formats=FORMATS,
    ),
    Verb(
        name="suspend",
        text="create no tasks until it is resumed; sync does not change that",
        run=_suspend,
        ids=Ids.SOME,
        ids_metavar="NAME",
        formats=FORMATS,
    ),
    Verb(
        name="resume",
        text="go on with the next time; those that passed meanwhile are left out",
        run=_resume,
        ids=Ids.SOME,
        ids_metavar="NAME",
        formats=FORMATS,
    ),
    Verb(
        name="backfill",
        text="create the tasks of past times; one that exists is left as it is",
        run=_backfill,
        ids=Ids.ONE,
        ids_metavar="NAME",
        options=(
            Option(name="from", metavar="TIME", text="the first time, in the schedule's zone: 2026-11-01T02:00"),
            Option(name="to", metavar="TIME", text="the last time, or the last day; now if not given"),
            Option(name="limit", kind=int, least=1, metavar="N", default=BACKFILL_LIMIT, text="at most N tasks"),
            DRY_RUN,
            Option(name="yes", kind=bool, short="y", default=False, text="do not ask"),
        ),
        formats=FORMATS,
    ),
)
