"""A Django Tasks backend that runs every task in a Kubernetes Job of its own.

In settings: `TASKS = {"default": {"BACKEND": "django_tasks_kubernetes.KubernetesBackend"}}`.
"""

from typing import TYPE_CHECKING

from django_tasks_kubernetes.retry import Exponential, Fixed, Linear, Retry, RetryLater

if TYPE_CHECKING:
    from django_tasks_kubernetes.backend import KubernetesBackend
    from django_tasks_kubernetes.context import KubernetesTaskContext
    from django_tasks_kubernetes.local.backend import LocalBackend

__all__ = [
    "Exponential",
    "Fixed",
    "KubernetesBackend",
    "KubernetesTaskContext",
    "Linear",
    "LocalBackend",
    "Retry",
    "RetryLater",
]


def __getattr__(name: str) -> object:
    # The runner and INSTALLED_APPS import this package too: neither needs the backend yet, and importing
    # django.tasks before the settings are configured would be too early.
    if name == "KubernetesBackend":
        from django_tasks_kubernetes.backend import KubernetesBackend

        return KubernetesBackend
    if name == "KubernetesTaskContext":
        from django_tasks_kubernetes.context import KubernetesTaskContext

        return KubernetesTaskContext
    if name == "LocalBackend":
        from django_tasks_kubernetes.local.backend import LocalBackend

        return LocalBackend
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
