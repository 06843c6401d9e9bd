"""What nobody waits for is written at a pace, and not at all once it is no news."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from djangotasks_operator import reconcile as module
from djangotasks_operator.backlog import Backlog
from djangotasks_operator.cluster import Cluster
from djangotasks_operator.queue_keeper import QueueKeeper
from djangotasks_operator.reconcile import Reconciler
from djangotasks_operator.start import Starter
from djangotasks_operator.store import Key, Store
from djangotasks_operator.tails import Tails
from djangotasks_operator.workqueue import WorkQueue
from tests.support.builders import NAMESPACE, NOW, at, make_job, make_pod, make_queue, make_task


class Patches:
    """All of the API that telling needs. Each write is the next version."""

    def __init__(self) -> None:
        self.written: list[tuple[str, str]] = []

    async def patch_status(self, resource: Any, namespace: str, name: str, version: str, status: Any) -> Any:
        self.written.append((name, status["phase"]))
        metadata = {"name": name, "namespace": namespace, "uid": name, "resourceVersion": str(1000 + len(self.written))}
        return {"metadata": metadata, "spec": {"task": "shop.tasks.send"}, "status": status}


class World:
    """Tasks whose pods take their time to start."""

    def __init__(self, *names: str) -> None:
        self.api, self.store = Patches(), Store()
        self.queue, self.news = WorkQueue[Key](), WorkQueue[Key]()
        self.store.put_queue(make_queue())
        for name in names:
            self.store.put_task(make_task(name, uid=name))
            self.store.put_job(make_job(name=f"{name}-1", uid=f"job-{name}", task=name, task_uid=name))
            self.store.put_pod(make_pod(uid=f"pod-{name}", task=name, task_uid=name, created_at=at(-10)))
        cluster = Cluster(cast(Any, self.api), self.store)
        backlog: Backlog[Key, Key] = Backlog(1)
        starter = cast(Starter, None)
        tails, keeper = Tails(cluster, self.queue), QueueKeeper(cluster, starter, backlog, WorkQueue())
        self.reconciler = Reconciler(
            cluster, self.queue, backlog, starter, WorkQueue(), self.news, tails, keeper, now=lambda: NOW
        )

    async def pass_over(self, name: str) -> None:
        assert await self.reconciler.reconcile(Key(NAMESPACE, name))

    async def tell_next(self) -> None:
        key = await self.news.get()
        assert await self.reconciler.tell(key)
        self.news.done(key)


@pytest.fixture(autouse=True)
def _pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NEWS_BURST", 1)
    monkeypatch.setattr(module, "NEWS_PER_SECOND", 1e-6)


def test_a_slow_start_is_told_beside_the_queue_of_those_who_wait() -> None:
    async def story() -> None:
        world = World("a")
        await world.pass_over("a")
        await world.pass_over("a")
        assert (world.api.written, len(world.news)) == ([], 1)
        await world.tell_next()
        assert world.api.written == [("a", "Starting")]
        await world.pass_over("a")
        assert len(world.news) == 0, "it is told"

    asyncio.run(story())


def test_what_is_no_news_any_more_when_its_turn_comes_is_not_told() -> None:
    async def story() -> None:
        world = World("a", "b", "c")
        for name in ("a", "b", "c"):
            await world.pass_over(name)
        await world.tell_next()
        waiting = asyncio.create_task(world.tell_next())
        await asyncio.sleep(0.01)
        assert world.api.written == [("a", "Starting")]
        assert not waiting.done(), "its turn is in eleven days"
        waiting.cancel()
        world.store.drop_task(make_task("c", uid="c"))
        await world.tell_next()
        assert world.api.written == [("a", "Starting")], "and a task that is gone takes nobody's turn"

    asyncio.run(story())
