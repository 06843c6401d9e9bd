"""Errors of the API server that are about queues, each with what to do about it. Pure."""

from http import HTTPStatus
from typing import Final

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.kube.errors import RBAC_REFUSAL, message_of
from django_tasks_kubernetes.kube.rights import role_commands
from djangotasks_api.names import GROUP, QUEUE_PLURAL

RIGHTS: Final = f"--verb=get,list --resource={QUEUE_PLURAL}.{GROUP}"


def queue_error(status: int, body: bytes, namespace: str) -> e.KubernetesBackendError | None:
    """None for an error that tasks would meet as well."""
    words = message_of(body)
    if status != HTTPStatus.FORBIDDEN or not RBAC_REFUSAL.search(words):
        return None
    commands = role_commands("djangotasks-queues", namespace, RIGHTS, words)
    return e.PermissionDenied(
        f"{words}. The chart djangotasks-web-app grants it with admin.queues=true. Or without the chart: {commands}."
    )
