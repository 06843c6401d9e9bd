"""kubectl djangotask: the verbs for people with kubectl and without the Django project. Needs no settings."""

import getpass
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import CompletionItem, ShellComplete
from django.tasks.exceptions import TaskException

from django_tasks_kubernetes.cli import logs as logs_verb
from django_tasks_kubernetes.cli import verbs
from django_tasks_kubernetes.cli import watch as watch_verb
from django_tasks_kubernetes.cli.output import Form, Output
from django_tasks_kubernetes.cli.run import run
from django_tasks_kubernetes.cli.select import LIMIT, WORDS, Filter, UsageError
from django_tasks_kubernetes.exceptions import NotFinished
from django_tasks_kubernetes.new_task import repeated
from django_tasks_kubernetes.options import Options, is_dns_label

if TYPE_CHECKING:
    from django_tasks_kubernetes.client import Client

PROGRAM: Final = "kubectl djangotask"
SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
NAMES_MAX: Final = 200
# What kubectl's own completion is told beside the words: https://github.com/spf13/cobra/blob/main/completions.go
NO_FILES: Final = ":4"

type Function = Callable[..., Any]


def complete_id(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of tasks, as far as the cluster tells them at once."""
    try:
        names = connect(context).names()
        found = (name for name in names if name.startswith(incomplete))
        return [CompletionItem(name) for name in itertools.islice(found, NAMES_MAX)]
    except (TaskException, UsageError):
        return []


def where(command: Function) -> Function:
    """kubectl's own flags for which cluster and namespace, before the verb or after it."""
    for option in (
        click.option("--kubeconfig", type=click.Path(), help="Path to the kubeconfig file."),
        click.option("--context", "context_name", metavar="NAME", help="The context of the kubeconfig to use."),
        click.option("-n", "--namespace", metavar="NAME", help="The namespace. [default: the context's]"),
    ):
        command = option(command)
    return command


def everywhere(command: Function) -> Function:
    return click.option("-A", "--all-namespaces", is_flag=True, help="In all namespaces.")(command)


def form(*forms: Form) -> Callable[[Function], Function]:
    choice = click.Choice([str(one) for one in forms])
    return click.option("-o", "--output", "form", type=choice, help="How it looks: json is an object a line.")


def filters(command: Function) -> Function:
    command = click.option("--task", metavar="PATH", help="Of this path, or its last part.")(command)
    return click.option("--queue", "-q", metavar="NAME", help="Of this queue.")(command)


def ids(*, required: bool = True) -> Callable[[Function], Function]:
    return click.argument("ids", nargs=-1, required=required, metavar="ID...", shell_complete=complete_id)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=verbs.EXIT_CODES,
    no_args_is_help=True,
)
@where
@click.version_option(package_name="django-tasks-kubernetes", prog_name=PROGRAM)
def djangotask(**_: Any) -> None:
    """Look at DjangoTasks, cancel them, enqueue them once more, read their logs."""


@djangotask.command("list", epilog=verbs.EXIT_CODES)
@filters
@click.option(
    "--status", multiple=True, type=click.Choice(WORDS, case_sensitive=False), help="In this status; can be repeated."
)
@click.option("--limit", default=LIMIT, show_default=True, type=click.IntRange(0), help="At most so many; 0 for all.")
@form(Form.JSON, Form.WIDE, Form.NAME)
@everywhere
@where
def list_(**options: Any) -> int:
    """List tasks, the newest first."""

    def work(session: verbs.Session) -> int:
        statuses = tuple(options["status"])
        which = Filter(queue=options["queue"], task=options["task"], statuses=statuses, limit=options["limit"])
        return verbs.list_tasks(session, which)

    return do(work)


@djangotask.command(epilog=verbs.EXIT_CODES)
@ids()
@click.option("--payload", is_flag=True, help="Its arguments and its result, too.")
@form(Form.JSON, Form.NAME)
@where
def show(ids: Sequence[str], payload: bool, **_: Any) -> int:
    """Show all of a task: attempts, errors, progress, reason."""
    return do(lambda session: verbs.show(session, ids, payload=payload))


@djangotask.command(epilog=verbs.EXIT_CODES)
@ids()
@click.option("--reason", default="", help="Who asks, and why; shown with the task.")
@form(Form.JSON, Form.NAME)
@where
def cancel(ids: Sequence[str], reason: str, **_: Any) -> int:
    """Ask that tasks are not started, or are stopped."""
    return do(lambda session: verbs.cancel(session, ids, reason))


@djangotask.command(epilog=verbs.EXIT_CODES)
@ids()
@form(Form.JSON, Form.NAME)
@where
def retry(ids: Sequence[str], **_: Any) -> int:
    """Enqueue finished tasks once more, as new tasks."""
    return do(lambda session: verbs.retry(session, ids))


@djangotask.command(epilog=verbs.EXIT_CODES)
@click.argument("id_", metavar="ID", shell_complete=complete_id)
@click.option("-f", "--follow", is_flag=True, help="Until the task is finished, over its retries.")
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="Of this attempt. [default: the latest]")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="The last lines only.")
@where
def logs(id_: str, follow: bool, attempt: int | None, tail: int | None, **_: Any) -> int:
    """Show the log of a task, or what was kept of it."""
    return do(
        lambda session: logs_verb.logs(session, verbs.bare(id_), follow=follow, attempt=attempt, tail=tail),
    )


@djangotask.command(epilog=verbs.EXIT_CODES)
@ids(required=False)
@filters
@click.option("--timeout", type=click.FloatRange(0), metavar="SECONDS", help="End after so long, with code 3.")
@form(Form.JSON, Form.NAME)
@everywhere
@where
def watch(ids: Sequence[str], timeout: float | None, **options: Any) -> int:
    """Show tasks while they change, until all of them are finished: these, or the unfinished ones that match."""

    def work(session: verbs.Session) -> int:
        if ids and options["all_namespaces"]:
            raise UsageError("Ids are of one namespace: give -n rather than -A.")
        return watch_verb.watch(session, ids, Filter(queue=options["queue"], task=options["task"]), timeout=timeout)

    return do(work)


def do(verb: Callable[[verbs.Session], int]) -> int:
    context = click.get_current_context()
    options = context.params
    everywhere = bool(options.get("all_namespaces"))
    output = Output(form=Form(options.get("form") or Form.TABLE), namespaces=everywhere)

    def work() -> int:
        client = connect(context)
        if everywhere:
            client = client.everywhere()
        return verb(verbs.Session(client, client, lambda id_: enqueue_again(client, id_), output, f"asked by {user()}"))

    return run(work, output)


def connect(context: click.Context) -> "Client":
    """Raises ClusterNotConfigured, and UsageError."""
    from django_tasks_kubernetes.client import connect as client_for  # most of a second: not for --help

    def given(name: str) -> Any:
        outer = context.parent.params if context.parent is not None else {}
        return context.params.get(name) or outer.get(name)

    namespace = given("namespace")
    if namespace is not None and not is_dns_label(namespace):
        raise UsageError(f"{namespace!r} cannot be a namespace's name.")
    # Where there is a kubeconfig, kubectl takes it even in a pod.
    path = given("kubeconfig") or os.environ.get("KUBECONFIG")
    return client_for(Options(namespace=namespace, context=given("context_name"), kubeconfig=path))


def enqueue_again(client: "Client", id_: str) -> str:
    """The project's code is not asked: the new task has what the old one has."""
    resource = client.get(id_)
    if ref := resource["spec"].get("payloadRef"):
        # A file belongs to one task, and goes with it.
        raise NotFinished(
            f"The arguments of {id_} are in the project's storage {ref['storage']!r}, which only the project can "
            f"copy: manage.py tasks retry {id_}"
        )
    new = repeated(resource, datetime.now(UTC))
    client.create(new)
    name: str = new["metadata"]["name"]
    return name


def user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return PROGRAM


def main(arguments: Sequence[str]) -> int:
    """The exit code."""
    try:
        code = djangotask.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return verbs.Code.INTERRUPTED
    return code if isinstance(code, int) else verbs.Code.OK


def complete(words: Sequence[str]) -> Iterator[str]:
    """What could stand for the last word, a line each, as kubectl wants it."""
    *before, incomplete = words or [""]
    for item in ShellComplete(djangotask, {}, PROGRAM, "").get_completions(before, incomplete):
        yield f"{item.value}\t{item.help}" if item.help else item.value
    yield NO_FILES
