"""Answers that a pod asks for and does not read."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from djangotasks_operator.reports import answering
from djangotasks_operator.reports.task_limits import MEASURES
from tests.unit.operator.reports.serving import LOCAL, bearer, serving
from tests.unit.operator.reports.task_calls import DEADLINE, PATH, TASK, Pod, Tasks

pytestmark = pytest.mark.thorough

MOST = MEASURES["read"].in_flight
REQUEST = f"GET {PATH}/t1 HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer()}\r\n\r\n".encode()


class LargeTasks(Tasks):
    async def read(self, *_: Any) -> Any:
        self.asked.append("read")
        # More than the buffers of both sockets take.
        return TASK | {"status": {"result": "x" * 8_000_000}}


async def ask_and_not_read(port: int, number: int, stack: contextlib.ExitStack) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(number):
        connection = stack.enter_context(contextlib.closing(socket.socket()))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        await loop.sock_connect(connection, (LOCAL, port))
        await loop.sock_sendall(connection, REQUEST)


def test_an_answer_holds_its_place_until_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the attempt, of its namespace, and of all: hundreds of megabytes would be the end of the operator."""
    monkeypatch.setattr(answering, "SENDING_SECONDS", DEADLINE)

    async def story() -> None:
        tasks = LargeTasks()
        async with serving(tasks=tasks) as port, aiohttp.ClientSession() as session, asyncio.timeout(DEADLINE):
            pod = Pod(session, f"http://{LOCAL}:{port}")
            with contextlib.ExitStack() as stack:
                await ask_and_not_read(port, MOST, stack)
                while len(tasks.asked) < MOST:  # noqa: ASYNC110 - they are counted where they arrive
                    await asyncio.sleep(0.01)
                assert (await pod.ask("GET", f"{PATH}/t1"))[0] == 429
            while (await pod.ask("GET", f"{PATH}/t1"))[0] != 200:  # noqa: ASYNC110 - who is refused comes again
                await asyncio.sleep(0.01)

    asyncio.run(story())


def test_an_answer_is_not_offered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "SENDING_SECONDS", 0.2)

    async def story() -> None:
        tasks = LargeTasks()
        async with serving(tasks=tasks) as port, aiohttp.ClientSession() as session, asyncio.timeout(DEADLINE):
            pod = Pod(session, f"http://{LOCAL}:{port}")
            with contextlib.ExitStack() as stack:
                await ask_and_not_read(port, MOST, stack)
                monkeypatch.setattr(answering, "SENDING_SECONDS", DEADLINE)
                while (await pod.ask("GET", f"{PATH}/t1"))[0] != 200:  # noqa: ASYNC110 - who is refused comes again
                    await asyncio.sleep(0.01)

    asyncio.run(story())


def test_an_answer_that_was_read_is_not_kept_with_the_connection() -> None:
    async def story() -> None:
        async with serving(tasks=LargeTasks()) as port, aiohttp.ClientSession() as session:
            assert (await Pod(session, f"http://{LOCAL}:{port}").ask("GET", f"{PATH}/t1"))[0] == 200
            kept = [each.body for each in gc.get_objects() if isinstance(each, web.Response)]
            assert [len(body) for body in kept if isinstance(body, bytes) and len(body) > 1_000_000] == []

    asyncio.run(story())
