"""Watches that the proxy holds open, and what may become of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web

from tests.support.faults import Call

Ending = Callable[[web.StreamResponse], Awaitable[None]]
GONE = {
    "type": "ERROR",
    "object": {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410,
               "message": "too old resource version"},
}  # fmt: skip


class Stream:
    """A watch that is open: what becomes of it is up to the test. `end`: None while it goes on as it should."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.end: Ending | None = None
        self.ended = asyncio.Event()


async def pump(answer: aiohttp.ClientResponse, response: web.StreamResponse, stream: Stream) -> None:
    async for chunk in answer.content.iter_any():
        await stream.flowing.wait()
        await response.write(chunk)


def end(stream: Stream, how: Ending) -> None:
    stream.end = how
    stream.ended.set()


async def cut(response: web.StreamResponse) -> None:
    await response.write_eof()


async def gone(response: web.StreamResponse) -> None:
    await response.write(json.dumps(GONE).encode() + b"\n")
    await response.write_eof()
