"""Serves an aiohttp application, and outlives clients that mean no good."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from aiohttp import web

# A pod sends its outcome on one connection within milliseconds: nothing is worth a longer wait at the end.
SHUTDOWN_SECONDS = 2.0
# aiohttp waits for ever for a request that does not end. A report takes milliseconds, and the runner gives one up, and
# sends it again, after 10 s. What else is asked for here is as short, and asked for again.
CONNECTION_SECONDS = 30.0
# Of a replica at once, below the 1,024 files that a process may commonly open. The oldest go first.
CONNECTIONS_MAX = 800
LOOK_SECONDS = 1.0


class CannotServe(Exception):
    """The port is taken, or the address is not this machine's."""


@contextlib.asynccontextmanager
async def serve(app: web.Application, host: str, port: int) -> AsyncIterator[None]:
    """Raises CannotServe."""
    # A body is what it is: decompressed, a small one could be of any size.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, auto_decompress=False)
    await runner.setup()
    limits = asyncio.create_task(_limit_connections(runner))
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise CannotServe(f"Cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}.") from error
        yield
    finally:
        limits.cancel()
        await runner.cleanup()


async def _limit_connections(runner: web.AppRunner) -> None:
    """Closes what has been open for too long, or is too much."""
    clock, since = asyncio.get_running_loop().time, dict[web.RequestHandler, float]()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        # In the order in which they were accepted.
        connections, now = [] if runner.server is None else runner.server.connections, clock()
        since = {connection: since.get(connection, now) for connection in connections}
        too_many = len(connections) - CONNECTIONS_MAX
        for number, connection in enumerate(connections):
            if number < too_many or now - since[connection] > CONNECTION_SECONDS:
                connection.force_close()
