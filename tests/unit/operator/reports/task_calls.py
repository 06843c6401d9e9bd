"""Calls of the endpoint for tasks, and requests behind it that answer as a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from djangotasks_api.names import TASK_KIND
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.reports.requested import TASK as TASK_REQUESTED
from djangotasks_operator.reports.requested import Requested
from djangotasks_operator.runtime.resources import Resource
from tests.unit.operator.reports.serving import LOCAL, bearer, serving

DEADLINE = 30.0
PATH = "/v1/attempts/shop/a/u/1/tasks"
ATTEMPT = AttemptRef(Key("shop", "a"), "u", 1)
TASK = {"kind": TASK_KIND, "metadata": {"name": "t1"}, "spec": {"task": "a.b"}}
NONE: Mapping[str, str] = {}
WATCH = {"watch": "true", "resourceVersion": "5"}


def authorization(uid: str = "u", attempt: int = 1) -> dict[str, str]:
    return {"Authorization": bearer(uid, attempt)}


class Tasks:
    """In place of TaskRequests. `error`: what each request ends with. `opened`: the lists and watches, which a handler
    of the test answers."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[Any] = []
        self.found: Callable[[web.Request], Awaitable[web.StreamResponse]] = self._nothing
        self.waiting = asyncio.Event()
        self.waiting.set()

    @property
    def api(self) -> Tasks:
        return self

    async def enqueue(self, attempt: AttemptRef, body: Any, kind: Requested = TASK_REQUESTED) -> Any:
        return await self._do("enqueue", attempt, body, *_unless_task(kind))

    async def read(self, attempt: AttemptRef, name: str, kind: Requested = TASK_REQUESTED) -> Any:
        return await self._do("read", attempt, name, *_unless_task(kind))

    async def cancel(self, attempt: AttemptRef, name: str, body: Any, kind: Requested = TASK_REQUESTED) -> Any:
        return await self._do("cancel", attempt, name, body, *_unless_task(kind))

    def warning(self, attempt: AttemptRef, selector: str, kind: Requested = TASK_REQUESTED) -> str | None:
        return "beware" if "mail" in selector else None

    async def selector(self, attempt: AttemptRef, asked: str) -> str:
        return f"{asked}+own"

    @contextlib.asynccontextmanager
    async def opened(
        self, verb: str, resource: Resource, namespace: str, params: Mapping[str, str], accept: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        self.asked.append((verb, namespace, dict(params), accept))
        app = web.Application()
        app.router.add_get("/", self.found)
        async with (
            TestServer(app) as server,
            aiohttp.ClientSession() as session,
            session.get(server.make_url("/")) as r,
        ):
            yield r

    async def _do(self, *asked: Any) -> Any:
        self.asked.append(asked)
        await self.waiting.wait()
        if self.error is not None:
            raise self.error
        return TASK

    async def _nothing(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"items": []})


def _unless_task(kind: Requested) -> list[str]:
    return [] if kind is TASK_REQUESTED else [kind.path]


class Pod:
    """Calls the endpoint, with the attempt's token by default."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def ask(
        self,
        method: str,
        path: str = PATH,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] = NONE,
    ) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        sent = authorization() if headers is None else headers
        async with self._session.request(
            method, self._url + path, data=data, headers=sent, params=dict(query)
        ) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text.startswith("{") else text

    async def post(self, body: Any = TASK, query: Mapping[str, str] = NONE) -> tuple[int, Any]:
        return await self.ask("POST", body=body, query=query)


def served[Result](story: Callable[[Pod], Awaitable[Result]], tasks: Tasks | None = None) -> Result:
    """Runs a story against the endpoint as the operator serves it."""

    async def run() -> Result:
        async with serving(tasks=tasks or Tasks()) as port, aiohttp.ClientSession() as session:
            return await story(Pod(session, f"http://{LOCAL}:{port}"))

    return asyncio.run(run())
