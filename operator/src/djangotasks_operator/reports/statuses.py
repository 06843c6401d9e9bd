"""Answers to a task's pod that are errors, in the API server's form."""

import logging
from collections.abc import Mapping

from aiohttp import web

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.runtime.errors import ApiError

logger = logging.getLogger(__name__)

NONE: Mapping[str, str] = {}
AGAIN = {"Retry-After": "1"}
# Of refusals, those that are not about what was asked for.
PASSING = (401, 404, 429)


def status_answer(
    code: int, reason: str, message: str, headers: Mapping[str, str] = NONE, details: Mapping[str, str] = NONE
) -> web.Response:
    """Answer with a Status: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/"""
    body = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}
    return web.json_response(body | {"details": dict(details)}, status=code, headers=headers)


def http_error_answer(error: web.HTTPException) -> web.Response:
    headers = {name: value for name, value in error.headers.items() if name == "Retry-After"}
    return status_answer(error.status, error.reason, (error.text or "").strip(), headers)


def trouble(error: Exception) -> str:
    """Why the operator cannot do what a pod asks for now. The API server's sentence is in the operator's log alone: it
    may quote other objects."""
    if isinstance(error, ApiError):
        return f"the API server answers the operator with {error.status} {error.reason}".rstrip()
    return "the API server is not available"


def api_error_answer(error: Exception, task: Key, plural: str, name: str | None) -> web.Response:
    """Pass on what the API server says against a request; or say that it is to be sent again. `task`: whose pod asks.
    `plural`, `name`: of what it asked for."""
    if isinstance(error, ApiError) and (error.not_found or (error.status < 500 and error.status not in PASSING)):
        details = {"kind": plural, "name": name} if error.not_found and name is not None else NONE
        return status_answer(error.status, error.reason, error.message, details=details)
    logger.warning("%s: a pod's request could not be done, the pod will send it again: %s", task, error)
    return status_answer(503, "ServiceUnavailable", trouble(error), AGAIN)
