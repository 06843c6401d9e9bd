"""What the API server's refusals mean, and what to do about each. Pure."""

import json
from http import HTTPStatus
from typing import Any

from django.tasks.exceptions import TaskException, TaskResultDoesNotExist

from django_tasks_kubernetes import exceptions as e
from djangotasks_api.names import GROUP, TASK_PLURAL

# Longer answers are cut: the CRD's messages repeat the value they complain about.
MESSAGE_MAX_CHARS = 2000


def error_from(status: int, body: bytes, *, server: str, namespace: str) -> TaskException:
    """The exception for a response that is not the one hoped for.

    `body`: a Status (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/), or, from a
    server that does not know the resource at all, plain text.
    """
    answer, words = _status(body), message_of(body)
    details = answer.get("details") or {}
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return e.NotAuthenticated(
                f"The API server at {server} does not accept the credentials (401 {words}). "
                "Check the pod's service account, or log in again: kubectl auth whoami."
            )
        case HTTPStatus.FORBIDDEN if " cannot " in words and "exceeded quota" not in words:
            return e.PermissionDenied(
                f"{words}. Grant the web app's service account the Role: kubectl create role djangotasks-enqueue "
                f"-n {namespace} --verb=create,get,list,watch,patch --resource={TASK_PLURAL}.{GROUP}, and kubectl "
                f"create rolebinding djangotasks-enqueue -n {namespace} --role=djangotasks-enqueue "
                "--serviceaccount=<namespace>:<service account>."
            )
        case HTTPStatus.NOT_FOUND if details.get("kind") == "namespaces":
            return e.NamespaceNotFound(
                f"The namespace {namespace!r} does not exist. Create it, or set OPTIONS['NAMESPACE'] to the one "
                "that the tasks shall run in."
            )
        case HTTPStatus.NOT_FOUND if details.get("kind") == TASK_PLURAL and details.get("name"):
            return TaskResultDoesNotExist(details["name"])
        case HTTPStatus.NOT_FOUND:
            return e.CrdNotInstalled(
                f"The cluster at {server} does not know {TASK_PLURAL}.{GROUP} ({words}). Install the "
                "CustomResourceDefinitions: kubectl apply -f crds/, or the Helm chart djangotasks."
            )
        case HTTPStatus.BAD_REQUEST if "strict decoding error" in words:
            return e.TaskRefused(
                f"The cluster's CustomResourceDefinition is older than this backend: {words}. "
                "Update it: kubectl apply -f crds/."
            )
        case _ if status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.TOO_MANY_REQUESTS:
            return e.TaskRefused(f"The API server refused the task ({status}): {words}")
        case _:
            return e.ApiUnavailable(
                f"The API server at {server} is not able to answer ({status}): {words}. It was asked again as often "
                "as OPTIONS['RETRIES'] says; look at its health: kubectl get --raw /readyz?verbose."
            )


def message_of(body: bytes) -> str:
    """The server's words in a refusal."""
    return _cut(str(_status(body).get("message") or body.decode(errors="replace").strip()))


def unavailable(error: Exception, *, server: str) -> e.ApiUnavailable:
    """For a request that got no answer. A creation may have happened all the same."""
    cause = getattr(error, "reason", None) or error
    return e.ApiUnavailable(
        f"The API server at {server} gave no answer: {_cut(str(cause))}. Check the address and the network: "
        "kubectl get --raw /readyz."
    )


def _status(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _cut(text: str) -> str:
    return text if len(text) <= MESSAGE_MAX_CHARS else text[:MESSAGE_MAX_CHARS] + "…"
