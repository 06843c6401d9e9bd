"""System checks. `check` needs no cluster; `check --deploy` asks it (with the app in INSTALLED_APPS)."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.core.checks import CheckMessage, Error

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.options import Enqueue, problems_of
from django_tasks_kubernetes.validation import ALIAS_MAX_CHARS, queue_problem

if TYPE_CHECKING:
    from django_tasks_kubernetes.backend import KubernetesBackend

# What the web app's Role allows, and why it is needed.
VERBS: Final = {
    "create": "enqueue()",
    "get": "get_result()",
    "list": "listing tasks",
    "watch": "waiting for a result",
    "patch": "cancelling a task",
}
CLUSTER_IDS: Final[dict[type[Exception], str]] = {
    e.ClusterNotConfigured: "djangotasks.E010",
    e.ApiUnavailable: "djangotasks.E011",
    e.NotAuthenticated: "djangotasks.E012",
    e.PermissionDenied: "djangotasks.E013",
    e.CrdNotInstalled: "djangotasks.E014",
    e.NamespaceNotFound: "djangotasks.E015",
    e.TaskRefused: "djangotasks.E016",
    e.StorageFailed: "djangotasks.E017",
}


def check_settings(backend: "KubernetesBackend") -> Iterator[CheckMessage]:
    """E001 options, E002 queues, E003 alias, E004 a missing package, E005 no outbox. No I/O."""
    where = f"TASKS[{backend.alias!r}]"
    for problem in problems_of(backend.options):
        yield Error(problem, hint=f"Correct {where}['OPTIONS'].", obj=where, id="djangotasks.E001")
    for queue in sorted(backend.queues, key=str):
        if unfit := queue_problem(queue):
            yield Error(unfit, hint=f"Rename it in {where}['QUEUES'].", obj=where, id="djangotasks.E002")
    if not 0 < len(backend.alias) <= ALIAS_MAX_CHARS:
        yield Error(
            f"The alias must have 1 to {ALIAS_MAX_CHARS} characters.",
            hint="Rename it in TASKS.",
            obj=where,
            id="djangotasks.E003",
        )
    if backend.options.get("ENQUEUE") == Enqueue.OUTBOX and not apps.is_installed("django_tasks_kubernetes"):
        yield Error(
            "ENQUEUE is outbox, and the outbox has no table.",
            hint="Add 'django_tasks_kubernetes' to INSTALLED_APPS, and run manage.py migrate.",
            obj=where,
            id="djangotasks.E005",
        )
    if find_spec("kubernetes") is None:
        yield Error(
            "The package kubernetes is not installed.",
            hint="Install it: pip install kubernetes.",
            obj=where,
            id="djangotasks.E004",
        )


def check_cluster(**kwargs: Any) -> Iterator[CheckMessage]:
    """Asks the cluster what enqueue() would meet: with `manage.py check --deploy`, or `--deploy --tag tasks`."""
    from django.tasks import task_backends

    from django_tasks_kubernetes.backend import KubernetesBackend

    for backend in task_backends.all():
        if isinstance(backend, KubernetesBackend) and not list(problems_of(backend.options)):
            yield from _check_cluster(backend)


def _check_cluster(backend: "KubernetesBackend") -> Iterator[CheckMessage]:
    from django_tasks_kubernetes.client import connect

    where = f"TASKS[{backend.alias!r}]"
    try:
        client = connect(backend.parsed_options)
        client.try_create()
        missing = {verb: use for verb, use in VERBS.items() if not client.may(verb)}
    except e.KubernetesBackendError as error:
        yield _error(error, where)
        return
    for verb, use in missing.items():
        yield Error(
            f"The credentials do not allow to {verb} DjangoTasks in namespace {client.namespace}, which {use} needs.",
            hint=f"Add {verb!r} to the verbs of the web app's Role for djangotasks.",
            obj=where,
            id="djangotasks.E013",
        )
    if backend.parsed_options.storage is not None:
        from django_tasks_kubernetes.stored import try_storage

        try:
            try_storage(backend.files, client.namespace)
        except e.StorageFailed as error:
            yield _error(error, where)


def _error(error: e.KubernetesBackendError, where: str) -> Error:
    problem, _, hint = str(error).partition(". ")
    id_ = next((id_ for class_, id_ in CLUSTER_IDS.items() if isinstance(error, class_)), "djangotasks.E019")
    return Error(f"{problem.rstrip('.')}.", hint=hint or None, obj=where, id=id_)
