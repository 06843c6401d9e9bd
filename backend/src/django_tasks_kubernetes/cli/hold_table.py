"""The verbs of holds, declared once: they are part of `manage.py tasks` and `kubectl djangotask`."""

from typing import Final

from django_tasks_kubernetes.cli import hold_verbs
from django_tasks_kubernetes.cli.hold_session import HoldSession
from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.verb import Given, Ids, Option, Verb


def _hold(session: HoldSession, given: Given) -> int:
    (queue,) = given["ids"]
    wanted = hold_verbs.Wanted(
        concurrency=given["concurrency"],
        span=given["for"],
        until=given["until"],
        by=given["by"],
        reason=given["reason"],
    )
    return hold_verbs.hold(session, plain_name(queue), wanted, replace=bool(given["replace"]))


def _release(session: HoldSession, given: Given) -> int:
    return hold_verbs.release(session, [plain_name(queue) for queue in given["ids"]])


def _holds(session: HoldSession, given: Given) -> int:
    return hold_verbs.list_holds(session)


def plain_name(text: str) -> str:
    """Of a name as kubectl writes it: djangotaskqueue.djangotasks.dev/NAME."""
    return text.rpartition("/")[2]


HOLD_VERBS: Final[tuple[Verb[HoldSession], ...]] = (
    Verb(
        name="hold",
        text="pause a queue, or let fewer of its tasks run at once, for a while; what runs goes on",
        run=_hold,
        ids=Ids.ONE,
        ids_metavar="QUEUE",
        options=(
            Option(
                name="concurrency",
                kind=int,
                least=0,
                metavar="N",
                default=0,
                text="let so many run at once, at most; with 0 nothing starts",
            ),
            Option(name="for", metavar="TIME", text="for so long, such as 30m or 2h; without it, until it is released"),
            Option(name="until", metavar="TIME", text="until then, such as 18:00 or 2026-11-23T18:00"),
            Option(name="reason", metavar="TEXT", default="", text="why; is shown with the queue"),
            Option(name="by", metavar="NAME", text="who holds it (default: who asks, as the API server knows them)"),
            Option(name="replace", kind=bool, default=False, text="instead of the hold that there is"),
        ),
        formats=(OutputFormat.JSON, OutputFormat.NAME),
    ),
    Verb(
        name="release",
        text="end the holds of queues",
        run=_release,
        ids=Ids.SOME,
        ids_metavar="QUEUE",
        formats=(OutputFormat.JSON, OutputFormat.NAME),
    ),
    Verb(
        name="holds",
        text="list the queues that are held: by whom, until when, and why",
        run=_holds,
        formats=(OutputFormat.JSON, OutputFormat.WIDE, OutputFormat.NAME),
        all_namespaces=True,
    ),
)
