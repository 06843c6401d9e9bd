"""Errors of the API server that are about holds or schedules, each with what to do about it. Pure."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.kube.errors import RBAC_REFUSAL, message_of, status_of
from django_tasks_kubernetes.kube.rights import role_commands
from djangotasks_api.names import GROUP, HOLD_PLURAL, SCHEDULE_PLURAL


@dataclass(frozen=True, slots=True, kw_only=True)
class KindErrors:
    """Of one kind."""

    plural: str
    role: str
    """The name of the Role that kubectl would create."""
    granted_by: str
    """Which part of the charts grants the rights."""
    missing: type[e.KubernetesBackendError]
    missing_words: str
    """For `str.format`, with `name` and `namespace`."""
    refused: type[e.KubernetesBackendError]
    noun: str
    conflict: str | None = None
    """What a conflict means; None where it is a refusal as others are."""

    def __call__(self, status: int, body: bytes, namespace: str) -> e.KubernetesBackendError | None:
        """None for an error that tasks would meet as well."""
        details, words = status_of(body).get("details") or {}, message_of(body)
        match status:
            case HTTPStatus.NOT_FOUND if details.get("kind") == self.plural and (name := details.get("name")):
                return self.missing(self.missing_words.format(name=name, namespace=namespace))
            case HTTPStatus.NOT_FOUND if details.get("kind") != "namespaces":
                return e.CrdNotInstalled(
                    f"The cluster does not know {self.plural}.{GROUP} ({words}). Install the "
                    "CustomResourceDefinitions: kubectl apply -f crds/, or the Helm chart djangotasks."
                )
            case HTTPStatus.FORBIDDEN if RBAC_REFUSAL.search(words):
                rights = f"--verb=get,list,create,patch,delete --resource={self.plural}.{GROUP}"
                commands = role_commands(self.role, namespace, rights, words)
                return e.PermissionDenied(f"{words}. {self.granted_by} Or without the chart: {commands}.")
            case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY if "strict decoding error" in words:
                return None
            case HTTPStatus.CONFLICT if self.conflict is not None:
                return self.refused(f"{self.conflict}: {words}")
            case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY | HTTPStatus.CONFLICT:
                return self.refused(f"The API server refused the {self.noun} ({status}): {words}")
            case _:
                return None


HOLD_ERRORS: Final = KindErrors(
    plural=HOLD_PLURAL,
    role="djangotasks-holds",
    granted_by="The chart djangotasks-web-app grants it with admin.holds=true.",
    missing=e.HoldDoesNotExist,
    missing_words="The queue {name!r} in namespace {namespace} is not held.",
    refused=e.HoldRefused,
    noun="hold",
    conflict="Somebody else holds the queue, or has changed its hold, just now",
)
SCHEDULE_ERRORS: Final = KindErrors(
    plural=SCHEDULE_PLURAL,
    role="djangotasks-schedules",
    granted_by="The chart djangotasks-web-app grants it to the Job that syncs schedules at each deploy.",
    missing=e.ScheduleDoesNotExist,
    missing_words="There is no schedule {name!r} in namespace {namespace}.",
    refused=e.ScheduleRefused,
    noun="schedule",
)
