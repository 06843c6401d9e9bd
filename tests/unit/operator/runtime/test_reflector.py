"""A copy of the API server's pods, by list and watch: on loopback, with real HTTP, from a server that a test scripts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import kopf
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from djangotasks_operator.cache.kinds import JOB_SOURCE, POD_SOURCE, TASK_SOURCE
from djangotasks_operator.cache.reflectors import Reflectors
from djangotasks_operator.cache.store import Store
from djangotasks_operator.runtime import reflector as module
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.decoding import ObjectList
from djangotasks_operator.runtime.reflector import Reflector
from djangotasks_operator.runtime.watch_monitor import WatchMonitor

GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}


def pod(name: str, version: int, namespace: str = "shop", **metadata: Any) -> dict[str, Any]:
    labels = {"djangotasks.dev/task": name, "djangotasks.dev/task-uid": f"task-{name}", "djangotasks.dev/attempt": "1"}
    fixed = {"name": f"{name}-1", "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {"metadata": fixed | {"labels": labels, "creationTimestamp": "2026-01-01T00:00:00Z"} | metadata}


def event(type_: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"type": type_, "object": body}


def version_of(body: dict[str, Any]) -> int:
    """0 where it has none."""
    metadata = body["metadata"]
    return int(metadata.get("resourceVersion", 0)) if isinstance(metadata, dict) else 0


class Server:
    """Each list is answered by the next of `lists`, and one of metadata by the metadata of what comes next. Each watch is
    answered by the next of `watches`: its events, or an HTTP status. When there are no more, the last one stays open."""

    def __init__(self, lists: list[list[dict[str, Any]]], watches: list[list[dict[str, Any]] | int]) -> None:
        self.lists, self.watches = lists, watches
        self.asked: list[str] = []
        self.done = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            whole = request.headers["Accept"] == "application/json"
            self.asked.append("list" if whole else "list metadata")
            items = self.lists[0]
            version = max(map(version_of, items), default=1)
            if whole:
                self.lists.pop(0)
            else:
                items = [{"metadata": body["metadata"]} for body in items]
            return web.json_response({"items": items, "metadata": {"resourceVersion": str(version)}})
        self.asked.append(f"watch from {request.query['resourceVersion']}")
        if not self.watches:
            self.done.set()
            await asyncio.sleep(60)
        events = self.watches.pop(0)
        if isinstance(events, int):
            return web.json_response({"kind": "Status"}, status=events)
        response = web.StreamResponse()
        await response.prepare(request)
        for line in events:
            await response.write(json.dumps(line).encode() + b"\n")
        return response


def follow(server: Callable[[], Server], *namespaces: str, kind: Any = POD_SOURCE) -> tuple[Server, Store]:
    """Lets a mirror list and watch until the server has nothing more to tell."""
    store = Store()

    async def work() -> Server:
        script = server()
        app = web.Application()
        app.router.add_get("/{path:.*}", script.answer)
        async with TestServer(app) as served:
            url = str(served.make_url("")).rstrip("/")
            async with Api(lambda: kopf.ConnectionInfo(server=url)) as api:
                reflector = Reflector(api, store, kind, namespaces[0] if namespaces else None, WatchMonitor())
                await reflector.list()
                watching = asyncio.create_task(reflector.watch())
                async with asyncio.timeout(30):
                    await script.done.wait()
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
        return script

    return asyncio.run(work()), store


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_BACKOFF", 0.01)
    monkeypatch.setattr(module, "LAST_BACKOFF", 0.02)


def names(store: Store) -> dict[str, str]:
    return {pod.task: pod.resource_version for pod in store.pods()}


def test_a_watch_goes_on_where_the_list_ended() -> None:
    tells = [event("ADDED", pod("b", 3)), event("MODIFIED", pod("a", 4)), event("DELETED", pod("b", 5))]
    server, store = follow(lambda: Server([[pod("a", 2)]], [tells]))
    assert server.asked == ["list", "watch from 2", "watch from 5"]
    assert names(store) == {"a": "4"}


def test_a_bookmark_moves_the_watch_on() -> None:
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}}
    server, store = follow(lambda: Server([[pod("a", 2)]], [[bookmark]]))
    assert server.asked[-1] == "watch from 9"
    assert names(store) == {"a": "2"}


def test_after_a_watch_that_expired_nothing_is_left_of_what_is_gone() -> None:
    server, store = follow(lambda: Server([[pod("a", 2), pod("b", 3)], [pod("b", 3), pod("c", 8)]], [[GONE]]))
    assert server.asked == ["list", "watch from 3", "list metadata", "list", "watch from 8"]
    assert names(store) == {"b": "3", "c": "8"}


def test_what_is_gone_is_forgotten_by_its_metadata() -> None:
    server, store = follow(lambda: Server([[pod("a", 2), pod("b", 3)], [pod("b", 3)]], [[GONE]]))
    assert server.asked == ["list", "watch from 3", "list metadata", "watch from 3"]
    assert names(store) == {"b": "3"}


@pytest.mark.thorough
@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_watch_that_is_refused_is_asked_for_again(status: int) -> None:
    """With no list: a 401 is answered by another login at once."""
    server, store = follow(lambda: Server([[pod("a", 2)]], [status, status, [event("ADDED", pod("b", 3))]]))
    assert server.asked == ["list", *3 * ["watch from 2"], "watch from 3"]
    assert set(names(store)) == {"a", "b"}


@pytest.mark.thorough
def test_an_event_may_be_longer_than_any_buffer() -> None:
    result = "x" * 2**20
    body = {
        "metadata": {"name": "a", "namespace": "shop", "uid": "u", "resourceVersion": "3"},
        "spec": {"task": "shop.tasks.a"},
        "status": {"phase": "Succeeded", "result": result},
    }
    _, store = follow(lambda: Server([[]], [[event("ADDED", body)]]), kind=TASK_SOURCE)
    assert [task.status.phase for task in store.tasks()] == ["Succeeded"]


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [POD_SOURCE, JOB_SOURCE, TASK_SOURCE])
def test_a_cached_version_is_not_parsed_again(kind: Any) -> None:
    parsed = []

    def parse(body: dict[str, Any]) -> Any:
        parsed.append((body["metadata"]["uid"], body["metadata"]["resourceVersion"]))
        return kind.parse(body)

    def body(version: int, **metadata: Any) -> dict[str, Any]:
        return {"spec": {"task": "shop.tasks.a", "template": {}}} | pod("a", version, **metadata)

    tells = [
        event("ADDED", body(2)),
        event("MODIFIED", body(3)),
        event("MODIFIED", body(3)),
        event("MODIFIED", body(2)),
    ]
    again = [event("ADDED", body(9, uid="another")), event("DELETED", body(9, uid="another"))]
    server, store = follow(
        lambda: Server([[body(2)], [body(3)]], [tells, [GONE], again]), kind=replace(kind, parse=parse)
    )
    assert (server.asked.count("list"), server.asked.count("list metadata")) == (1, 1)
    assert parsed == [("uid-a", "2"), ("uid-a", "3"), ("another", "9"), ("another", "9")]
    assert kind.known(store) == []


def test_a_list_of_one_namespace_forgets_nothing_of_another() -> None:
    _, store = follow(lambda: Server([[pod("a", 2, "shop")], [pod("c", 4, "shop")]], [[GONE]]), "shop")
    assert set(names(store)) == {"c"}
    store = Store()
    POD_SOURCE.apply_event(store, event("ADDED", pod("b", 1, "other")))

    class Nothing:
        async def list(self, *_: object) -> Any:
            yield ObjectList([], "1")

    asyncio.run(Reflectors(Nothing(), store, WatchMonitor(), ("shop",)).list())  # type: ignore[arg-type]
    assert set(names(store)) == {"b"}


def deep(name: str, version: int) -> str:
    """A task that no process can hold."""
    body = json.dumps(task(name, version))
    return body[:-1] + ',"x":' + "[" * 40_000 + "]" * 40_000 + "}"


def task(name: str, version: int, **metadata: Any) -> dict[str, Any]:
    fixed = {"name": name, "namespace": "shop", "uid": f"uid-of-{name}", "resourceVersion": str(version)}
    return {"metadata": fixed | metadata, "spec": {"task": "shop.tasks.a"}}


ODD = {
    "managed fields of a text": task("odd", 3, managedFields=[{"manager": 1, "fieldsV1": {"f:spec": "f:cancel"}}]),
    "managed fields of null": task("odd", 3, managedFields=None),
    "managed fields of texts": task("odd", 3, managedFields=["f:cancel"]),
    "a version of none": task("odd", 3) | {"metadata": {"name": "odd", "namespace": "shop", "uid": "o"}},
    "no spec": {"metadata": task("odd", 3)["metadata"]},
    "a status of null": task("odd", 3) | {"status": None},
    "metadata of a text": task("odd", 3) | {"metadata": "x"},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_odd_object_keeps_no_other_from_the_cache(odd: dict[str, Any]) -> None:
    """In a list and in a watch: the well-behaved neighbours before and after it are taken over."""
    tells = [event("ADDED", odd), event("ADDED", task("later", 9))]
    server, store = follow(lambda: Server([[task("before", 1), odd, task("after", 4)]], [tells]), kind=TASK_SOURCE)
    assert {"before", "after", "later"} <= {task.metadata.name for task in store.tasks()}
    assert server.asked.count("list") == 1, "the watch goes on"


def test_an_event_that_cannot_be_read_ends_no_watch() -> None:
    class Deep(Server):
        async def answer(self, request: web.Request) -> web.StreamResponse:
            if "watch" not in request.query or len(self.asked) > 1:
                return await super().answer(request)
            self.asked.append("watch")
            response = web.StreamResponse()
            await response.prepare(request)
            for body in (deep("deep", 3), json.dumps(task("well", 4))):
                await response.write(f'{{"type":"ADDED","object":{body}}}\n'.encode())
            return response

    server, store = follow(lambda: Deep([[task("a", 2)]], []), kind=TASK_SOURCE)
    assert server.asked == ["list", "watch", "watch from 4"]
    assert {task.metadata.name for task in store.tasks()} == {"a", "well"}
