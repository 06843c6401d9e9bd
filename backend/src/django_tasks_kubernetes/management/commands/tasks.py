"""manage.py tasks: inspects tasks and workflows, cancels them, enqueues them again, reads their logs, holds queues."""

import socket
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.cli.argparse_shell import add_verbs
from django_tasks_kubernetes.cli.hold_session import HoldSession
from django_tasks_kubernetes.cli.hold_table import HOLD_VERBS
from django_tasks_kubernetes.cli.output import Output
from django_tasks_kubernetes.cli.run import run
from django_tasks_kubernetes.cli.session import Code, Session
from django_tasks_kubernetes.cli.start_cost import PROJECT_VERBS
from django_tasks_kubernetes.cli.table import EXIT_CODES, VERBS
from django_tasks_kubernetes.cli.verb import Verb
from django_tasks_kubernetes.cli.workflow_session import WorkflowSession, retry_workflow
from django_tasks_kubernetes.cli.workflow_table import WORKFLOW_VERBS, WORKFLOWS
from django_tasks_kubernetes.management.arguments import add_common
from django_tasks_kubernetes.management.backends import kubernetes_backend
from django_tasks_kubernetes.management.output import output_of


class Command(BaseCommand):
    help = "Inspects tasks and workflows, cancels them, enqueues them once more, reads their logs, holds queues."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        for one in add_verbs(parser, (*VERBS, *HOLD_VERBS, *PROJECT_VERBS), EXIT_CODES, [WORKFLOWS]):
            add_common(one)
            if one.get_default("verb") in PROJECT_VERBS:
                continue
            one.add_argument(
                "--backend",
                metavar="ALIAS",
                help="the backend in TASKS whose namespace it is about (default: the first on Kubernetes)",
            )

    def handle(self, *args: Any, verb: Verb[Any] | None, chooser: ArgumentParser, **options: Any) -> None:
        if verb is None:
            chooser.print_help()
            raise SystemExit(Code.USAGE)
        output = output_of(self, options)
        if verb in PROJECT_VERBS:
            code = run(lambda: verb.run(output, options), output)
        else:
            backend = kubernetes_backend(options["backend"])
            code = run(lambda: carry_out(verb, backend, output, options), output)
        if code:
            raise SystemExit(code)


def carry_out(verb: Verb[Any], backend: KubernetesBackend, output: Output, options: dict[str, Any]) -> int:
    # Not before it is needed: the client takes most of a second to import.
    from django_tasks_kubernetes.stores.cluster import connect
    from django_tasks_kubernetes.stores.holds import connect as holds_of

    output.namespace = backend.namespace
    if verb in HOLD_VERBS:
        session = HoldSession(holds=holds_of(backend.parsed_options), output=output, me=socket.gethostname())
        return verb.run(session, options)

    client, requested_by = connect(backend.parsed_options).client, f"asked by {socket.gethostname()}"
    tasks = Session(backend.store, client, lambda id_: backend.retry(id_).id, output, requested_by)
    if verb not in WORKFLOW_VERBS:
        return verb.run(tasks, options)
    store = backend.store.workflows
    workflows = Session(store, client.workflows(), lambda id_: retry_workflow(store, id_), output, requested_by)
    return verb.run(WorkflowSession(workflows=workflows, tasks=tasks), options)
