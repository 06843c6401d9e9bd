from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from djangotasks_operator.cache.reflectors import NamespaceReadable, Reflectors
from djangotasks_operator.cache.store import Store
from djangotasks_operator.runtime.decoding import ObjectList
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.resources import Object, Resource
from djangotasks_operator.runtime.watch_monitor import WatchMonitor

FORBIDDEN = ApiError(403, {"reason": "Forbidden", "message": "cannot list"})


class Server:
    """One task in each namespace. `refuses`: the pairs of a namespace and a plural that it refuses."""

    def __init__(self, *refuses: tuple[str, str]) -> None:
        self.refuses = set(refuses)
        self.watched: set[str | None] = set()
        self.watches = asyncio.Event()

    async def list(
        self, resource: Resource, namespace: str, _: str = "", is_known: Callable[[Object], bool] | None = None
    ) -> AsyncIterator[ObjectList]:
        if (namespace, resource.plural) in self.refuses:
            raise FORBIDDEN
        metadata = {"name": "a", "namespace": namespace, "uid": f"uid-{namespace}", "resourceVersion": "1"}
        tasks = [{"metadata": metadata, "spec": {"task": "shop.tasks.a"}}] if resource.plural == "djangotasks" else []
        yield ObjectList(tasks, "1")

    async def watch(self, _: Resource, namespace: str, *__: str) -> AsyncIterator[Any]:
        self.watched.add(namespace)
        self.watches.set()
        await asyncio.Event().wait()
        yield


def made(server: Server, monitor: WatchMonitor | None = None) -> tuple[Reflectors, Store]:
    store = Store()
    return Reflectors(server, store, monitor or WatchMonitor(("shop", "bank")), ("shop", "bank")), store  # type: ignore[arg-type]


def namespaces(store: Store) -> list[str]:
    return [key.namespace for key in store.all_keys()]


@pytest.mark.parametrize("plural", ["djangotaskqueues", "djangotasks", "pods"])
def test_a_namespace_that_cannot_be_read_stops_no_other(plural: str, caplog: pytest.LogCaptureFixture) -> None:
    """Its Role is deleted, or all of it, by people who have no part in the others. What was read of it is forgotten:
    tasks without their Pods would look lost."""
    server = Server(("bank", plural))
    monitor = WatchMonitor(("shop", "bank"))
    reflectors, store = made(server, monitor)
    assert asyncio.run(reflectors.list()) == {"bank"} == monitor.unreadable
    assert namespaces(store) == ["shop"]
    assert "the namespace bank are left alone: 403 Forbidden: cannot list" in caplog.text

    async def watch() -> None:
        watching = asyncio.create_task(reflectors.watch())
        await asyncio.wait_for(server.watches.wait(), 20)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(watch())
    assert server.watched == {"shop"}


def test_a_namespace_that_was_left_out_ends_the_process_once_it_can_be_read() -> None:
    """It begins again with a whole list: here, controllers run already."""
    server = Server(("bank", "pods"))
    reflectors, store = made(server)
    asyncio.run(reflectors.list())
    assert asyncio.run(reflectors.list()) == {"bank"}
    server.refuses.clear()
    with pytest.raises(NamespaceReadable, match="bank can be read"):
        asyncio.run(reflectors.list())
    assert namespaces(store) == ["shop"]


def test_an_operator_that_may_read_nothing_says_so() -> None:
    monitor = WatchMonitor(("shop", "bank"))
    reflectors, _ = made(Server(("bank", "pods"), ("shop", "djangotasks")), monitor)
    with pytest.raises(ApiError):
        asyncio.run(reflectors.list())
    assert monitor.unreadable == {"shop", "bank"}


def test_what_is_known_of_a_namespace_stays_while_it_cannot_be_read() -> None:
    server = Server()
    reflectors, store = made(server)
    assert asyncio.run(reflectors.list()) == set()
    server.refuses.add(("bank", "pods"))
    assert asyncio.run(reflectors.list()) == {"bank"}
    assert sorted(namespaces(store)) == ["bank", "shop"]
    server.refuses.clear()
    assert asyncio.run(reflectors.list()) == set()
