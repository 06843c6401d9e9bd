"""Errors that a task's pod is answered: the API server's own words, or to ask again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from djangotasks_operator.reports.statuses import api_error_answer, http_error_answer, status_answer, trouble
from djangotasks_operator.runtime.errors import ApiError


def body(response: web.Response) -> dict[str, Any]:
    assert isinstance(response.body, bytes)
    found: dict[str, Any] = json.loads(response.body)
    return found


def test_an_answer_is_a_status() -> None:
    answer = status_answer(403, "TaskAccess", "no", details={"name": "t1"})
    assert (answer.status, body(answer)) == (
        403,
        {"kind": "Status", "status": "Failure", "code": 403, "reason": "TaskAccess", "message": "no", "details": {"name": "t1"}},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "code", "reason", "details"),
    [
        (ApiError(404, {"reason": "NotFound", "message": "x"}), 404, "NotFound", {"kind": "djangotasks", "name": "t1"}),
        (ApiError(422, {"reason": "Invalid", "message": "x"}), 422, "Invalid", {}),
        (ApiError(403, {"reason": "Forbidden", "message": "exceeded quota"}), 403, "Forbidden", {}),
        # The operator's own troubles are not the pod's.
        (ApiError(401, {"reason": "Unauthorized"}), 503, "ServiceUnavailable", {}),
        (ApiError(429, {"reason": "TooManyRequests"}), 503, "ServiceUnavailable", {}),
        (ApiError(500, {"reason": "InternalError"}), 503, "ServiceUnavailable", {}),
        (OSError(), 503, "ServiceUnavailable", {}),
        (TimeoutError(), 503, "ServiceUnavailable", {}),
    ],
)
def test_what_the_api_server_says_against_a_request_is_passed_on(
    error: Exception, code: int, reason: str, details: dict[str, str]
) -> None:
    answer = api_error_answer(error, "djangotasks", "t1")
    found = body(answer)
    assert (answer.status, found["reason"], found["details"]) == (code, reason, details)
    assert answer.headers.get("Retry-After") == ("1" if code == 503 else None)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ApiError(403, {"reason": "Forbidden", "message": "secret-1"}), "the API server answers the operator with 403 Forbidden"),
        (ApiError(500, {"reason": "InternalError"}), "the API server answers the operator with 500 InternalError"),
        (ApiError(502, {}), "the API server answers the operator with 502"),
        (OSError("10.0.0.1"), "the API server is not available"),
        (TimeoutError(), "the API server is not available"),
    ],
)  # fmt: skip
def test_a_pod_that_is_to_try_again_learns_what_is_wrong(error: Exception, words: str) -> None:
    """It is the last line of its log, and what an Event of its task quotes."""
    assert trouble(error) == words


def test_an_error_of_http_keeps_when_to_ask_again() -> None:
    answer = http_error_answer(web.HTTPTooManyRequests(text="later\n", headers={"Retry-After": "7", "X-Other": "x"}))
    assert (answer.status, body(answer)["message"], answer.headers["Retry-After"]) == (429, "later", "7")
    assert "X-Other" not in answer.headers
