"""manage.py schedules: syncs what the project declares to the cluster, lists schedules, runs and suspends them."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandParser
from django.tasks import task_backends

from django_tasks_kubernetes.cli.argparse_shell import add_verbs
from django_tasks_kubernetes.cli.output import Output
from django_tasks_kubernetes.cli.run import run
from django_tasks_kubernetes.cli.schedule_session import ClusterTasks, ScheduleSession
from django_tasks_kubernetes.cli.schedule_table import EXIT_CODES, SCHEDULE_VERBS
from django_tasks_kubernetes.cli.session import Code
from django_tasks_kubernetes.cli.verb import Verb
from django_tasks_kubernetes.management.arguments import add_common
from django_tasks_kubernetes.management.backends import kubernetes_backends
from django_tasks_kubernetes.management.output import output_of
from django_tasks_kubernetes.management.schedules import DeclaredSchedules, DeclaredTasks, declared_schedules, project
from django_tasks_kubernetes.schedule_checks import aliases_in_cluster

if TYPE_CHECKING:
    from django_tasks_kubernetes.backend import KubernetesBackend


class Command(BaseCommand):
    help = "Syncs the schedules that the code declares to the cluster, lists them, runs and suspends them."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        for one in add_verbs(parser, SCHEDULE_VERBS, EXIT_CODES):
            add_common(one)
            about = "only this backend in TASKS, also for --prune (default: all)"
            one.add_argument("--backend", metavar="ALIAS", help=about)

    def handle(self, *args: Any, verb: Verb[ScheduleSession] | None, **options: Any) -> None:
        if verb is None:
            self.print_help("manage.py", "schedules")
            raise SystemExit(Code.USAGE)
        output = output_of(self, options)
        if code := run(lambda: carry_out(verb, output, options), output):
            raise SystemExit(code)


def carry_out(verb: Verb[ScheduleSession], output: Output, options: dict[str, Any]) -> int:
    """Carries a verb out in each place where the backends have their tasks; one that is about a schedule, in the first.
    Returns the worst code."""
    if not verb.needs_cluster or (options["backend"] is None and not has_cluster()):
        return verb.run(without_cluster(output, options["backend"]), options)
    sessions = in_cluster(output, options["backend"])
    if not verb.needs_project:
        return verb.run(next(sessions), options)
    return max(verb.run(session, options) for session in sessions)


def has_cluster() -> bool:
    return bool(aliases_in_cluster())


def without_cluster(output: Output, alias: str | None) -> ScheduleSession:
    """With what the code declares. Raises UsageError where that is wrong."""
    aliases = list(task_backends.settings) if alias is None else [alias]
    found = project({}, aliases)
    return ScheduleSession(
        schedules=DeclaredSchedules(found.resources),
        tasks=DeclaredTasks(declared_schedules()),
        output=output,
        project=partial(project, aliases=aliases),
    )


def in_cluster(output: Output, alias: str | None) -> Iterator[ScheduleSession]:
    """One for each namespace: several aliases may share one. Raises CommandError."""
    from django_tasks_kubernetes.stores.cluster import connect
    from django_tasks_kubernetes.stores.schedules import connect as schedules_of

    places: dict[tuple[str, str], list[KubernetesBackend]] = {}
    for backend in kubernetes_backends(alias):
        place = connect(backend.parsed_options).client.place
        places.setdefault(place, []).append(backend)
    for backends in places.values():
        options = backends[0].parsed_options
        output.namespace = backends[0].namespace
        yield ScheduleSession(
            schedules=schedules_of(options),
            tasks=ClusterTasks(connect(options)),
            output=output,
            project=partial(project, aliases=[backend.alias for backend in backends]),
        )
