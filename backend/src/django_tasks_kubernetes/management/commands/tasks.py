"""manage.py tasks: looks at tasks, cancels them, enqueues them once more, reads their logs."""

import argparse
import socket
from typing import Any, TextIO, cast

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.tasks import task_backends

from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.cli import completion
from django_tasks_kubernetes.cli.output import Form, Output
from django_tasks_kubernetes.cli.run import run
from django_tasks_kubernetes.cli.select import LIMIT, WORDS, Filter
from django_tasks_kubernetes.cli.verbs import EXIT_CODES


class Command(BaseCommand):
    help = "Looks at tasks, cancels them, enqueues them once more, reads their logs."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog = EXIT_CODES
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

        def verb(name: str, text: str) -> argparse.ArgumentParser:
            return verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=EXIT_CODES)

        listed = verb("list", "list tasks, the newest first")
        add_filters(listed)
        words = ", ".join(WORDS)
        listed.add_argument("--status", action="append", metavar="STATUS", help=f"can be repeated: {words}")
        listed.add_argument("--limit", type=int, default=LIMIT, help=f"at most so many; 0 for all (default: {LIMIT})")
        listed.add_argument("--wide", action="store_true", help="more columns")
        shown = verb("show", "show all of a task: attempts, errors, progress, reason")
        shown.add_argument("ids", nargs="+", metavar="ID")
        shown.add_argument("--payload", action="store_true", help="its arguments and its result, too")
        cancelled = verb("cancel", "ask that tasks are not started, or are stopped")
        cancelled.add_argument("ids", nargs="+", metavar="ID")
        cancelled.add_argument("--reason", default="", help="who asks, and why; shown with the task")
        retried = verb("retry", "enqueue finished tasks once more, as new tasks")
        retried.add_argument("ids", nargs="+", metavar="ID")
        watched = verb("watch", "show tasks while they change, until all of them are finished")
        watched.add_argument("ids", nargs="*", metavar="ID", help="default: the unfinished ones that match")
        add_filters(watched)
        watched.add_argument("--timeout", type=float, metavar="SECONDS", help="end after so long, with code 3")
        for one in (listed, shown, cancelled, retried, watched):
            one.add_argument("--json", action="store_true", help="an object a line, for programs")
            add_backend(one)
        add_log_arguments(verb("logs", "show the log of a task"))
        script = verb("completion", "print a script that completes this command's verbs and options")
        script.add_argument("shell", choices=["bash"])

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        if verb == "completion":
            parser = self.create_parser("manage.py", "tasks")
            self.stdout.write(completion.bash(parser))
            return
        output = Output(
            form=Form.JSON if options.get("json") else Form.WIDE if options.get("wide") else Form.TABLE,
            stdout=_unwrapped(self.stdout),
            stderr=_unwrapped(self.stderr),
            color=not options["no_color"],
        )
        backend = find_backend(options["backend"])
        if code := run(lambda: self._do(verb, backend, output, options), output):
            raise SystemExit(code)

    def _do(self, verb: str, backend: KubernetesBackend, output: Output, options: dict[str, Any]) -> int:
        # Not before they are needed: the client takes most of a second to import.
        from django_tasks_kubernetes.cli import logs, verbs, watch
        from django_tasks_kubernetes.client import connect

        session = verbs.Session(
            tasks=backend.store,
            client=connect(backend.parsed_options),
            retry=lambda id_: backend.retry(id_).id,
            output=output,
            who=f"asked by {socket.gethostname()}",
        )
        match verb:
            case "list":
                status = tuple(options["status"] or ())
                which = Filter(queue=options["queue"], task=options["task"], statuses=status, limit=options["limit"])
                return verbs.list_tasks(session, which)
            case "show":
                return verbs.show(session, options["ids"], payload=options["payload"])
            case "cancel":
                return verbs.cancel(session, options["ids"], options["reason"])
            case "retry":
                return verbs.retry(session, options["ids"])
            case "watch":
                which = Filter(queue=options["queue"], task=options["task"])
                return watch.watch(session, options["ids"], which, timeout=options["timeout"])
            case _:
                return logs.logs(
                    session,
                    verbs.bare(options["id"]),
                    follow=options["follow"],
                    attempt=options["attempt"],
                    tail=options["tail"],
                )


def _unwrapped(wrapper: OutputWrapper) -> TextIO:
    """Django's wrapper ends whatever is written with a newline."""
    stream: Any = wrapper
    return cast("TextIO", stream._out)


def add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--queue", metavar="QUEUE", help="of this queue")
    parser.add_argument("--task", metavar="TASK", help="of this path, such as shop.tasks.send, or its last part")


def add_backend(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backend", metavar="ALIAS", help="the backend in TASKS (default: the first on Kubernetes)")


def add_log_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID")
    parser.add_argument("-f", "--follow", action="store_true", help="until the task is finished, over its retries")
    parser.add_argument("--attempt", type=positive, metavar="N", help="of this attempt (default: the latest)")
    parser.add_argument("--tail", type=natural, metavar="N", help="the last lines only, as far as they are there")
    add_backend(parser)


def positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be a number from 1")
    return number


def natural(text: str) -> int:
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError("must be a number from 0")
    return number


def find_backend(alias: str | None) -> KubernetesBackend:
    """Raises CommandError."""
    names = list(task_backends.settings) if alias is None else [alias]
    if alias is not None and alias not in task_backends.settings:
        raise CommandError(
            f"TASKS has no backend {alias!r}. There are: {', '.join(task_backends.settings)}.", returncode=2
        )
    for name in names:
        if isinstance(backend := task_backends[name], KubernetesBackend):
            try:
                _ = backend.parsed_options
            except ImproperlyConfigured as error:
                raise CommandError(str(error)) from error
            return backend
    raise CommandError("TASKS has no backend that runs tasks on Kubernetes" + (f" as {alias!r}." if alias else "."))
