"""Finished tasks are deleted when their time is over: by the way, and never twice."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, cast

import pytest

from djangotasks_api.models import DjangoTask, Policy, TaskStatus
from djangotasks_api.phases import Phase
from djangotasks_operator.backlog import Backlog
from djangotasks_operator.cluster import Cluster
from djangotasks_operator.leader import DELETIONS_IN_FLIGHT, Leader
from djangotasks_operator.metrics import Metrics
from djangotasks_operator.queue_keeper import QueueKeeper
from djangotasks_operator.reconcile import Reconciler
from djangotasks_operator.start import Starter
from djangotasks_operator.store import Key, Store
from djangotasks_operator.tails import Tails
from djangotasks_operator.workqueue import WorkQueue
from tests.support.builders import NAMESPACE, at, make_queue, make_task
from tests.unit.operator.test_health import until

KEY = Key(NAMESPACE, "receipt")


class Deletions:
    """All of the API that the end of a task needs."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def delete(self, resource: Any, namespace: str, name: str, uid: str, version: str | None = None) -> None:
        self.names.append(name)


class World:
    """A task that is kept for a minute, of a queue with these limits."""

    def __init__(self, **limits: Any) -> None:
        self.now = at(0)
        self.api = Deletions()
        self.store = Store()
        self.store.put_queue(make_queue(policy=Policy(ttl_seconds_after_finished=60), **limits))
        self.store.put_task(finished("receipt", at(0)))
        self.expiry: WorkQueue[Key] = WorkQueue()
        cluster = Cluster(cast(Any, self.api), self.store)
        queue: WorkQueue[Key] = WorkQueue()
        backlog: Backlog[Key, Key] = Backlog(1)
        starter = cast(Starter, None)
        tails, keeper = Tails(cluster, queue), QueueKeeper(cluster, starter, backlog, WorkQueue())
        self.reconciler = Reconciler(
            cluster, queue, backlog, starter, self.expiry, WorkQueue(), tails, keeper, now=lambda: self.now
        )


def finished(name: str, when: datetime) -> DjangoTask:
    return make_task(name, uid=name, status=TaskStatus(phase=Phase.SUCCEEDED, finished_at=when))


def test_it_waits_for_its_time_beside_the_queue_of_those_who_start() -> None:
    async def story() -> None:
        world = World()
        assert await world.reconciler.reconcile(KEY)
        assert (world.api.names, len(world.expiry)) == ([], 0)
        assert await world.reconciler.expire(KEY)
        assert world.api.names == [], "its time may have changed since"
        world.now = at(60)
        assert await world.reconciler.reconcile(KEY)
        assert (world.api.names, len(world.expiry)) == ([], 1)
        assert await world.reconciler.expire(KEY)
        assert world.api.names == ["receipt"]
        assert await world.reconciler.reconcile(KEY)
        assert await world.reconciler.expire(KEY)
        assert world.api.names == ["receipt"], "no event has told of it yet, and it is not deleted again"

    asyncio.run(story())


def test_one_too_many_does_not_wait_for_its_time() -> None:
    async def story() -> None:
        world = World(successful_tasks_history_limit=1)
        world.store.put_task(finished("later", at(1)))
        for key in (KEY, Key(NAMESPACE, "later")):
            assert await world.reconciler.reconcile(key)
            assert await world.reconciler.expire(key)
        assert world.api.names == ["receipt"]

    asyncio.run(story())


class Passes:
    """Stands for the reconciler, and counts."""

    def __init__(self, *_: object) -> None:
        self.reconciled: list[Key] = []
        self.expired: list[Key] = []
        Passes.last = self

    last: Passes

    def take_stock(self) -> None:
        pass

    async def reconcile(self, key: Key) -> bool:
        self.reconciled.append(key)
        return True

    async def expire(self, key: Key) -> bool:
        self.expired.append(key)
        return True

    async def tell(self, key: Key) -> bool:
        raise AssertionError("nothing was to be told")


def test_a_thousand_that_expire_at_once_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("djangotasks_operator.leader.Reconciler", Passes)
    monkeypatch.setattr("djangotasks_operator.leader.DELETIONS_PER_SECOND", 1e-6)

    async def nothing() -> None:
        pass

    async def story() -> None:
        queue: WorkQueue[Key] = WorkQueue()
        cluster = Cluster(cast(Any, None), Store())
        leader = Leader(cluster, queue, WorkQueue(), cast(Starter, None), nothing, None, Metrics())
        running = asyncio.create_task(leader.run())
        await asyncio.sleep(0)
        for number in range(1000):
            leader._expiry.add(Key(NAMESPACE, f"old-{number}"))
        queue.add(KEY)
        await until(lambda: bool(Passes.last.reconciled) and len(Passes.last.expired) == DELETIONS_IN_FLIGHT)
        for _ in range(100):
            await asyncio.sleep(0)
        assert Passes.last.reconciled == [KEY]
        assert len(Passes.last.expired) == DELETIONS_IN_FLIGHT, "the burst, and then in their time"
        # One more was taken, and waits for its turn.
        assert leader.expired() == 1000 - DELETIONS_IN_FLIGHT - 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(story())
