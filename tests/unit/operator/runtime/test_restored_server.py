"""etcd is restored from a backup while the operator runs (kubernetes/kubernetes#107457). Each object that has changed since
would be taken for one that is known, and its watch would be silent, until the versions are where they were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from djangotasks_operator.cache.kinds import HOLD_SOURCE
from djangotasks_operator.cache.store import Store
from djangotasks_operator.runtime.decoding import ObjectList
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.reflector import Lister, Reflector, VersionsWentBack
from djangotasks_operator.runtime.watch_monitor import WatchMonitor


def hold(version: int) -> dict[str, Any]:
    metadata = {
        "name": "default",
        "namespace": "shop",
        "uid": "u",
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return {"metadata": metadata, "spec": {"by": "jane"}}


class Server:
    """Lists one hold, of each of these versions in turn. Its watch says how far it is, and expires."""

    def __init__(self, *versions: int, bookmark: int = 0) -> None:
        self.versions = list(versions)
        self.bookmark = bookmark

    async def list(self, *_: object) -> AsyncIterator[ObjectList]:
        version = self.versions.pop(0)
        yield ObjectList([hold(version)], str(version))

    async def watch(self, *_: object) -> AsyncIterator[Any]:
        yield {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(self.bookmark)}}}
        raise ApiError(410, {"reason": "Expired"})


def test_a_list_that_is_older_than_the_last_one_ends_the_process() -> None:
    store = Store()
    lister = Lister(Server(9, 9, 10, 4), store, HOLD_SOURCE, None)  # type: ignore[arg-type]
    for _ in range(3):
        asyncio.run(lister.list())
    with pytest.raises(VersionsWentBack, match="djangotaskholds of version 4, after 10: its data were restored"):
        asyncio.run(lister.list())
    assert [found.resource_version for found in store.holds.all()] == ["10"]


@pytest.mark.thorough
def test_a_list_that_is_older_than_what_the_watch_has_delivered_ends_the_process() -> None:
    server = Server(2, 3, bookmark=20)

    async def story() -> None:
        async with asyncio.timeout(30):
            await Reflector(server, Store(), HOLD_SOURCE, None, WatchMonitor()).watch()  # type: ignore[arg-type]

    with pytest.raises(VersionsWentBack, match="version 3, after 20"):
        asyncio.run(story())
