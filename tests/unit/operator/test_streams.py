"""A watch is stuck when it is silent, something else showed that it has something to tell, and a list confirms it."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from djangotasks_operator.api import Api
from djangotasks_operator.kinds import JOB_KIND, POD_KIND, QUEUE_KIND, TASK_KIND, Kind
from djangotasks_operator.mirror import Mirror
from djangotasks_operator.store import Key, Store
from djangotasks_operator.streams import GRACE_SECONDS, Streams
from tests.support.builders import make_job, make_pod, make_queue, make_task

LATER = GRACE_SECONDS + 1


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class World:
    def __init__(self, *namespaces: str) -> None:
        self.clock = Clock()
        self.streams = Streams(namespaces, self.clock)

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    def told(self, version: int, namespace: str = "shop", resource: str = "pods") -> None:
        self.streams.told(resource, namespace, str(version))

    def expect(self, version: int, namespace: str = "shop", uid: str = "uid", resource: str = "pods") -> None:
        self.streams.expect(resource, namespace, uid, str(version))

    def listed(self) -> None:
        """A list that found everything as it was known."""
        self.streams.listed(self.clock.now)

    @property
    def stuck(self) -> bool:
        return self.streams.problem() is not None


def test_it_told_before() -> None:
    world = World()
    world.told(7)
    world.expect(7)
    world.wait(LATER)
    world.listed()
    assert (world.streams.suspicious(), world.stuck) == (False, False)


def test_it_tells_late() -> None:
    world = World()
    world.expect(7)
    world.wait(LATER)
    assert world.streams.suspicious()
    world.told(8)
    assert not world.streams.suspicious()
    world.listed()
    assert not world.stuck


def test_it_never_tells() -> None:
    world = World()
    world.told(6)
    world.expect(7)
    world.wait(GRACE_SECONDS)
    world.listed()
    assert (world.streams.suspicious(), world.stuck) == (False, False), "it still has its grace"
    world.wait(1)
    assert (world.streams.suspicious(), world.stuck) == (True, False), "a list must confirm it"
    world.listed()
    assert (world.streams.suspicious(), world.stuck) == (False, True), "confirmed: no further list is needed"
    assert world.streams.problem() == "watches: pods silent, with something to tell"
    world.told(7)
    assert not world.stuck


def test_the_oldest_that_is_missing_counts() -> None:
    world = World()
    for version in range(10):
        world.expect(100 + version, uid=str(version))
        world.wait(GRACE_SECONDS / 9)
    world.listed()
    assert world.stuck


def test_it_told_of_another_version_than_the_missing_one() -> None:
    world = World()
    world.expect(7)
    world.wait(LATER)
    world.told(6)
    world.listed()
    assert not world.stuck, "it lags behind, and is busy"
    world.wait(LATER)
    world.listed()
    assert world.stuck


def test_what_it_has_to_tell_of_is_gone() -> None:
    world = World()
    world.expect(7, uid="gone")
    world.wait(LATER)
    world.streams.gone("pods", "shop", "another")
    assert world.streams.suspicious()
    world.streams.gone("pods", "shop", "gone")
    world.listed()
    assert (world.streams.suspicious(), world.stuck) == (False, False)


@pytest.mark.parametrize(
    ("namespaces", "stuck"), [((), False), (("shop", "other"), True)], ids=["one watch for all", "one each"]
)
def test_watches_of_namespaces(namespaces: tuple[str, ...], stuck: bool) -> None:
    world = World(*namespaces)
    world.expect(7)
    world.wait(LATER)
    world.told(8, namespace="other")
    world.listed()
    assert world.stuck is stuck


def test_watches_of_other_kinds_say_nothing_of_this_one() -> None:
    world = World()
    world.expect(7)
    world.wait(LATER)
    world.told(8, resource="jobs")
    world.listed()
    assert world.streams.problem() == "watches: pods silent, with something to tell"


def test_ages() -> None:
    world = World("shop", "other")
    world.told(1)
    world.told(1, namespace="other")
    world.told(1, resource="jobs")
    world.wait(10)
    world.told(2)
    assert world.streams.ages() == {"pods": 10, "jobs": 10}, "the oldest of a kind's watches"
    world.expect(3, resource="jobs")
    world.listed()
    world.wait(5)
    assert world.streams.ages() == {"pods": 5, "jobs": 15}, "a list that shows more than was told is no sign of life"


# Who tells and who expects

PUT: dict[str, Any] = {
    "djangotasks": (make_task(version=7), Store.put_task, Store.drop_task),
    "jobs": (make_job(resource_version="7"), Store.put_job, Store.drop_job),
    "pods": (make_pod(resource_version="7"), Store.put_pod, Store.drop_pod),
}


@pytest.mark.parametrize("resource", PUT)
def test_what_the_store_sees_is_expected_of_the_watch(resource: str) -> None:
    item, put, drop = PUT[resource]
    world = World()
    store = Store(streams=world.streams)
    put(store, item)
    world.wait(LATER)
    assert world.streams.suspicious()
    drop(store, item)
    assert not world.streams.suspicious()
    put(store, item)
    world.wait(LATER)
    world.told(7, resource=resource)
    assert not world.streams.suspicious()


def test_a_queue_that_is_not_listed_any_more_is_forgotten() -> None:
    class Nothing:
        async def list(self, *_: object) -> Any:
            yield [], "8"

    world = World()
    store = Store(streams=world.streams)
    queue = make_queue()
    store.put_queue(queue.model_copy(update={"metadata": queue.metadata.model_copy(update={"resource_version": "7"})}))
    world.wait(LATER)
    assert world.streams.suspicious()
    asyncio.run(Mirror(cast(Api, Nothing()), store, world.streams, QUEUE_KIND, None).list())
    assert store.queue(Key("shop", "default")) is None
    assert not world.streams.suspicious()


@pytest.mark.parametrize("kind", [TASK_KIND, JOB_KIND, POD_KIND], ids=lambda kind: kind.resource[1])
@pytest.mark.parametrize("type_", ["MODIFIED", "BOOKMARK"])
def test_every_event_is_a_sign_of_life(kind: Kind[Any], type_: str) -> None:
    metadata = {"name": "a", "namespace": "shop", "uid": "u", "resourceVersion": "9", "creationTimestamp": None}
    body: dict[str, Any] = {"metadata": metadata, "spec": {"task": "shop.tasks.a", "template": {}}}
    if type_ == "BOOKMARK":
        body = {"metadata": {"resourceVersion": "9", "creationTimestamp": None}}
    world = World()
    world.expect(8, resource=kind.resource[1])
    mirror = Mirror(cast(Api, None), Store(streams=world.streams), world.streams, kind, None)
    world.wait(LATER)
    assert world.streams.suspicious()
    mirror.take({"type": type_, "object": body})
    assert not world.streams.suspicious()
