"""kubectl djangotask: the verbs for people with kubectl and without the Django project. Needs no settings."""

import getpass
import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import CompletionItem, ShellComplete
from django.tasks.exceptions import TaskException

from django_tasks_kubernetes.cli.click_shell import SETTINGS, command_of, options_of, output_of, place_options
from django_tasks_kubernetes.cli.hold_session import HoldSession
from django_tasks_kubernetes.cli.hold_table import HOLD_VERBS
from django_tasks_kubernetes.cli.run import run
from django_tasks_kubernetes.cli.schedule_session import ClusterTasks, ScheduleSession
from django_tasks_kubernetes.cli.schedule_table import EXIT_CODES as SCHEDULE_EXIT_CODES
from django_tasks_kubernetes.cli.schedule_table import SCHEDULE_VERBS
from django_tasks_kubernetes.cli.session import Code, Session
from django_tasks_kubernetes.cli.table import EXIT_CODES, VERBS
from django_tasks_kubernetes.cli.verb import Verb, sentence
from django_tasks_kubernetes.cli.workflow_session import WorkflowSession, retry_workflow
from django_tasks_kubernetes.cli.workflow_table import WORKFLOWS
from django_tasks_kubernetes.enqueue.new_task import repeated
from django_tasks_kubernetes.exceptions import NotFinished
from django_tasks_kubernetes.presentation.filters import UsageError
from django_tasks_kubernetes.presentation.workflow_tree import tree

if TYPE_CHECKING:
    from django_tasks_kubernetes.stores.cluster import ClusterStore

PROGRAM: Final = "kubectl djangotask"
NAMES_MAX: Final = 200
# The directive that kubectl's completion expects after the words: no file names.
# https://github.com/spf13/cobra/blob/main/completions.go
NO_FILES: Final = ":4"


def complete_id(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of tasks; none where the cluster does not answer."""
    try:
        names = connect(context).names()
        found = (name for name in names if name.startswith(incomplete))
        return [CompletionItem(name) for name in itertools.islice(found, NAMES_MAX)]
    except (TaskException, UsageError):
        return []


def complete_schedule(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of schedules; none where the cluster does not answer."""
    try:
        from django_tasks_kubernetes.stores.schedules import connect as schedules_of

        found = (resource["metadata"]["name"] for resource in schedules_of(options_of(context)).find())
        matching = (name for name in found if name.startswith(incomplete))
        return [CompletionItem(name) for name in itertools.islice(matching, NAMES_MAX)]
    except (TaskException, UsageError):
        return []


def complete_queue(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of queues; of those that are held, where they may be known alone. None where the cluster does not
    answer."""
    try:
        from django_tasks_kubernetes.stores.holds import connect as holds_of

        holds = holds_of(options_of(context))
        queues = holds.queues()
        names = [one["metadata"]["name"] for one in holds.find()] if queues is None else [name for _, name in queues]
        matching = sorted(name for name in names if name.startswith(incomplete))
        return [CompletionItem(name) for name in matching[:NAMES_MAX]]
    except (TaskException, UsageError):
        return []


def complete_workflow(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of workflows; none where the cluster does not answer."""
    try:
        found = (name for name in connect(context).workflows.names() if name.startswith(incomplete))
        return [CompletionItem(name) for name in itertools.islice(found, NAMES_MAX)]
    except (TaskException, UsageError):
        return []


def complete_step(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The steps of the workflow that is named before."""
    try:
        steps = tree(connect(context).workflows.get(context.params["ids"]))
        return [CompletionItem(step.name) for step in steps if step.name.startswith(incomplete)]
    except (TaskException, UsageError, KeyError):
        return []


def execute(verb: Verb[Session], given: dict[str, Any]) -> int:
    """Carries a verb of tasks out, and returns the exit code."""
    context, output = click.get_current_context(), output_of(given)

    def work() -> int:
        store = connect(context)
        output.namespace = store.client.namespace
        if output.namespaces:
            store = store.everywhere()
        session = Session(store, store.client, lambda id_: enqueue_again(store, id_), output, f"asked by {user()}")
        return verb.run(session, given)

    return run(work, output)


def execute_for_schedules(verb: Verb[ScheduleSession], given: dict[str, Any]) -> int:
    """Carries a verb of schedules out, and returns the exit code."""
    context, output = click.get_current_context(), output_of(given)

    def work() -> int:
        from django_tasks_kubernetes.stores.schedules import connect as schedules_of

        schedules, tasks = schedules_of(options_of(context)), connect(context)
        output.namespace = tasks.client.namespace
        if output.namespaces:
            schedules = schedules.everywhere()
        session = ScheduleSession(schedules=schedules, tasks=ClusterTasks(tasks), output=output)
        return verb.run(session, given)

    return run(work, output)


def execute_for_holds(verb: Verb[HoldSession], given: dict[str, Any]) -> int:
    """Carries a verb of holds out, and returns the exit code."""
    context, output = click.get_current_context(), output_of(given)

    def work() -> int:
        from django_tasks_kubernetes.stores.holds import connect as holds_of

        holds = holds_of(options_of(context))
        output.namespace = holds.namespace
        return verb.run(
            HoldSession(holds=holds.everywhere() if output.namespaces else holds, output=output, me=user()), given
        )

    return run(work, output)


def execute_for_workflows(verb: Verb[WorkflowSession], given: dict[str, Any]) -> int:
    """Carries a verb of workflows out, and returns the exit code."""
    context, output = click.get_current_context(), output_of(given)

    def work() -> int:
        tasks, by = connect(context), f"asked by {user()}"
        output.namespace = tasks.client.namespace
        workflows = tasks.workflows.everywhere() if output.namespaces else tasks.workflows
        session = WorkflowSession(
            workflows=Session(workflows, workflows.client, lambda id_: retry_workflow(workflows, id_), output, by),
            tasks=Session(tasks, tasks.client, lambda id_: enqueue_again(tasks, id_), output, by),
        )
        return verb.run(session, given)

    return run(work, output)


workflows: Final = click.Group(
    WORKFLOWS.name,
    commands=[
        command_of(verb, execute_for_workflows, complete_workflow, WORKFLOWS.exit_codes, complete_step)
        for verb in WORKFLOWS.verbs
    ],
    params=place_options(),
    context_settings=SETTINGS,
    epilog=WORKFLOWS.exit_codes,
    no_args_is_help=True,
    help=sentence(WORKFLOWS.text),
)
schedules: Final = click.Group(
    "schedules",
    commands=[
        command_of(verb, execute_for_schedules, complete_schedule, SCHEDULE_EXIT_CODES)
        for verb in SCHEDULE_VERBS
        if not verb.needs_project
    ],
    params=place_options(),
    context_settings=SETTINGS,
    epilog=SCHEDULE_EXIT_CODES,
    no_args_is_help=True,
    help="List DjangoTaskSchedules, run and suspend them, create the tasks of past times.",
)
djangotask: Final = click.Group(
    commands=[
        *(command_of(verb, execute, complete_id, EXIT_CODES) for verb in VERBS),
        *(command_of(verb, execute_for_holds, complete_queue, EXIT_CODES) for verb in HOLD_VERBS),
        workflows,
        schedules,
    ],
    params=place_options(),
    context_settings=SETTINGS,
    epilog=EXIT_CODES,
    no_args_is_help=True,
    help="Inspect DjangoTasks and their workflows, cancel them, enqueue them once more, read their logs, hold queues.",
)
click.version_option(package_name="django-tasks-kubernetes", prog_name=PROGRAM)(djangotask)


def connect(context: click.Context) -> "ClusterStore":
    """The tasks of the cluster and namespace that the flags name. Raises ClusterNotConfigured and UsageError."""
    from django_tasks_kubernetes.stores.cluster import connect as store_for  # most of a second: not for --help

    return store_for(options_of(context))


def enqueue_again(store: "ClusterStore", id_: str) -> str:
    """Creates a copy of a finished task, without the project's code. Returns its id."""
    resource = store.get(id_)
    if ref := resource["spec"].get("payloadRef"):
        # A file belongs to one task, and is deleted with it.
        raise NotFinished(
            f"The arguments of {id_} are in the project's storage {ref['storage']!r}, which only the project can "
            f"copy: manage.py tasks retry {id_}"
        )
    if resource["spec"].get("inputs"):
        raise NotFinished(
            f"Arguments of {id_} are large results of its workflow, which only the project can copy: "
            f"manage.py tasks retry {id_}"
        )
    new = repeated(resource, datetime.now(UTC))
    store.create(new)
    name: str = new["metadata"]["name"]
    return name


def user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return PROGRAM


def main(arguments: Sequence[str]) -> int:
    """Runs a command line, and returns the exit code."""
    try:
        code = djangotask.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return Code.INTERRUPTED
    return code if isinstance(code, int) else Code.OK


def complete(words: Sequence[str]) -> Iterator[str]:
    """The completions of the last word, one a line, as kubectl expects them."""
    *before, incomplete = words or [""]
    for item in ShellComplete(djangotask, {}, PROGRAM, "").get_completions(before, incomplete):
        yield f"{item.value}\t{item.help}" if item.help else item.value
    yield NO_FILES
