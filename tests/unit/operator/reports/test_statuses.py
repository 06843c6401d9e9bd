"""Errors that a task's pod is answered: the API server's own words, or to ask again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.reports.statuses import api_error_answer, http_error_answer, status_answer, trouble
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.telemetry.log_limit import OBJECT_BURST, LogLimit


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
        (ApiError(404, {"message": "404 page not found"}), 503, "ServiceUnavailable", {}),
        (ApiError(429, {"reason": "TooManyRequests"}), 503, "ServiceUnavailable", {}),
        (ApiError(500, {"reason": "InternalError"}), 503, "ServiceUnavailable", {}),
        (OSError(), 503, "ServiceUnavailable", {}),
        (TimeoutError(), 503, "ServiceUnavailable", {}),
    ],
)
def test_what_the_api_server_says_against_a_request_is_passed_on(
    error: Exception, code: int, reason: str, details: dict[str, str]
) -> None:
    answer = api_error_answer(error, Key("shop", "asks"), "djangotasks", "t1")
    found = body(answer)
    assert (answer.status, found["reason"], found["details"]) == (code, reason, details)
    assert answer.headers.get("Retry-After") == ("1" if code == 503 else None)


def test_the_log_names_the_task_so_that_one_of_another_namespace_is_not_left_out_for_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What repeats is limited by what it is about."""
    limit = LogLimit(lambda: 0.0)
    for _ in range(20):
        api_error_answer(OSError("away"), Key("shop", "loud"), "djangotasks", None)
    api_error_answer(OSError("away"), Key("bank", "quiet"), "djangotasks", None)
    passed = [record.getMessage() for record in caplog.records if limit.filter(record)]
    assert len(passed) == OBJECT_BURST + 1
    assert passed[-1].startswith("bank/quiet: ")


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
