"""Exceptions for what the operator answers a task's pod, each with what to do about it. Pure."""

from http import HTTPStatus
from typing import Final

from django.tasks.exceptions import TaskException

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.kube.errors import RBAC_REFUSAL, message_of, reason_of
from django_tasks_kubernetes.kube.errors import error_from as api_error_from
from djangotasks_api.names import TASK_PLURAL, WORKFLOW_PLURAL
from djangotasks_api.refusals import Refusal

NO_CREDENTIALS: Final = (
    "This is a task's pod. The operator enqueues, reads and cancels tasks and workflows for it, and nothing else. For "
    "all else, give the queue of the task a template with automountServiceAccountToken: true and a "
    "serviceAccountName. See docs/how-to/tasks-that-enqueue-tasks.md."
)


def another_namespace(wanted: str, own: str) -> str:
    return (
        f"This is a task's pod in the namespace {own!r}, and OPTIONS['NAMESPACE'] is {wanted!r}. The operator enqueues "
        "in the pod's own namespace alone. Leave the option out; or give the queue of the task a template with "
        "automountServiceAccountToken: true and a serviceAccountName that may enqueue there."
    )


def error_from(status: int, body: bytes, *, server: str, namespace: str, plural: str) -> TaskException:
    """Makes the exception for an error response, which is the operator's own, or the API server's, passed on."""
    words, reason = message_of(body), reason_of(body)
    match status:
        case HTTPStatus.FORBIDDEN if reason in (Refusal.ATTEMPT_ENDED, Refusal.TASK_ACCESS):
            return e.PermissionDenied(words)
        case _ if reason in (Refusal.QUEUE_NOT_FOUND, Refusal.INVALID):
            return e.TaskRefused(words)
        case HTTPStatus.FORBIDDEN if RBAC_REFUSAL.search(words):
            return e.PermissionDenied(
                f"The operator lacks a permission: {words}. Upgrade its Helm chart, djangotasks, whose Role lets it "
                f"create and patch {TASK_PLURAL} and {WORKFLOW_PLURAL}."
            )
        case HTTPStatus.UNAUTHORIZED:
            return e.NotAuthenticated(
                f"The operator at {server} does not accept the token of this attempt (401 {words}). Its key has been "
                "replaced since the pod started: see 'The key' in the README of the chart djangotasks."
            )
        case HTTPStatus.NOT_FOUND if reason is None:
            return e.ApiUnavailable(
                f"The operator at {server} does not take this from pods ({status} {words}): it is older than this "
                "backend. Upgrade it; until then, OPTIONS['ENQUEUE'] = 'outbox' enqueues in tasks too."
            )
        case _ if status in (HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)) or reason is None:
            return unavailable(server, words_of(status, body))
        case _:
            asked = f"(asked by the operator at {server})"
            return api_error_from(status, body, server=asked, namespace=namespace, plural=plural)


def words_of(status: int, body: bytes) -> str:
    return f"{status} {message_of(body)}"


def unavailable(server: str, problem: str, seconds: float | None = None) -> e.ApiUnavailable:
    """`seconds`: for how long it was asked."""
    waited = "" if seconds is None else f" in {seconds:g} s (OPTIONS['OPERATOR_TIMEOUT'])"
    return e.ApiUnavailable(
        f"The operator at {server} did not do what this task's pod asked for{waited}: {problem}. Look at its pods: "
        "kubectl get pods -A -l app.kubernetes.io/name=djangotasks."
    )
