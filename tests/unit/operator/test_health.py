"""Everything that can be stuck is made stuck, and health says so; what only waits is well."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from prometheus_client.parser import text_string_to_metric_families

from djangotasks_operator import health as module
from djangotasks_operator.api import Api
from djangotasks_operator.cluster import Cluster
from djangotasks_operator.election import Election
from djangotasks_operator.health import Health, health_app, pulse
from djangotasks_operator.leader import Leader
from djangotasks_operator.metrics import Metrics
from djangotasks_operator.start import Starter
from djangotasks_operator.store import Key, Store
from djangotasks_operator.workqueue import WorkQueue

DEADLINE = 5.0
LIMIT = 0.05
A, B, C = (Key("shop", name) for name in "abc")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not check():  # noqa: ASYNC110 - what is waited for is the absence of something
            await asyncio.sleep(0.005)


def test_a_part_that_gives_no_sign_of_life() -> None:
    clock = Clock()
    health = Health(clock)
    beat = health.beats("resync", 60)
    clock.now += 60
    assert health.problems() == []
    clock.now += 1
    assert health.problems() == ["resync: no sign of life for 61 s"]
    beat()
    assert health.problems() == []


def test_what_must_end_and_does_not() -> None:
    clock = Clock()
    health = Health(clock)
    listing = health.within("list", 600)
    with listing():
        clock.now += 300
        with listing():
            clock.now += 301
            assert health.problems() == ["list: has been running for 601 s"]
        assert health.problems() == ["list: has been running for 601 s"]
    assert health.problems() == []
    with pytest.raises(ValueError, match="wrong"), listing():
        raise ValueError("wrong")
    clock.now += 9999
    assert health.problems() == []


def test_a_problem_is_logged_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock()
    health = Health(clock)
    beat = health.beats("resync", 60)
    for _ in range(5):
        clock.now += 30
        health.problems()
    beat()
    health.problems()
    health.problems()
    assert [record.getMessage() for record in caplog.records] == [
        "not healthy: resync: no sign of life for 90 s",
        "healthy again",
    ]


def test_a_blocked_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PULSE_SECONDS", 0.01)

    async def story() -> None:
        health, lags = Health(), list[float]()
        beating = asyncio.create_task(pulse(health.beats("event loop", 0.2), lags.append))
        await until(lambda: len(lags) >= 2)
        time.sleep(0.3)  # noqa: ASYNC251 - the subject
        # As a probe that is answered before anything else runs.
        assert [problem.partition(":")[0] for problem in health.problems()] == ["event loop"]
        await until(lambda: not health.problems())
        assert max(lags) > 0.2
        beating.cancel()

    asyncio.run(story())


class Passes:
    """Stands for the reconciler: a pass ends when it is let."""

    def __init__(self, *_: object) -> None:
        pass

    open: asyncio.Event

    def take_stock(self) -> None:
        pass

    async def reconcile(self, _: Key) -> None:
        await self.open.wait()

    expire = tell = reconcile


class NeverWon:
    async def won(self) -> None:
        await asyncio.Event().wait()


Story = Callable[[WorkQueue[Key], Health], Coroutine[Any, Any, None]]


def led(story: Story, *, election: object | None = None, resync: Callable[[], Awaitable[None]] | None = None) -> None:
    async def nothing() -> None:
        pass

    async def work() -> None:
        Passes.open = asyncio.Event()
        queue: WorkQueue[Key] = WorkQueue()
        leader = Leader(
            Cluster(cast(Api, None), Store()),
            queue,
            WorkQueue(),
            cast(Starter, None),
            resync or nothing,
            cast(Election, election),
            Metrics(),
        )
        health = Health()
        health.add(leader.problem)
        running = asyncio.create_task(leader.run())
        await asyncio.sleep(0)
        try:
            await story(queue, health)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(work())


def short(monkeypatch: pytest.MonkeyPatch, *, workers: int = 64, **limits: float) -> None:
    monkeypatch.setattr("djangotasks_operator.leader.Reconciler", Passes)
    monkeypatch.setattr("djangotasks_operator.leader.WORKERS", workers)
    for name, value in limits.items():
        monkeypatch.setattr(f"djangotasks_operator.leader.{name}", value)


def test_a_pass_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    short(monkeypatch, PASS_LIMIT=LIMIT)

    async def story(queue: WorkQueue[Key], health: Health) -> None:
        queue.add(A)
        await until(lambda: bool(health.problems()))
        assert health.problems()[0].startswith("reconcile: shop/a has been worked on for")
        Passes.open.set()
        await until(lambda: not health.problems())

    led(story)


def test_keys_that_nobody_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    short(monkeypatch, workers=2, DISPATCH_LIMIT=LIMIT)

    async def story(queue: WorkQueue[Key], health: Health) -> None:
        for key in (A, B):
            queue.add(key)
        await asyncio.sleep(2 * LIMIT)
        assert health.problems() == [], "all are worked on, and nothing waits"
        queue.add(C)
        await until(lambda: bool(health.problems()))
        assert health.problems()[0].startswith("dispatcher: 1 keys are ready")
        Passes.open.set()
        await until(lambda: not health.problems())

    led(story)


def test_a_key_whose_time_has_come_and_that_nobody_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    short(monkeypatch, workers=1, DISPATCH_LIMIT=LIMIT)

    async def story(queue: WorkQueue[Key], health: Health) -> None:
        queue.add(A)
        await asyncio.sleep(0)
        queue.add_after(B, LIMIT)
        await until(lambda: bool(health.problems()))
        assert health.problems()[0].startswith("dispatcher: 0 keys are ready")

    led(story)


def test_an_idle_leader_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    short(monkeypatch, DISPATCH_LIMIT=LIMIT, PASS_LIMIT=LIMIT)

    async def story(queue: WorkQueue[Key], health: Health) -> None:
        Passes.open.set()
        queue.add(A)
        queue.add_after(B, 3600)
        await asyncio.sleep(3 * LIMIT)
        assert health.problems() == []

    led(story)


def test_a_standby_takes_no_keys_and_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    short(monkeypatch, DISPATCH_LIMIT=LIMIT)

    async def story(queue: WorkQueue[Key], health: Health) -> None:
        queue.add(A)
        await asyncio.sleep(3 * LIMIT)
        assert len(queue) == 1
        assert health.problems() == []

    led(story, election=NeverWon())


def test_a_leader_that_still_lists_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    short(monkeypatch, DISPATCH_LIMIT=LIMIT)

    async def story(queue: WorkQueue[Key], health: Health) -> None:
        queue.add(A)
        await asyncio.sleep(3 * LIMIT)
        assert health.problems() == [], "a list has a limit of its own"

    async def listing() -> None:
        await asyncio.Event().wait()

    led(story, resync=listing)


def test_what_the_kubelet_and_prometheus_get() -> None:
    async def story() -> None:
        wrong: list[str] = []
        ready = [False]
        health = Health()
        health.add(lambda: wrong[0] if wrong else None)
        async with (
            TestServer(health_app(health, lambda: ready[0], Metrics())) as server,
            aiohttp.ClientSession(server.make_url("/")) as session,
        ):

            async def get(path: str) -> tuple[int, str]:
                async with session.get(path) as response:
                    return response.status, await response.text()

            assert await get("/healthz") == (200, "ok\n")
            assert await get("/readyz") == (503, "not ready\n")
            ready[0] = True
            wrong.append("resync: no sign of life for 900 s")
            assert await get("/readyz") == (200, "ok\n"), "outcomes can be taken all the same"
            assert await get("/healthz") == (503, "resync: no sign of life for 900 s\n")
            status, text = await get("/metrics")
            names = {family.name for family in text_string_to_metric_families(text)}
            assert (status, {"djangotasks_reconcile_duration_seconds", "djangotasks_build_info"} <= names) == (
                200,
                True,
            )

    asyncio.run(story())
