"""Which backends of TASKS a command is about."""

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.tasks import task_backends

from django_tasks_kubernetes.backend import KubernetesBackend


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


def kubernetes_backend(alias: str | None) -> KubernetesBackend:
    """The backend with that alias, or the first that runs tasks on Kubernetes. Raises CommandError, also where its
    OPTIONS are wrong."""
    backend = kubernetes_backends(alias)[0]
    try:
        _ = backend.parsed_options
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    return backend
