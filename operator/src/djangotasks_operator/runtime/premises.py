"""What a process reads once, as it starts, and relies on: it is to begin again when that is no longer so.

Nothing else would notice: with the certificate of an authority that has been replaced each request fails for ever, and
an address that has become another one's is given to pods all the same.
"""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import kopf

from djangotasks_operator.runtime.errors import REQUEST_ERRORS

CHECK_SECONDS = 60.0


class PremisesChanged(Exception):
    """The message says what has changed."""


class Premises:
    """Values, with the functions that have read them."""

    def __init__(self) -> None:
        self._checks: list[Callable[[], Awaitable[None]]] = []

    async def rely_on[T](self, what: str, read: Callable[[], Awaitable[T]]) -> T:
        """Read a value, which is compared from now on. Raises what `read` raises."""
        value = await read()

        async def check() -> None:
            if await read() != value:
                raise PremisesChanged(f"{what} has changed: the operator begins again.")

        self._checks.append(check)
        return value

    async def run(self) -> None:
        """Compare the values until cancelled. Raises PremisesChanged. What cannot be read has not changed."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            for check in self._checks:
                with contextlib.suppress(*REQUEST_ERRORS):
                    await check()


def certificates(connection: kopf.ConnectionInfo) -> Callable[[], Awaitable[tuple[bytes, ...]]]:
    """A function that reads the files of certificates that a connection to the API server is made with, as a service
    account's ca.crt. They are read once: tokens are read again when they are refused, and these cannot be."""
    found = (connection.ca_path, connection.certificate_path, connection.private_key_path)
    paths = [Path(os.fsdecode(path)) for path in found if path]

    async def read() -> tuple[bytes, ...]:
        return tuple(map(Path.read_bytes, paths))

    return read
