"""Serve an aiohttp application so that hostile or broken clients cannot exhaust it."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from djangotasks_operator.runtime.addresses import host_port

# How long open requests may go on at the end. A pod sends its outcome within milliseconds, and sends it again.
SHUTDOWN_SECONDS = 2.0
# How long a connection may be open: aiohttp waits for ever for a request that does not end. A report takes
# milliseconds, and the runner gives one up after 10 s and sends it again. Probes and scrapes are as short.
CONNECTION_SECONDS = 30.0
# Open connections at once, below the 1,024 files that a process may commonly open. The oldest are closed first.
CONNECTIONS_MAX = 800
CHECK_SECONDS = 1.0


# aiohttp reads twice as much of a body before anybody asks for it: of 800 connections, 25 MiB.
READ_BUFFER_BYTES = 16 * 1024

server_log = logging.getLogger("aiohttp.server")


def _is_no_clients_fault(record: logging.LogRecord) -> bool:
    """Leave out what aiohttp logs, with a traceback, about clients that talk no HTTP: anybody can, at any pace."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError | ConnectionError))


server_log.addFilter(_is_no_clients_fault)


class CannotServe(Exception):
    """The port is taken, or the address is not this machine's."""


@contextlib.asynccontextmanager
async def serve(app: web.Application, host: str | None, port: int) -> AsyncIterator[None]:
    """Serve the application within the context, on one address, or on all of IPv4 and IPv6 (None). Raises
    CannotServe."""
    # Bodies are not decompressed: a small one could become any size.
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=SHUTDOWN_SECONDS,
        auto_decompress=False,
        read_bufsize=READ_BUFFER_BYTES,
        logger=server_log,
    )
    await runner.setup()
    limits = asyncio.create_task(_limit_connections(runner))
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            where = f"port {port}" if host is None else host_port(host, port)
            raise CannotServe(f"Cannot listen on {where}: {os.strerror(error.errno or 0)}.") from error
        yield
    finally:
        limits.cancel()
        await runner.cleanup()


async def _limit_connections(runner: web.AppRunner) -> None:
    """Close connections that have been open for too long, and the oldest where there are too many."""
    clock, since = asyncio.get_running_loop().time, dict[web.RequestHandler, float]()
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        # In the order in which they were accepted.
        connections, now = [] if runner.server is None else runner.server.connections, clock()
        since = {connection: since.get(connection, now) for connection in connections}
        too_many = len(connections) - CONNECTIONS_MAX
        for number, connection in enumerate(connections):
            if number < too_many or now - since[connection] > CONNECTION_SECONDS:
                connection.force_close()
