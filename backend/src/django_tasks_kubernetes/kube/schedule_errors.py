"""Errors of the API server that are about schedules, each with what to do about it. Pure."""

from http import HTTPStatus
from typing import Final

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.kube.errors import RBAC_REFUSAL, message_of, status_of
from django_tasks_kubernetes.kube.rights import role_commands
from djangotasks_api.names import GROUP, SCHEDULE_PLURAL

RIGHTS: Final = f"--verb=get,list,create,patch,delete --resource={SCHEDULE_PLURAL}.{GROUP}"


def schedule_error(status: int, body: bytes, namespace: str) -> e.KubernetesBackendError | None:
    """None for an error that tasks would meet as well."""
    details, words = status_of(body).get("details") or {}, message_of(body)
    match status:
        case HTTPStatus.NOT_FOUND if details.get("kind") == SCHEDULE_PLURAL and (name := details.get("name")):
            return e.ScheduleDoesNotExist(f"There is no schedule {name!r} in namespace {namespace}.")
        case HTTPStatus.NOT_FOUND if details.get("kind") != "namespaces":
            return e.CrdNotInstalled(
                f"The cluster does not know {SCHEDULE_PLURAL}.{GROUP} ({words}). Install the "
                "CustomResourceDefinitions: kubectl apply -f crds/, or the Helm chart djangotasks."
            )
        case HTTPStatus.FORBIDDEN if RBAC_REFUSAL.search(words):
            commands = role_commands("djangotasks-schedules", namespace, RIGHTS, words)
            return e.PermissionDenied(
                f"{words}. The chart djangotasks-web-app grants it to the Job that syncs schedules at each deploy. Or "
                f"without the chart: {commands}."
            )
        case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY | HTTPStatus.CONFLICT:
            if "strict decoding error" in words:
                return None
            return e.ScheduleRefused(f"The API server refused the schedule ({status}): {words}")
        case _:
            return None
