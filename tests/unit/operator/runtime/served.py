"""An API server that answers as a test wants, on loopback, with real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


def run_served(app: web.Application, story: Callable[[str], Coroutine[Any, Any, None]]) -> None:
    async def work() -> None:
        async with TestServer(app) as server:
            await story(str(server.make_url("")).rstrip("/"))

    asyncio.run(work())
