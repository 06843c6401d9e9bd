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

from djangotasks_api.outcome import Outcome
from djangotasks_api.report_fields import InvalidReport
from djangotasks_operator.cache.kinds import TASKS
from djangotasks_operator.pods.tokens import sign
from djangotasks_operator.reports.authentication import Authentication
from djangotasks_operator.reports.endpoint import reports_app
from djangotasks_operator.reports.input_requests import InputRequests
from djangotasks_operator.reports.recorder import ReportRecorder, Stale
from djangotasks_operator.reports.task_requests import TaskRequests
from djangotasks_operator.runtime import client, leader_election, transport
from djangotasks_operator.runtime.client import LOG_BYTES, Api
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.leader_election import LeaseElection
from djangotasks_operator.runtime.resources import PODS
from djangotasks_operator.telemetry.metrics import Metrics
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
        (400, b'{"reason": "BadRequest", "message": "waiting to start"}', 400),
        (500, b"dial tcp: i/o timeout", 500),
    ],
    ids=["lines", "long", "empty", "waiting", "the node is away"],
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
                assert await api.log_end("shop", "a-1", "task") == expected

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    run_served(app, story)
    assert asked == ["/api/v1/namespaces/shop/pods/a-1/log?container=task&tailLines=500"]


def test_events_about_an_object_are_few() -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": [{"reason": "FailedMount"}]})

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url), lambda *_: None) as api:
            assert await api.events_about("shop", "uid-1") == ({"reason": "FailedMount"},)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    run_served(app, story)
    assert asked == ["/api/v1/namespaces/shop/events?fieldSelector=involvedObject.uid%3Duid-1&limit=20"]


def test_a_dry_run_create_is_stored_nowhere() -> None:
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
        ("dry_run", "pods", "200"): 1,
        ("create", "pods", "200"): 1,
    }


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

    run_served(
        reports_app(
            cast(ReportRecorder, reports),
            cast(TaskRequests, None),
            cast(InputRequests, None),
            Authentication([key], lambda task: None),
            metrics.report,
        ),
        story,
    )
    assert dict(by_labels(metrics, "djangotasks_reports")) == {(kind, str(code)): 1}


def test_a_list_asks_for_small_pages_and_waits_as_long_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of large results takes longer than other answers may."""
    for module in (client, transport):
        monkeypatch.setattr(module, "REQUEST_TIMEOUT", 0.5)
    limits, took = [], [0.0]

    async def answer(request: web.Request) -> web.StreamResponse:
        limits.append(int(request.query["limit"]))
        began = asyncio.get_running_loop().time()
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"metadata":{"resourceVersion":"9","continue":')
        if len(limits) == 1:
            for _ in range(3):
                await response.write(b" ")
                await asyncio.sleep(0.2)
            took[0] = asyncio.get_running_loop().time() - began
        await response.write(b'"next"' if len(limits) == 1 else b'""')
        await response.write(b'},"items":[{"metadata":{"name":"a"}}]}')
        return response

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url)) as api:
            names = [body["metadata"]["name"] async for page in api.list(TASKS, None) for body in page.objects]
            assert names == ["a", "a"]

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    run_served(app, story)
    assert limits == [client.PAGE_SIZE] * 2
    assert client.PAGE_SIZE * 1.5 <= 100, "in MiB, of objects as large as etcd takes"
    assert took[0] > transport.REQUEST_TIMEOUT


@pytest.mark.parametrize("trouble", ["throttled", "slow"])
def test_the_lease_is_renewed_whatever_becomes_of_other_writes(monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    monkeypatch.setattr(leader_election, "RETRY_SECONDS", 0.2)
    renewed, twice = 0, asyncio.Event()
    written, all_written = 0, asyncio.Event()

    async def lease(request: web.Request) -> web.Response:
        nonlocal renewed
        renewed += 1
        if renewed == 2:
            twice.set()
        return web.json_response(
            {"metadata": {"resourceVersion": str(renewed)}, "spec": (await request.json())["spec"]}
        )

    async def pods(_: web.Request) -> web.Response:
        nonlocal written
        written += 1
        if written == client.WRITES_IN_FLIGHT:
            all_written.set()
        if trouble == "slow":
            await asyncio.sleep(60)
        return web.json_response({"reason": "TooManyRequests"}, status=429, headers={"Retry-After": "5"})

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url)) as api:
            writers = [asyncio.create_task(api.create(PODS, "shop", {})) for _ in range(2 * client.WRITES_IN_FLIGHT)]
            async with asyncio.timeout(10):
                await all_written.wait()
            election = asyncio.create_task(LeaseElection(api.ahead_of_others(), ("shop", "lease"), "me").run())
            async with asyncio.timeout(10):
                await twice.wait()
            for task in (*writers, election):
                task.cancel()
            await asyncio.gather(*writers, election, return_exceptions=True)

    app = web.Application()
    app.router.add_get("/apis/coordination.k8s.io/{path:.*}", _not_found)
    app.router.add_route("*", "/apis/coordination.k8s.io/{path:.*}", lease)
    app.router.add_route("*", "/{path:.*}", pods)
    run_served(app, story)


async def _not_found(_: web.Request) -> web.Response:
    return web.json_response({"reason": "NotFound"}, status=404)


def test_a_lease_that_is_throttled_is_not_waited_for() -> None:
    """The election's own next round is sooner."""
    asked = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.json_response({}, status=429, headers={"Retry-After": "60"})

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url)) as api, asyncio.timeout(5):
            with pytest.raises(ApiError):
                await api.ahead_of_others().create(PODS, "shop", {})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    run_served(app, story)
    assert asked == 1
