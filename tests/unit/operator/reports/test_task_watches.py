"""Lists and watches that a pod asks for: passed on as the API server sends them, and no further than the attempt may see."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web

from djangotasks_api.refusals import Refusal
from djangotasks_operator.reports import tasks_endpoint
from djangotasks_operator.runtime.transport import METADATA
from tests.unit.operator.reports.task_calls import DEADLINE, PATH, WATCH, Pod, Tasks, authorization, served


def test_a_list_is_that_of_the_attempt() -> None:
    tasks = Tasks()
    query = {"limit": "9999999", "fieldSelector": "spec.queue=mail", "labelSelector": "x", "continue": "c"}
    served(lambda pod: pod.ask("GET", query=query), tasks)
    params = {"limit": "500", "continue": "c", "fieldSelector": "spec.queue=mail+own"}
    assert tasks.asked == [("list", "shop", params, "application/json")]


@pytest.mark.parametrize(("accept", "sent"), [(METADATA, METADATA), ("application/yaml", "application/json")])
def test_a_list_of_metadata(accept: str, sent: str) -> None:
    tasks = Tasks()
    served(lambda pod: pod.ask("GET", headers=authorization() | {"Accept": accept}), tasks)
    assert tasks.asked[0][3] == sent


def test_a_watch_is_short_and_that_of_the_attempt() -> None:
    tasks = Tasks()
    served(lambda pod: pod.ask("GET", query=WATCH | {"timeoutSeconds": "3600"}), tasks)
    ((verb, _, params, _),) = tasks.asked
    assert (verb, params["resourceVersion"], params["fieldSelector"]) == ("watch", "5", "+own")
    assert params["timeoutSeconds"] == str(tasks_endpoint.WATCH_SECONDS)


@pytest.mark.parametrize(("queue", "warning"), [("mail", '299 - "beware"'), ("other", None)])
def test_who_begins_to_wait_is_warned(queue: str, warning: str | None) -> None:
    async def story(pod: Pod) -> str | None:
        query = WATCH | {"fieldSelector": f"spec.queue={queue}"}
        async with pod._session.get(pod._url + PATH, params=query, headers=authorization()) as response:
            return response.headers.get("Warning")

    assert served(story) == warning


@pytest.mark.parametrize("version", ["", "x", "5&watch=false"])
def test_a_watch_begins_somewhere(version: str) -> None:
    tasks = Tasks()
    status, answer = served(lambda pod: pod.ask("GET", query=WATCH | {"resourceVersion": version}), tasks)
    assert (status, answer["reason"], tasks.asked) == (422, Refusal.INVALID, [])


def test_an_error_of_the_api_server_is_passed_on() -> None:
    tasks = Tasks()

    async def gone(request: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "Status", "code": 410}, status=410)

    tasks.found = gone
    assert served(lambda pod: pod.ask("GET", query=WATCH), tasks) == (410, {"kind": "Status", "code": 410})


def test_events_come_one_by_one() -> None:
    """Not when the watch ends."""
    tasks, read = Tasks(), asyncio.Event()

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first\n")
        await read.wait()
        await response.write(b"second\n")
        return response

    async def story(pod: Pod) -> list[bytes]:
        async with pod._session.get(pod._url + PATH, params=WATCH, headers=authorization()) as response:
            first = await response.content.readline()
            read.set()
            return [first, await response.content.readline(), await response.content.readline()]

    tasks.found = events
    assert served(story, tasks) == [b"first\n", b"second\n", b""]


def test_what_the_api_server_cuts_does_not_look_like_a_whole() -> None:
    tasks = Tasks()

    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b'{"items":[]')
        assert request.transport is not None
        request.transport.abort()
        return response

    async def story(pod: Pod) -> None:
        with pytest.raises(aiohttp.ClientError):
            await pod.ask("GET")

    tasks.found = cut
    served(story, tasks)


def test_a_pod_that_has_gone_holds_no_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks_endpoint, "LOOK_SECONDS", 0.05)
    tasks, ended = Tasks(), asyncio.Event()

    async def silent(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first\n")
        try:
            await asyncio.sleep(DEADLINE)
        finally:
            ended.set()
        return response

    async def story(pod: Pod) -> None:
        response = await pod._session.get(pod._url + PATH, params=WATCH, headers=authorization())
        await response.content.readline()
        response.close()
        await asyncio.wait_for(ended.wait(), DEADLINE)

    tasks.found = silent
    served(story, tasks)
