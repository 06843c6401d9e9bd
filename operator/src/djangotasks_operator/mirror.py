"""Keeps the store like the API server: lists each kind, and watches it from there on.

kopf's own watches cost 0.45 ms of CPU an event and a task of the event loop an object, and list tens of thousands of
objects in one go. What comes in such numbers, tasks with their Jobs and Pods, is watched here.
"""

import asyncio
import contextlib
import logging
from typing import Any

from djangotasks_operator.api import Api, ApiError
from djangotasks_operator.kinds import KINDS, QUEUE_KIND, Kind
from djangotasks_operator.observed import Object
from djangotasks_operator.store import Store
from djangotasks_operator.streams import Streams

logger = logging.getLogger(__name__)

FIRST_WAIT = 0.5
LAST_WAIT = 5.0
# A watch that ends sooner than this is as good as one that fails.
SHORT_SECONDS = 1.0


class Mirror[Item]:
    """Of one kind, in one namespace or in all (None)."""

    def __init__(self, api: Api, store: Store, streams: Streams, kind: Kind[Item], namespace: str | None) -> None:
        self._api = api
        self._store = store
        self._streams = streams
        self.kind = kind
        self._namespace = namespace
        # From where the watch goes on; None where only a list can tell.
        self._version: str | None = None

    async def list(self) -> None:
        """Brings the store up to date. What was known before the list began, and is not in it, is gone."""
        kind, store = self.kind, self._store
        gone = {
            uid: item
            for item in kind.known(store)
            for namespace, uid in [kind.identity(item)]
            if self._namespace in (None, namespace)
        }
        async for bodies, version in self._api.list(kind.resource, self._namespace, kind.selector):
            listed_at = version
            for body in bodies:
                if kind.is_news(store, body):
                    if (item := kind.parse(body)) is None:
                        continue
                    kind.put(store, item)
                gone.pop(body["metadata"]["uid"], None)
        for item in gone.values():
            kind.drop(store, item)
        # A watch that works knows more than the list does.
        self._version = self._version or listed_at

    async def watch(self) -> None:
        """For ever: an API server that is away, or refuses, is asked again."""
        clock, failures = asyncio.get_running_loop().time, 0
        while True:
            began = clock()
            try:
                await self._watch_once()
                problem = ""
            except (ApiError, OSError, TimeoutError) as error:
                problem = str(error) or type(error).__name__
                if isinstance(error, ApiError) and error.expired:
                    self._version = None
            failures = 0 if clock() - began > SHORT_SECONDS else failures + 1
            if failures:
                wait = min(FIRST_WAIT * 2.0 ** (failures - 1), LAST_WAIT)
                say = logger.warning if failures == 2 else logger.debug
                say("watching %s: %s; again in %.1f s", self.kind.resource[1], problem or "ended", wait)
                await asyncio.sleep(wait)

    async def _watch_once(self) -> None:
        kind = self.kind
        if self._version is None:
            await self.list()
        assert self._version is not None  # noqa: S101 - every list has a version
        events = self._api.watch(kind.resource, self._namespace, kind.selector, self._version)
        async with contextlib.aclosing(events):
            async for event in events:
                self.take(event)

    def take(self, event: Object) -> None:
        """An event came. It may be a bookmark, which tells how far the watch is, and no more."""
        version = event["object"]["metadata"]["resourceVersion"]
        self._version = version
        self._streams.told(self.kind.resource[1], self._namespace or "", version)
        if event["type"] != "BOOKMARK":
            self.kind.take(self._store, event)


class Mirrors:
    """All that the operator keeps a copy of. `namespaces`: empty for all."""

    def __init__(self, api: Api, store: Store, streams: Streams, namespaces: tuple[str, ...]) -> None:
        self._mirrors: list[Mirror[Any]] = [
            Mirror(api, store, streams, kind, namespace) for kind in KINDS for namespace in namespaces or (None,)
        ]

    async def list(self) -> None:
        """Brings everything up to date: what a watch has told of, and what it should have."""
        for mirror in self._mirrors:
            await mirror.list()

    async def watch(self) -> None:
        """For ever: all but the queues, which kopf watches."""
        async with asyncio.TaskGroup() as group:
            for mirror in self._mirrors:
                if mirror.kind is not QUEUE_KIND:
                    group.create_task(mirror.watch())
