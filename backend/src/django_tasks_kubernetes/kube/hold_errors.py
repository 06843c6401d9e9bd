"""Errors of the API server that are about holds, each with what to do about it. Pure."""

from http import HTTPStatus
from typing import Final

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.kube.errors import RBAC_REFUSAL, message_of, status_of
from django_tasks_kubernetes.kube.rights import role_commands
from djangotasks_api.names import GROUP, HOLD_PLURAL

RIGHTS: Final = f"--verb=get,list,create,patch,delete --resource={HOLD_PLURAL}.{GROUP}"


def hold_error(status: int, body: bytes, namespace: str) -> e.KubernetesBackendError | None:
    """None for an error that tasks would meet as well."""
    answer, words = status_of(body), message_of(body)
    details = answer.get("details") or {}
    match status:
        case HTTPStatus.NOT_FOUND if details.get("kind") == HOLD_PLURAL and (name := details.get("name")):
            return e.HoldDoesNotExist(f"The queue {name!r} in namespace {namespace} is not held.")
        case HTTPStatus.NOT_FOUND if details.get("kind") != "namespaces":
            return e.CrdNotInstalled(
                f"The cluster does not know {HOLD_PLURAL}.{GROUP} ({words}). Install the CustomResourceDefinitions: "
                "kubectl apply -f crds/, or the Helm chart djangotasks."
            )
        case HTTPStatus.FORBIDDEN if RBAC_REFUSAL.search(words):
            commands = role_commands("djangotasks-holds", namespace, RIGHTS, words)
            return e.PermissionDenied(
                f"{words}. The chart djangotasks-web-app grants it with admin.holds=true. Or without the chart: "
                f"{commands}."
            )
        case HTTPStatus.CONFLICT:
            return e.HoldRefused(f"Somebody else holds the queue, or has changed its hold, just now: {words}")
        case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY:
            if "strict decoding error" in words:
                return None
            return e.HoldRefused(f"The API server refused the hold ({status}): {words}")
        case _:
            return None
