"""Exceptions for errors of the API server, each with what to do about it. Pure."""

import html
import json
import re
from http import HTTPStatus
from typing import Any

from django.tasks.exceptions import TaskException, TaskResultDoesNotExist

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.kube.rights import role_commands, service_account
from djangotasks_api.names import GROUP, TASK_PLURAL, WORKFLOW_PLURAL

# Longer answers are cut: the CRD's messages repeat the value they complain about.
MESSAGE_MAX_CHARS = 2000
# Of a web page, which is a proxy's.
PAGE_READ_BYTES, PAGE_MAX_CHARS = 16 * 1024, 200
PAGE_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
MARKUP = re.compile(r"<[^>]*>")
DELETION = re.compile(rf'\bcannot delete resource "{TASK_PLURAL}"')
# The words of the authorizer. Admission policies and quotas refuse with the same code, and their own words.
RBAC_REFUSAL = re.compile(r'\bUser "[^"]*" cannot \w+ resource\b')


def error_from(
    status: int, body: bytes, *, server: str, namespace: str, plural: str, proxy: str | None = None
) -> TaskException:
    """Makes the exception for an error response.

    `body`: a Status (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/), or, from a
    server that does not know the resource at all, plain text. `plural`: of the kind that the request was about.
    `proxy`: host and port of the one that it went through.
    """
    if (page := _page(body)) is not None:
        return _not_the_server(f"with a web page ({status})", page, server=server, proxy=proxy)
    answer, words = status_of(body), message_of(body)
    details = answer.get("details") or {}
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return e.NotAuthenticated(
                f"The API server at {server} does not accept the credentials (401 {words}). "
                "Check the pod's service account, or log in again: kubectl auth whoami."
            )
        case HTTPStatus.FORBIDDEN if RBAC_REFUSAL.search(words):
            return e.PermissionDenied(f"{words}. {_granting(words, namespace)}")
        case HTTPStatus.NOT_FOUND if details.get("kind") == "namespaces":
            return e.NamespaceNotFound(
                f"The namespace {namespace!r} does not exist. Create it, or set OPTIONS['NAMESPACE'] to the one "
                "that the tasks shall run in."
            )
        case HTTPStatus.NOT_FOUND if details.get("kind") in (TASK_PLURAL, WORKFLOW_PLURAL) and details.get("name"):
            return TaskResultDoesNotExist(details["name"])
        case HTTPStatus.NOT_FOUND:
            return e.CrdNotInstalled(
                f"The cluster at {server} does not know {plural}.{GROUP} ({words}). Install the "
                "CustomResourceDefinitions: kubectl apply -f crds/, or the Helm chart djangotasks."
            )
        case HTTPStatus.BAD_REQUEST if "strict decoding error" in words:
            return e.TaskRefused(
                f"The cluster's CustomResourceDefinition is older than this backend: {words}. "
                "Update it: kubectl apply -f crds/."
            )
        case _ if status < HTTPStatus.BAD_REQUEST:
            text = words[:PAGE_MAX_CHARS]
            return _not_the_server(f"with what is not JSON ({status})", text, server=server, proxy=proxy)
        case _ if status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.TOO_MANY_REQUESTS:
            return e.TaskRefused(f"The API server refused the task ({status}): {words}")
        case _:
            return e.ApiUnavailable(
                f"The API server at {server} is not able to answer ({status}): {words}. It was asked again as often "
                "as OPTIONS['RETRIES'] says; look at its health: kubectl get --raw /readyz?verbose."
            )


def _granting(refusal: str, namespace: str) -> str:
    """What makes a web app's account one that may enqueue; or delete, which pages of the admin can do."""
    if DELETION.search(refusal):
        rights = f"--verb=delete --resource={TASK_PLURAL}.{GROUP}"
        commands = role_commands("djangotasks-delete", namespace, rights, refusal)
        return f"Set admin.delete: true of the chart djangotasks-web-app. Or without the chart: {commands}."
    rights = f"--verb=create,get,list,watch,patch --resource={TASK_PLURAL}.{GROUP},{WORKFLOW_PLURAL}.{GROUP}"
    commands = role_commands("djangotasks-enqueue", namespace, rights, refusal)
    account = service_account(refusal)
    # The chart's Role is for accounts of its own namespace.
    if account is None or account[0] != namespace:
        return f"Grant it the Role: {commands}."
    chart = f"the chart djangotasks-web-app, with serviceAccounts: [{account[1]}]"
    return f"Install {chart}. Or without the chart: {commands}."


def message_of(body: bytes) -> str:
    """The server's words in a refusal."""
    return _cut(str(status_of(body).get("message") or body.decode(errors="replace").strip()))


def reason_of(body: bytes) -> str | None:
    """The word for it in a Status; None where the body is none."""
    return status_of(body).get("reason")


def unavailable(error: Exception, *, server: str, proxy: str | None = None) -> e.ApiUnavailable:
    """For a request that got no answer. A creation may have happened all the same."""
    cause = _cut(str(getattr(error, "reason", None) or error))
    if proxy is not None:
        return e.ApiUnavailable(f"The API server at {server} gave no answer: {cause}. {_way_around(proxy)}")
    return e.ApiUnavailable(
        f"The API server at {server} gave no answer: {cause}. Check the address and the network: "
        "kubectl get --raw /readyz."
    )


def _not_the_server(what: str, text: str, *, server: str, proxy: str | None) -> e.ApiUnavailable:
    """For an answer that no API server sends."""
    answer = f"Not the API server at {server} answered, but something before it, {what}{text and ': '}{text}."
    if proxy is not None:
        return e.ApiUnavailable(f"{answer} {_way_around(proxy)}")
    return e.ApiUnavailable(f"{answer} Look for a proxy or a load balancer between here and there.")


def _way_around(proxy: str) -> str:
    return (
        f"The request went through the proxy {proxy}, as $HTTPS_PROXY or the kubeconfig's proxy-url says. If the API "
        "server is to be reached without it, add its host to $NO_PROXY."
    )


def _page(body: bytes) -> str | None:
    """What a web page says, in short; None where the body is none."""
    start = body[:PAGE_READ_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith(b"<"):
        return None
    title = PAGE_TITLE.search(start)
    text = html.unescape(MARKUP.sub(" ", (title[1] if title else start).decode(errors="replace")))
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:PAGE_MAX_CHARS]


def status_of(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _cut(text: str) -> str:
    return text if len(text) <= MESSAGE_MAX_CHARS else text[:MESSAGE_MAX_CHARS] + "…"
