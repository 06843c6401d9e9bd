"""Which backends of TASKS a command is about."""

from contextlib import suppress

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import DEFAULT_DB_ALIAS
from django.tasks import task_backends
from django.tasks.exceptions import InvalidTaskBackend

from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.conf import Enqueue


def kubernetes_backends(alias: str | None) -> list[KubernetesBackend]:
    """The backend with that alias, or all that run tasks on Kubernetes. Raises CommandError where there is none."""
    aliases = list(task_backends.settings)
    if alias is not None and alias not in aliases:
        raise CommandError(f"TASKS has no backend {alias!r}. There are: {', '.join(aliases)}.", returncode=2)
    names = aliases if alias is None else [alias]
    known = [backend for name in names if isinstance(backend := task_backends[name], KubernetesBackend)]
    found = [backend for backend in known if backend.in_cluster]
    if known and not found:
        raise CommandError(
            f"TASKS[{known[0].alias!r}] is {type(known[0]).__name__}: its tasks run within enqueue(), in the memory of "
            "the process that calls it, and no other process can ask for them."
        )
    if not found:
        raise CommandError("TASKS has no backend that runs tasks on Kubernetes" + (f" as {alias!r}." if alias else "."))
    return found


def outbox_databases() -> list[str]:
    """Where the outboxes of TASKS are; the default one where none is. Backends that cannot be made here say so in the
    rows."""
    found: dict[str, None] = {}
    for alias in task_backends.settings:
        with suppress(InvalidTaskBackend, ImproperlyConfigured):
            backend = task_backends[alias]
            if isinstance(backend, KubernetesBackend) and backend.parsed_options.enqueue is Enqueue.OUTBOX:
                found[backend.parsed_options.database] = None
    return list(found) or [DEFAULT_DB_ALIAS]


def kubernetes_backend(alias: str | None) -> KubernetesBackend:
    """The backend with that alias, or the first that runs tasks on Kubernetes. Raises CommandError, also where its
    OPTIONS are wrong."""
    backend = kubernetes_backends(alias)[0]
    try:
        _ = backend.parsed_options
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    return backend
