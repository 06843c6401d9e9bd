"""A watch is stalled when it is silent, something else showed that it has something to tell, and a list confirms it."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.kinds import JOB_SOURCE, POD_SOURCE, QUEUE_SOURCE, TASK_SOURCE
from djangotasks_operator.cache.store import Store
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.decoding import ObjectList
from djangotasks_operator.runtime.reflector import Kind, Lister, Reflector
from djangotasks_operator.runtime.watch_monitor import GRACE_SECONDS, WatchMonitor
from tests.support.builders import make_job, make_pod, make_queue, make_task
from tests.unit.operator.model.server import Clock

LATER = GRACE_SECONDS + 1


class Monitored:
    """Watches of these namespaces, or of all."""

    def __init__(self, *namespaces: str) -> None:
        self.clock = Clock()
        self.monitor = WatchMonitor(namespaces, self.clock.seconds)

    def observed(self, version: int, namespace: str = "shop", resource: str = "pods") -> None:
        self.monitor.observed(resource, namespace, str(version))

    def expect(self, version: int, namespace: str = "shop", uid: str = "uid", resource: str = "pods") -> None:
        self.monitor.expect(resource, namespace, uid, str(version))

    def listed(self) -> None:
        """A list that found everything as it was known."""
        self.monitor.listed(self.clock.seconds())

    @property
    def stalled(self) -> bool:
        return self.monitor.problem() is not None


def test_a_version_that_was_delivered_is_not_pending() -> None:
    watch = Monitored()
    watch.observed(7)
    watch.expect(7)
    watch.clock.advance(LATER)
    watch.listed()
    assert (watch.monitor.needs_relist(), watch.stalled) == (False, False)


def test_a_late_watch_is_not_stalled() -> None:
    watch = Monitored()
    watch.expect(7)
    watch.clock.advance(LATER)
    assert watch.monitor.needs_relist()
    watch.observed(8)
    assert not watch.monitor.needs_relist()
    watch.listed()
    assert not watch.stalled


def test_a_watch_that_never_delivers_is_stalled_once_a_list_confirms_it() -> None:
    watch = Monitored()
    watch.observed(6)
    watch.expect(7)
    watch.clock.advance(GRACE_SECONDS)
    watch.listed()
    assert (watch.monitor.needs_relist(), watch.stalled) == (False, False), "it still has its grace"
    watch.clock.advance(1)
    assert (watch.monitor.needs_relist(), watch.stalled) == (True, False), "a list must confirm it"
    watch.listed()
    assert (watch.monitor.needs_relist(), watch.stalled) == (False, True), "confirmed: no further list is needed"
    assert watch.monitor.problem() == "watches: pods do not deliver what has changed"
    watch.observed(7)
    assert not watch.stalled


def test_the_oldest_pending_version_counts() -> None:
    watch = Monitored()
    for version in range(10):
        watch.expect(100 + version, uid=str(version))
        watch.clock.advance(GRACE_SECONDS / 9)
    watch.listed()
    assert watch.stalled


def test_a_busy_watch_that_lags_behind_is_not_stalled() -> None:
    watch = Monitored()
    watch.expect(7)
    watch.clock.advance(LATER)
    watch.observed(6)
    watch.listed()
    assert not watch.stalled, "it lags behind, and is busy"
    watch.clock.advance(LATER)
    watch.listed()
    assert watch.stalled


def test_a_deleted_object_is_not_pending() -> None:
    watch = Monitored()
    watch.expect(7, uid="gone")
    watch.clock.advance(LATER)
    watch.monitor.forget("pods", "shop", "another")
    assert watch.monitor.needs_relist()
    watch.monitor.forget("pods", "shop", "gone")
    watch.listed()
    assert (watch.monitor.needs_relist(), watch.stalled) == (False, False)


@pytest.mark.parametrize(
    ("namespaces", "stalled"), [((), False), (("shop", "other"), True)], ids=["one watch for all", "one each"]
)
def test_watches_of_namespaces_are_monitored_apart(namespaces: tuple[str, ...], stalled: bool) -> None:
    watch = Monitored(*namespaces)
    watch.expect(7)
    watch.clock.advance(LATER)
    watch.observed(8, namespace="other")
    watch.listed()
    assert watch.stalled is stalled


def test_watches_of_kinds_are_monitored_apart() -> None:
    watch = Monitored()
    watch.expect(7)
    watch.clock.advance(LATER)
    watch.observed(8, resource="jobs")
    watch.listed()
    assert watch.monitor.problem() == "watches: pods do not deliver what has changed"


def test_the_oldest_watch_of_a_kind_is_its_age() -> None:
    watch = Monitored("shop", "other")
    watch.observed(1)
    watch.observed(1, namespace="other")
    watch.observed(1, resource="jobs")
    watch.clock.advance(10)
    watch.observed(2)
    assert watch.monitor.ages() == {"pods": 10, "jobs": 10}, "the oldest of a kind's watches"
    watch.expect(3, resource="jobs")
    watch.listed()
    watch.clock.advance(5)
    assert watch.monitor.ages() == {"pods": 5, "jobs": 15}, (
        "a list that shows a pending version does not make the watch younger"
    )


def test_nothing_is_expected_of_a_namespace_that_cannot_be_read() -> None:
    clock = Clock()
    monitor = WatchMonitor(("shop", "bank"), clock=clock.seconds)
    for namespace in monitor.namespaces:
        monitor.expect("pods", namespace, "uid", "3")
    clock.advance(LATER)
    monitor.listed(clock.seconds(), {"bank"})
    assert monitor.problem() is not None
    monitor.forget("pods", "shop", "uid")
    assert (monitor.problem(), monitor.needs_relist()) == (None, False)


PUT: dict[str, Any] = {
    "djangotasks": (make_task(version=7), Store.put_task, Store.drop_task),
    "jobs": (make_job(resource_version="7"), Store.put_job, Store.drop_job),
    "pods": (make_pod(resource_version="7"), Store.put_pod, Store.drop_pod),
}


@pytest.mark.parametrize("resource", PUT)
def test_a_version_that_the_store_sees_is_expected_of_the_watch(resource: str) -> None:
    item, put, drop = PUT[resource]
    watch = Monitored()
    store = Store(monitor=watch.monitor)
    put(store, item)
    watch.clock.advance(LATER)
    assert watch.monitor.needs_relist()
    drop(store, item)
    assert not watch.monitor.needs_relist()
    put(store, item)
    watch.clock.advance(LATER)
    watch.observed(7, resource=resource)
    assert not watch.monitor.needs_relist()


def test_a_queue_that_is_not_listed_any_more_is_dropped() -> None:
    class Nothing:
        async def list(self, *_: object) -> Any:
            yield ObjectList([], "8")

    watch = Monitored()
    store = Store(monitor=watch.monitor)
    queue = make_queue()
    store.put_queue(queue.model_copy(update={"metadata": queue.metadata.model_copy(update={"resource_version": "7"})}))
    watch.clock.advance(LATER)
    assert watch.monitor.needs_relist()
    asyncio.run(Lister(cast(Api, Nothing()), store, QUEUE_SOURCE, None).list())
    assert store.queue(Key("shop", "default")) is None
    assert not watch.monitor.needs_relist()


@pytest.mark.parametrize("kind", [TASK_SOURCE, JOB_SOURCE, POD_SOURCE], ids=lambda kind: kind.resource[1])
@pytest.mark.parametrize("type_", ["MODIFIED", "BOOKMARK"])
def test_every_event_is_observed(kind: Kind[Any, Any], type_: str) -> None:
    metadata = {"name": "a", "namespace": "shop", "uid": "u", "resourceVersion": "9", "creationTimestamp": None}
    body: dict[str, Any] = {"metadata": metadata, "spec": {"task": "shop.tasks.a", "template": {}}}
    if type_ == "BOOKMARK":
        body = {"metadata": {"resourceVersion": "9", "creationTimestamp": None}}
    watch = Monitored()
    watch.expect(8, resource=kind.resource[1])
    reflector = Reflector(cast(Api, None), Store(monitor=watch.monitor), kind, None, watch.monitor)
    watch.clock.advance(LATER)
    assert watch.monitor.needs_relist()
    reflector.observe({"type": type_, "object": body})
    assert not watch.monitor.needs_relist()
