"""What serves on a port says so where it cannot."""

from __future__ import annotations

import asyncio
import resource
import socket
from contextlib import closing, suppress
from http.client import HTTPConnection

import pytest
import uvloop
from aiohttp import web

from djangotasks_operator.config import Config
from djangotasks_operator.runtime import http_server
from djangotasks_operator.runtime.http_server import CannotServe, raise_file_limit, serve

DEFAULT = Config(keys=()).host


def test_a_port_that_is_taken_is_an_error() -> None:
    async def story(port: int) -> None:
        async with serve(web.Application(), "127.0.0.1", port):
            pass

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(CannotServe, match=rf"Cannot listen on 127\.0\.0\.1:{port}: Address already in use\."):
            asyncio.run(story(port))


def test_the_default_answers_on_every_family_of_this_machine() -> None:
    """Under the operator's own event loop."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def story() -> list[int]:
        app = web.Application()
        app.router.add_get("/readyz", answer)
        port = free_port("127.0.0.1")
        async with serve(app, DEFAULT, port):
            return [await asyncio.to_thread(ask, address, port) for address in addresses]

    def ask(address: str, port: int) -> int:
        with closing(HTTPConnection(address, port, timeout=10)) as connection:
            connection.request("GET", "/readyz")
            return connection.getresponse().status

    addresses = ["127.0.0.1"]
    with suppress(OSError):  # A container may have no IPv6 at all.
        free_port("::1")
        addresses.append("::1")
    assert set(uvloop.run(story())) == {200}


def test_a_client_that_does_not_read_its_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or else it would hold its connection, and the answer, for ever."""
    monkeypatch.setattr(http_server, "CONNECTION_SECONDS", 0.2)
    monkeypatch.setattr(http_server, "CHECK_SECONDS", 0.05)

    async def story() -> None:
        over = asyncio.Event()

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            try:
                await response.write(bytes(16 * 1024 * 1024))
            finally:
                over.set()
            return response

        app, port = web.Application(), free_port("127.0.0.1")
        app.router.add_get("/", answer)
        async with serve(app, "127.0.0.1", port):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                await asyncio.wait_for(over.wait(), 10)

    uvloop.run(story())


def test_the_process_may_open_as_many_files_as_it_is_allowed() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (min(hard, http_server.FILES), hard)
        raise_file_limit()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_taken_port_is_named_where_all_addresses_are_asked_for() -> None:
    async def story(port: int) -> None:
        async with serve(web.Application(), None, port):
            pass

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(CannotServe, match=rf"Cannot listen on port {port}: Address already in use\."):
            asyncio.run(story(port))


def free_port(address: str) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listener:
        port: int = listener.getsockname()[1]
        return port
