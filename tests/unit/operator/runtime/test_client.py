"""Requests to the API server, what they ask for, and how they are counted: on loopback, with real HTTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import kopf
import pytest
from aiohttp import web

from djangotasks_operator.cache.kinds import TASKS
from djangotasks_operator.runtime import client, transport
from djangotasks_operator.runtime.client import LOG_BYTES, WRITES_IN_FLIGHT, Api
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.resources import PODS
from djangotasks_operator.telemetry.metrics import Metrics
from tests.unit.operator.counted import by_labels
from tests.unit.operator.runtime.served import run_served


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


@pytest.mark.parametrize(("grace", "more"), [(None, {}), (timedelta(seconds=30), {"gracePeriodSeconds": 30})])
def test_a_deletion_may_have_a_grace_period_of_its_own(grace: timedelta | None, more: dict[str, int]) -> None:
    async def answer(request: web.Request) -> web.Response:
        preconditions = {"uid": "uid", "resourceVersion": "7"}
        assert await request.json() == {"preconditions": preconditions, "propagationPolicy": "Background"} | more
        return web.json_response({})

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url)) as api:
            await api.delete(PODS, "shop", "a", "uid", "7", grace)

    app = web.Application()
    app.router.add_delete("/{path:.*}", answer)
    run_served(app, story)


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


@pytest.mark.thorough
def test_a_list_asks_for_small_pages_and_waits_as_long_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of large results takes longer than other answers may."""
    for module in (client, transport):
        monkeypatch.setattr(module, "REQUEST_TIMEOUT", 1.0)
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
                await asyncio.sleep(0.4)
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


@pytest.mark.thorough
def test_a_create_waits_for_slow_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (client, transport):
        monkeypatch.setattr(module, "REQUEST_TIMEOUT", 0.5)

    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return web.json_response({})

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url)) as api:
            await api.create(PODS, "shop", {})
            with pytest.raises(TimeoutError):
                await api.patch(PODS, "shop", "a", {})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    run_served(app, story)


def test_what_is_known_of_a_list_comes_without_its_contents() -> None:
    """Page by page: only one that has something new is read as a whole, and in small parts."""
    pages = {"": ["a", "b"], "second": ["c", "new"], "third": ["d"]}
    following = {"": "second", "second": "third", "third": ""}
    asked: list[tuple[str, str, bool]] = []

    async def answer(request: web.Request) -> web.Response:
        token, whole = request.query.get("continue", ""), request.headers["Accept"] == "application/json"
        asked.append((token, request.query["limit"], whole))
        items = [
            {"metadata": {"name": name}} | ({"status": {"result": "large"}} if whole else {}) for name in pages[token]
        ]
        metadata = {"resourceVersion": "9", "continue": following[token]}
        return web.json_response({"metadata": metadata, "items": items})

    listed: list[tuple[str, bool]] = []

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url)) as api:
            async for page in api.list(TASKS, None, "", lambda body: body["metadata"]["name"] != "new"):
                listed.extend((body["metadata"]["name"], "status" in body) for body in page.objects)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    run_served(app, story)
    assert listed == [("a", False), ("b", False), ("c", True), ("new", True), ("d", False)]
    few, many = str(client.PAGE_SIZE), str(client.METADATA_PAGE_SIZE)
    assert asked == [("", many, False), ("second", many, False), ("second", few, True), ("third", many, False)]


def test_metadata_that_is_large_is_not_read_in_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels of a megabyte on each of a few hundred tasks would be more memory than the operator has."""
    monkeypatch.setattr(client, "METADATA_PAGE_BYTES", 10_000)
    asked: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        token = request.query.get("continue", "")
        asked.append((token, request.query["limit"]))
        items = [{"metadata": {"name": token or "first", "labels": {"a": "x" * 20_000}}}]
        return web.json_response(
            {
                "metadata": {"resourceVersion": "9", "continue": "" if token else "second"},
                "items": items,
            }
        )

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url)) as api:
            pages = [page async for page in api.list(TASKS, None, "", lambda _: True)]
            assert [body["metadata"]["name"] for page in pages for body in page.objects] == ["first", "second"]

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    run_served(app, story)
    few, many = str(client.PAGE_SIZE), str(client.METADATA_PAGE_SIZE)
    assert asked == [("", many), ("", few), ("second", few)]
    monkeypatch.undo()
    assert client.METADATA_PAGE_BYTES >= client.METADATA_PAGE_SIZE * 8 * 1024, "that of usual objects is read"


def test_writes_of_a_namespace_that_hang_hold_up_no_others() -> None:
    """As where a webhook of one namespace does not answer, and hundreds of its pods report an outcome."""
    came, all_came = 0, asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        nonlocal came
        if "/namespaces/hanging/" in request.path:
            came += 1
            if came == WRITES_IN_FLIGHT * 15 // 16:
                all_came.set()
            await asyncio.sleep(60)
        return web.json_response({"metadata": {"name": "a"}})

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url)) as api:
            hanging = [asyncio.create_task(api.create(PODS, "hanging", {})) for _ in range(200)]
            async with asyncio.timeout(20):
                await all_came.wait()
                await api.create(PODS, "shop", {})
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    run_served(app, story)
