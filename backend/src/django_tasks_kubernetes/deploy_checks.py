"""System checks that ask the cluster: `manage.py check --deploy --tag tasks --database default`.

With the app in INSTALLED_APPS.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.core import checks
from django.core.checks import CheckMessage, Error

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.conf import problems_of
from djangotasks_api.phases import Phase

if TYPE_CHECKING:
    from django_tasks_kubernetes.backend import KubernetesBackend
    from django_tasks_kubernetes.kube.client import Client

# What the web app's Role allows, and why it is needed.
VERBS: Final = {
    "create": "enqueue()",
    "get": "get_result()",
    "list": "listing tasks",
    "watch": "waiting for a result",
    "patch": "cancelling a task",
}
# Of the newest tasks, and when one that has ended must be in the history.
READ_MAX: Final = 100
WRITTEN_WITHIN: Final = timedelta(minutes=10)
ENDED: Final = ",".join(f"status.phase!={phase}" for phase in Phase if not phase.is_terminal)
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


def check_cluster(databases: Sequence[str] | None = None, **kwargs: Any) -> Iterator[CheckMessage]:
    """Ask the cluster what enqueue() would meet, where Django's own checks would ask a database."""
    if not databases:
        return
    from django.tasks import task_backends

    from django_tasks_kubernetes.backend import KubernetesBackend

    for backend in task_backends.all():
        if isinstance(backend, KubernetesBackend) and backend.in_cluster and not list(problems_of(backend.options)):
            yield from _check_cluster(backend)


def _check_cluster(backend: "KubernetesBackend") -> Iterator[CheckMessage]:
    from django_tasks_kubernetes.stores.cluster import connect

    where = f"TASKS[{backend.alias!r}]"
    try:
        client = connect(backend.parsed_options).client
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
    if backend.parsed_options.history_days is not None and (number := _not_in_history(client)):
        yield checks.Warning(
            f"HISTORY_DAYS is set, and the history has none of the {number} newest tasks that ended.",
            hint="Run manage.py watch_tasks, which writes it. The web app's chart does: watcher.enabled=true.",
            obj=where,
            id="djangotasks.W010",
        )
    if backend.parsed_options.storage is not None:
        from django_tasks_kubernetes.storage.files import try_storage

        try:
            try_storage(backend.files, client.namespace)
        except e.StorageFailed as error:
            yield _error(error, where)


def _not_in_history(client: "Client") -> int:
    """How many of the newest tasks ended a while ago and are not in the history; 0 where one of them is."""
    from django_tasks_kubernetes.models import TaskHistory
    from django_tasks_kubernetes.presentation.tables import page_of

    now = datetime.now(UTC)
    found = page_of(client.table_page(fields=ENDED, limit=READ_MAX), client.namespace, now)
    ended = (
        {row.id for row in found.rows if row.finished_at and row.finished_at < now - WRITTEN_WITHIN} if found else set()
    )
    return 0 if TaskHistory.objects.filter(task_id__in=ended).exists() else len(ended)


def _error(error: e.KubernetesBackendError, where: str) -> Error:
    problem, _, hint = str(error).partition(". ")
    id_ = next((id_ for class_, id_ in CLUSTER_IDS.items() if isinstance(error, class_)), "djangotasks.E019")
    return Error(f"{problem.rstrip('.')}.", hint=hint or None, obj=where, id=id_)
