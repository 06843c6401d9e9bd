"""Requests to the API server and reports of pods are counted by what became of them: on loopback, with real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, cast

import aiohttp
import kopf
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from djangotasks_api.outcome import InvalidReport, Outcome
from djangotasks_operator.api import LOG_BYTES, PODS, TASKS, Api, ApiError
from djangotasks_operator.endpoint import reports_app
from djangotasks_operator.metrics import Metrics
from djangotasks_operator.reports import Reports, Stale
from djangotasks_operator.tokens import sign
from tests.support.builders import NOW, UID, at

SUCCESS = Outcome(started_at=at(1).isoformat(), finished_at=at(3).isoformat(), result="3")


def run_served(app: web.Application, story: Callable[[str], Coroutine[Any, Any, None]]) -> None:
    async def work() -> None:
        async with TestServer(app) as server:
            await story(str(server.make_url("")).rstrip("/"))

    asyncio.run(work())


def test_requests_are_counted_by_verb_resource_and_code() -> None:
    answers = iter([(200, {}), (404, {"reason": "NotFound"}), (429, {}), (201, {}), (409, {"reason": "Conflict"})])
    metrics = Metrics()

    async def answer(_: web.Request) -> web.Response:
        status, body = next(answers)
        return web.json_response(body, status=status, headers={"Retry-After": "0"})

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url), metrics.api_request) as api:
            await api.get(PODS, "shop", "a")
            with pytest.raises(ApiError):
                await api.get(PODS, "shop", "a")
            await api.create(PODS, "shop", {})
            with pytest.raises(ApiError):
                await api.patch_status(TASKS, "shop", "a", "1", {})
        async with Api(lambda: kopf.ConnectionInfo(server="http://127.0.0.1:1"), metrics.api_request) as api:
            with pytest.raises(OSError, match="Cannot connect"):
                await api.delete(PODS, "shop", "a", "uid")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    run_served(app, story)
    counted = dict(by_labels(metrics, "djangotasks_api_requests"))
    assert counted == {
        ("get", "pods", "200"): 1,
        ("get", "pods", "404"): 1,
        ("create", "pods", "429"): 1,
        ("create", "pods", "201"): 1,
        ("patch", "djangotasks/status", "409"): 1,
        ("delete", "pods", "error"): 1,
    }


LONG = b"x" * LOG_BYTES


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"one\ntwo\n", b"one\ntwo\n"),
        (200, b"first" + LONG, LONG),
        (200, b"", b""),
        (200, b"unable to retrieve container logs for containerd://76", 404),
        (200, b"unable to retrieve container logs for containerd://76\n", "as it is"),
        (400, b'{"reason": "BadRequest", "message": "waiting to start"}', 400),
        (500, b"dial tcp: i/o timeout", 500),
    ],
    ids=["lines", "long", "empty", "removed", "a task that says so", "waiting", "the node is away"],
)
def test_the_end_of_a_log(status: int, body: bytes, expected: bytes | int | str) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(str(request.rel_url))
        return web.Response(body=body, status=status, content_type="text/plain")

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url), lambda *_: None) as api:
            if isinstance(expected, int):
                with pytest.raises(ApiError) as error:
                    await api.log_end("shop", "a-1", "task")
                assert error.value.status == expected
            else:
                assert await api.log_end("shop", "a-1", "task") == (body if expected == "as it is" else expected)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    run_served(app, story)
    assert asked == ["/api/v1/namespaces/shop/pods/a-1/log?container=task&tailLines=500"]


def test_a_rehearsal_asks_for_a_dry_run() -> None:
    asked: list[str] = []
    metrics = Metrics()

    async def answer(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path_qs}")
        return web.json_response({})

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url), metrics.api_request) as api:
            await api.create(PODS, "shop", {}, dry_run=True)
            await api.create(PODS, "shop", {})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    run_served(app, story)
    path = "POST /api/v1/namespaces/shop/pods"
    assert asked == [f"{path}?dryRun=All", path]
    assert dict(by_labels(metrics, "djangotasks_api_requests")) == {
        ("rehearse", "pods", "200"): 1,
        ("create", "pods", "200"): 1,
    }


def test_an_error_that_is_logged_quotes_no_value() -> None:
    cause = {"field": "status.message", "reason": "FieldValueTooLong", "message": "Too long: 4242"}
    body = {"reason": "Invalid", "message": 'status.message: Invalid value: "4242"', "details": {"causes": [cause]}}
    error = ApiError(422, body)
    assert str(error) == "422 Invalid: status.message (FieldValueTooLong)"
    assert "4242" in error.message, "for the task's own status"
    assert str(ApiError(422, {})) == "422 : "
    assert str(ApiError(403, {"reason": "Forbidden", "message": "no right"})) == "403 Forbidden: no right"


def by_labels(metrics: Metrics, name: str) -> Iterator[tuple[tuple[str, ...], float]]:
    families: list[Metric] = list(text_string_to_metric_families(metrics.text().decode()))
    for sample in (sample for family in families if family.name == name for sample in family.samples):
        order = ("verb", "resource", "kind", "code")
        yield tuple(sample.labels[label] for label in order if label in sample.labels), sample.value


class FakeReports:
    """Takes reports, or says what it was made to say."""

    error: Exception | None = None

    def started(self, *_: object) -> None:
        pass

    async def outcome(self, *_: object) -> None:
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        ("started", None, 202),
        ("outcome", None, 200),
        ("outcome", Stale("ended"), 409),
        ("outcome", InvalidReport("no"), 400),
        ("outcome", ApiError(500, {}), 503),
        ("outcome", "a wrong token", 403),
    ],
)
def test_reports_are_counted_by_answer(kind: str, error: Exception | str | None, code: int) -> None:
    metrics, reports, key = Metrics(), FakeReports(), b"key"
    if isinstance(error, Exception):
        reports.error = error
    token = "wrong" if isinstance(error, str) else sign(key, "shop", UID, 1)
    text = SUCCESS.to_json() if kind == "outcome" else f'{{"startedAt":"{NOW.isoformat()}"}}'

    async def story(url: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.post(f"{url}/v1/attempts/shop/a/{UID}/1/{kind}", data=text) as response:
                assert response.status == code
            async with session.post(f"{url}/v1/elsewhere", data=text) as response:
                assert response.status == 404

    run_served(reports_app(cast(Reports, reports), [key], metrics.report), story)
    assert dict(by_labels(metrics, "djangotasks_reports")) == {(kind, str(code)): 1}
