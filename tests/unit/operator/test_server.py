"""What serves on a port says so where it cannot."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import web

from djangotasks_operator.server import CannotServe, serve


def test_a_port_that_is_taken_is_told_of() -> None:
    async def story(port: int) -> None:
        async with serve(web.Application(), "127.0.0.1", port):
            pass

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(CannotServe, match=rf"Cannot listen on 127\.0\.0\.1:{port}: Address already in use\."):
            asyncio.run(story(port))
