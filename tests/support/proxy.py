"""A reverse proxy between one operator and the API server that goes wrong where a test says so.

Plain HTTP on the loopback, in a thread with an event loop of its own. What goes wrong is in `faults.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from unittest import mock

import aiohttp
import kopf
from aiohttp import web

from tests.support.faults import AFTER, BEFORE, Call, Crash, Delay, Drop, Fault, Moment, Rule, Status
from tests.support.watches import Stream, cut, end, gone, pump

FAREWELL_SECONDS = 10.0
# What belongs to one connection, and is not passed on.
HOP_BY_HOP = {"connection", "content-length", "content-encoding", "host", "keep-alive", "transfer-encoding"}


class Proxy:
    """Use as a context manager. `kubeconfig`: for the operator. `on_crash`: kills it, and does not wait."""

    def __init__(self, upstream: Path, folder: Path, on_crash: Callable[[], object] = lambda: None) -> None:
        with mock.patch.dict(os.environ, {"KUBECONFIG": str(upstream)}):
            connection = kopf.login_with_kubeconfig(settings=kopf.OperatorSettings())
        assert connection is not None
        self._connection = connection
        self.kubeconfig = folder / "kubeconfig"
        self.on_crash = on_crash
        self.calls: list[Call] = []
        self._rules: list[Rule] = []
        self._streams: set[Stream] = set()
        self._lock = threading.Lock()
        self._port = 0
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._run(self._open())
        cluster = {"name": "proxy", "cluster": {"server": f"http://127.0.0.1:{self._port}"}}
        context = {"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}
        self.kubeconfig.write_text(
            json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "proxy", "clusters": [cluster],
                        "contexts": [context], "users": [{"name": "proxy", "user": {}}]})
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # What tests say

    def add(self, *rules: Rule) -> None:
        with self._lock:
            self._rules += rules

    def clear(self) -> None:
        """Forgets the rules and the calls."""
        with self._lock:
            self._rules.clear()
            self.calls.clear()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Meanwhile every connection is refused, and those that are open are cut."""
        self._run(self._refuse())
        try:
            yield
        finally:
            self._run(self._listen())

    def stall_watches(self, resource: str = "") -> int:
        """No byte comes any more from the watches that are open now; what the server sends is held back."""
        return self._on_streams(resource, lambda stream: stream.flowing.clear())

    def cut_watches(self, resource: str = "") -> int:
        """The server ends them, as it does with those who read too slowly."""
        return self._on_streams(resource, lambda stream: end(stream, cut))

    def expire_watches(self, resource: str = "") -> int:
        """They end with 410 Gone, and what was held back never comes."""
        return self._on_streams(resource, lambda stream: end(stream, gone))

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The test's own call, past all rules and not in `calls`: quicker than a kubectl."""
        return self._run(self._direct(method, path, body))

    def open_watches(self) -> int:
        return self._on_streams("", lambda _: None)

    def writes(self, **fields: Any) -> list[Call]:
        """Calls that changed something, with these values: `resource="pods", status=201`."""
        with self._lock:
            calls = list(self.calls)
        return [c for c in calls if c.is_write and all(getattr(c, key) == value for key, value in fields.items())]

    # How it is done

    def _run[T](self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._connection.as_ssl_context(), limit=0, socket_factory=self._socket),
            headers=self._connection.as_http_headers(),
            timeout=aiohttp.ClientTimeout(sock_connect=10),
        )
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await self._listen()

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await self._site.start()
        self._port = self._runner.addresses[0][1]

    async def _refuse(self) -> None:
        # What is accepted in the very turn of the loop in which the server closes is forgotten, and stays open: so
        # nothing is accepted any more, and then what has been is on its way.
        server = self._site._server
        assert isinstance(server, asyncio.Server)
        for listening in server.sockets:
            self._loop.remove_reader(listening.fileno())
        for _ in range(5):
            await asyncio.sleep(0)
        await self._site.stop()
        assert self._runner.server is not None
        for connection in self._runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()

    async def _close(self) -> None:
        for stream in list(self._streams):
            end(stream, cut)
        await self._runner.cleanup()
        await self._session.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Transports that were aborted are closed in the loop's next turns; those of requests that were given up, when the
        # server has said farewell.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                while any(sock.fileno() != -1 for sock in self._sockets):  # noqa: ASYNC110 - no event for it
                    await asyncio.sleep(0.01)
        for _ in range(5):
            await asyncio.sleep(0)

    def _socket(self, address: Any) -> socket.socket:
        """One to the API server, to be seen closed in the end."""
        family, kind, protocol, *_ = address
        made = socket.socket(family, kind, protocol)
        self._sockets = [made, *(sock for sock in self._sockets if sock.fileno() != -1)]
        return made

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = Call.of(request.method, request.raw_path, body)
        with self._lock:
            self.calls.append(call)
            faults = [(rule.moment, rule.fault) for rule in self._rules if rule.applies(call)]
        if (response := await self._faults(BEFORE, faults, request, call)) is not None:
            return response
        try:
            if call.verb == "watch":
                async with self._forward(request, body) as answer:
                    call.status = answer.status
                    if answer.status == 200:
                        return await self._watch(request, answer, call)
                    text = await answer.read()
            else:
                # To its end, also where who asked is killed meanwhile: the server does it all the same.
                answer, text = await asyncio.shield(self._answer(request, body, call))
        except aiohttp.ClientError:
            # The API server itself is away, or went away: that is passed on.
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if (response := await self._faults(AFTER, faults, request, call)) is not None:
            return response
        kept = {key: value for key, value in answer.headers.items() if key.lower() not in HOP_BY_HOP}
        return web.Response(status=answer.status, body=text, headers=kept)

    def _forward(self, request: web.Request, body: bytes) -> aiohttp.client._RequestContextManager:
        headers = {key: value for key, value in request.headers.items() if key.lower() not in HOP_BY_HOP}
        url = self._connection.server.rstrip("/") + request.raw_path
        return self._session.request(request.method, url, data=body or None, headers=headers)

    async def _answer(self, request: web.Request, body: bytes, call: Call) -> tuple[aiohttp.ClientResponse, bytes]:
        async with self._forward(request, body) as answer:
            call.status = answer.status
            return answer, await answer.read()

    async def _faults(
        self, moment: Moment, faults: list[tuple[Moment, Fault]], request: web.Request, call: Call
    ) -> web.Response | None:
        """Does what the rules say for this moment. Returns the answer where there is none from the server."""
        for when, fault in faults:
            if when != moment:
                continue
            match fault:
                case Delay(seconds):
                    await asyncio.sleep(seconds)
                case Status(status, headers, reason):
                    call.faked = True
                    message = {"kind": "Status", "status": "Failure", "reason": reason, "message": "by the test"}
                    return web.json_response(message | {"code": status}, status=status, headers=headers)
                case Crash() | Drop():
                    if isinstance(fault, Crash):
                        await asyncio.to_thread(self.on_crash)
                    call.faked = True
                    if request.transport is not None:
                        request.transport.abort()
                    return web.Response()
        return None

    async def _watch(self, request: web.Request, answer: aiohttp.ClientResponse, call: Call) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        stream = Stream(call)
        self._streams.add(stream)
        pumping = asyncio.create_task(pump(answer, response, stream))
        ended = asyncio.create_task(stream.ended.wait())
        try:
            await asyncio.wait((pumping, ended), return_when=asyncio.FIRST_COMPLETED)
            pumping.cancel()
            await asyncio.gather(pumping, return_exceptions=True)
            if stream.end is not None:
                with contextlib.suppress(ConnectionError):
                    await stream.end(response)
        finally:
            pumping.cancel()
            ended.cancel()
            if answer.connection is not None and answer.connection.transport is not None:
                answer.connection.transport.abort()
            self._streams.discard(stream)
            call.ended_at = time.monotonic()
        return response

    async def _direct(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Try again, as client-go does, while the API server is busy or reopens the storage of a kind."""
        kind = "merge-patch+json" if method == "PATCH" else "json"
        while True:
            async with self._session.request(
                method,
                self._connection.server.rstrip("/") + path,
                data=None if body is None else json.dumps(body),
                headers={"Content-Type": f"application/{kind}"},
            ) as answer:
                if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                    return answer.status, await answer.json(content_type=None)
            await asyncio.sleep(float(answer.headers.get("Retry-After", 1)))

    def _on_streams(self, resource: str, do: Callable[[Stream], None]) -> int:
        async def work() -> int:
            chosen = [stream for stream in self._streams if resource in ("", stream.call.resource)]
            for stream in chosen:
                do(stream)
            return len(chosen)

        return self._run(work())
