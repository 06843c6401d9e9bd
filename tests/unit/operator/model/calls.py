"""The operator's API client: each call stops on its way to the server and on its way back, until it is let go on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any

from djangotasks_operator.api import ApiError, Resource
from tests.unit.operator.model.server import ApiServer, Object


class Pause:
    """Awaiting it gives control back to who drives the coroutine."""

    def __await__(self) -> Generator[None]:
        yield


class Calls:
    """What `djangotasks_operator.api.Api` offers, on the simulated server."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        return await self._call(lambda: self._server.get(resource[1], name))

    async def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        return await self._call(lambda: self._server.create(resource[1], body, dry_run=dry_run))

    async def patch_status(self, resource: Resource, namespace: str, name: str, version: str, status: Object) -> Object:
        return await self._call(lambda: self._server.patch_status(resource[1], name, version, status))

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str, version: str | None = None) -> None:
        try:
            await self._call(lambda: self._server.delete(resource[1], name, uid, version))
        except ApiError as error:
            if not (error.not_found or (error.conflict and version is None)):
                raise

    async def list(
        self, resource: Resource, namespace: str | None, selector: str = ""
    ) -> AsyncIterator[tuple[list[Object], str]]:
        yield await self._call(lambda: self._server.list(resource[1])), "1"

    async def log_end(self, namespace: str, pod: str, container: str) -> bytes:
        return await self._call(lambda: self._server.log_end(pod))

    async def _call[Answer](self, operation: Callable[[], Answer]) -> Answer:
        await Pause()
        try:
            return operation()
        finally:
            await Pause()


@dataclass
class Running:
    """A coroutine that is on its way. `done` is called with what it raised, or None."""

    name: str
    coroutine: Coroutine[Any, Any, Any]
    done: Callable[[BaseException | None], None] = field(default=lambda _: None)

    def step(self, fault: BaseException | None = None) -> bool:
        """Goes on to the next stop, or fails there. True at its end."""
        try:
            if fault is None:
                self.coroutine.send(None)
            else:
                self.coroutine.throw(fault)
        except StopIteration:
            self.done(None)
        except Exception as error:  # noqa: BLE001 - whoever started it judges
            self.done(error)
        else:
            return False
        return True


def run(coroutine: Coroutine[Any, Any, Any]) -> None:
    """To its end, without a stop for anybody else."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration:
        pass
