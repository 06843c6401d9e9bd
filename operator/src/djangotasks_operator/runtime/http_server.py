"""Serve an aiohttp application so that hostile or broken clients cannot exhaust it."""

import asyncio
import contextlib
import logging
import os
import resource
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from djangotasks_operator.runtime.addresses import host_port

# How long open requests may go on at the end. A pod sends its outcome within milliseconds, and sends it again.
SHUTDOWN_SECONDS = 2.0
# How long a connection may be open: aiohttp waits for ever for a request that does not end. A report takes
# milliseconds, and the runner gives one up after 10 s and sends it again. Probes and scrapes are as short.
CONNECTION_SECONDS = 30.0
# Open connections at once, at each port. The oldest are closed first.
CONNECTIONS_MAX = 800
CHECK_SECONDS = 1.0
BACKLOG = 128
# Files that the process may open: a common limit is 1,024, which two ports and the requests to the API server exceed.
FILES = 16 * 1024

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
    assert runner.server is not None  # noqa: S101 - it was set up
    accept = _Acceptor(runner.server)
    limits = asyncio.create_task(accept.close_old())
    try:
        try:
            listening = await asyncio.get_running_loop().create_server(accept, host, port, backlog=BACKLOG)
        except OSError as error:
            where = f"port {port}" if host is None else host_port(host, port)
            raise CannotServe(f"Cannot listen on {where}: {os.strerror(error.errno or 0)}.") from error
        with contextlib.closing(listening):
            yield
    finally:
        limits.cancel()
        await runner.cleanup()


def raise_file_limit() -> None:
    """Let the process open as many files as it may: without one, it reaches no API server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def abort(connection: web.RequestHandler) -> None:
    """Close a connection, and drop what its client does not read: until that was read, it would stay open."""
    transport = connection.transport
    connection.force_close()
    if transport is not None:
        transport.abort()


class _Acceptor:
    """Makes the protocol of each connection that is accepted, and closes those that are too many or too old."""

    def __init__(self, server: web.Server) -> None:
        self._server = server

    def __call__(self) -> web.RequestHandler:
        # At once: thousands may come within a second.
        connections = self._server.connections
        for connection in connections[: max(0, len(connections) + 1 - CONNECTIONS_MAX)]:
            abort(connection)
        return self._server()

    async def close_old(self) -> None:
        """Close connections that have been open for too long, until cancelled."""
        clock, since = asyncio.get_running_loop().time, dict[web.RequestHandler, float]()
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            now = clock()
            since = {connection: since.get(connection, now) for connection in self._server.connections}
            for connection, first_seen in since.items():
                if now - first_seen > CONNECTION_SECONDS:
                    abort(connection)
