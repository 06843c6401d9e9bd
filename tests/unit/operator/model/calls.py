"""The operator's API client: each call stops on its way to the server and on its way back, until it is let go on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import Any, Self

from djangotasks_operator.runtime.decoding import ObjectList
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.resources import Resource
from djangotasks_operator.runtime.server_clock import ServerClock
from tests.unit.operator.model.server import ApiServer, Object


class Pause:
    """Awaiting it gives control back to who drives the coroutine."""

    def __await__(self) -> Generator[None]:
        yield


class Calls:
    """What `runtime.client.Api` offers, on the simulated server."""

    def __init__(self, server: ApiServer, clock: ServerClock | None = None) -> None:
        """`clock`: learns from each answer what time it is."""
        self.server = server
        self.clock = clock or ServerClock(lambda: server.clock.now)
        self.requests: list[str] = []
        """Each request as "verb plural name"."""
        self.before_request: Callable[[str], None] = lambda _: None
        """Called with each request when it reaches the server. May raise, instead of the server."""

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        return await self._call(f"get {resource.plural} {name}", lambda: self.server.get(resource.plural, name))

    def with_writes(self, most: int) -> Self:
        return self

    async def create(
        self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False, strict: bool = False
    ) -> Object:
        request = f"{'dry_run' if dry_run else 'create'} {resource.plural} {body['metadata']['name']}"
        return await self._call(request, lambda: self.server.create(resource.plural, body, dry_run=dry_run))

    async def patch(self, resource: Resource, namespace: str, name: str, change: Object) -> Object:
        return await self._call(
            f"patch {resource.plural} {name}", lambda: self.server.patch(resource.plural, name, change)
        )

    async def json_patch(self, resource: Resource, namespace: str, name: str, operations: Sequence[Object]) -> Object:
        request = f"patch {resource.plural} {name}"
        return await self._call(request, lambda: self.server.json_patch(resource.plural, name, operations))

    async def patch_status(self, resource: Resource, namespace: str, name: str, version: str, status: Object) -> Object:
        request = f"patch {resource.plural} {name}"
        return await self._call(request, lambda: self.server.patch_status(resource.plural, name, version, status))

    async def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        uid: str,
        version: str | None = None,
        grace: timedelta | None = None,
    ) -> None:
        request = f"delete {resource.plural} {name}"
        try:
            await self._call(request, lambda: self.server.delete(resource.plural, name, uid, version, grace))
        except ApiError as error:
            if not (error.not_found or (error.conflict and version is None)):
                raise

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        selector: str = "",
        is_known: Callable[[Object], bool] | None = None,
    ) -> AsyncIterator[ObjectList]:
        bodies = await self._call(f"list {resource.plural}", lambda: self.server.list(resource.plural))
        yield ObjectList([dict(body) for body in bodies], "1")

    async def list_page(
        self, resource: Resource, namespace: str, selector: str, limit: int, token: str, max_bytes: int | None
    ) -> bytes | None:
        wanted = dict(term.split("=") for term in selector.split(","))

        def page() -> bytes:
            bodies = sorted(self.server.list(resource.plural), key=lambda body: body["metadata"]["name"])
            found = [
                body
                for body in bodies
                if wanted.items() <= body["metadata"].get("labels", {}).items() and body["metadata"]["name"] > token
            ]
            more = found[limit - 1]["metadata"]["name"] if len(found) > limit else ""
            return json.dumps({"items": found[:limit], "metadata": {"resourceVersion": "1", "continue": more}}).encode()

        text = await self._call(f"list {resource.plural}", page)
        return None if max_bytes is not None and len(text) > max_bytes else text

    async def events_about(self, namespace: str, uid: str) -> Sequence[Object]:
        return await self._call(f"events {uid}", lambda: self.server.pod_events.get(uid, ()))

    async def log_end(self, namespace: str, pod: str, container: str) -> bytes:
        return await self._call(f"log pods {pod}", lambda: self.server.log_end(pod))

    async def _call[Answer](self, request: str, operation: Callable[[], Answer]) -> Answer:
        asked_at = self.clock.own()
        await Pause()
        self.requests.append(request)
        dated = format_datetime(self.server.clock.now, usegmt=True)
        try:
            self.before_request(request)
            return operation()
        finally:
            await Pause()
            self.clock.observe(dated, asked_at)


@dataclass
class Running:
    """A coroutine that is on its way. `done` is called with what it raised, or None."""

    name: str
    coroutine: Coroutine[Any, Any, Any]
    done: Callable[[BaseException | None], None] = field(default=lambda _: None)
    since: float = 0.0
    """When it came to where it stops, in seconds since the beginning."""

    def step(self, fault: BaseException | None = None) -> bool:
        """Goes on to the next stop, or fails there. True at its end."""
        try:
            if fault is None:
                self.coroutine.send(None)
            else:
                self.coroutine.throw(fault)
        except StopIteration:
            self.done(None)
        except Exception as error:  # noqa: BLE001 - the caller judges
            self.done(error)
        else:
            return False
        return True


def run[Answer](coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """To its end, without a stop for anybody else."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as end:
        answer: Answer = end.value
        return answer
