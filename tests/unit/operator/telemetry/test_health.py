"""Health says what is stuck."""

from __future__ import annotations

import asyncio
import logging
import time

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from prometheus_client.parser import text_string_to_metric_families

from djangotasks_operator.telemetry import health as module
from djangotasks_operator.telemetry.health import SCRAPES_SHARE, Exposition, Health, health_app, pulse
from djangotasks_operator.telemetry.metrics import Metrics
from tests.unit.operator.harness import until
from tests.unit.operator.model.server import Clock


def test_a_part_that_skips_its_rounds_is_a_problem() -> None:
    clock = Clock()
    health = Health(clock.seconds)
    beat = health.beats("resync", 60)
    clock.advance(60)
    assert health.problems() == []
    clock.advance(1)
    assert health.problems() == ["resync: no progress for 61 s"]
    beat()
    assert health.problems() == []


def test_a_list_that_does_not_end_is_a_problem() -> None:
    clock = Clock()
    health = Health(clock.seconds)
    listing = health.within("list", 600)
    with listing():
        clock.advance(300)
        with listing():
            clock.advance(301)
            assert health.problems() == ["list: has been running for 601 s"]
        assert health.problems() == ["list: has been running for 601 s"]
    assert health.problems() == []
    with pytest.raises(ValueError, match="wrong"), listing():
        raise ValueError("wrong")
    clock.advance(9999)
    assert health.problems() == []


def test_a_problem_is_logged_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock()
    health = Health(clock.seconds)
    beat = health.beats("resync", 60)
    for _ in range(5):
        clock.advance(30)
        health.problems()
    beat()
    health.problems()
    health.problems()
    assert [record.getMessage() for record in caplog.records] == [
        "not healthy: resync: no progress for 90 s",
        "healthy again",
    ]


@pytest.mark.thorough
def test_a_blocked_event_loop_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_scrapes_take_a_bounded_part_of_the_time_however_many_there_are() -> None:
    """A label lets any pod read the metrics, and others than Prometheus have no interval."""
    clock, made = Clock(), 0

    def make() -> bytes:
        nonlocal made
        made += 1
        clock.advance(0.2)
        return str(made).encode()

    exposition = Exposition(make, clock.seconds)
    began = clock.seconds()
    while clock.seconds() < began + 30:
        assert exposition.text() == str(made).encode()
        clock.advance(0.01)
    assert made * 0.2 <= 30 / SCRAPES_SHARE + 0.2
    # Prometheus, which comes now and then, gets what is there now.
    clock.advance(30)
    before = made
    assert exposition.text() == str(before + 1).encode()


def test_probes_and_metrics_are_served() -> None:
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
            wrong.append("resync: no progress for 900 s")
            assert await get("/readyz") == (200, "ok\n"), "outcomes can be taken all the same"
            assert await get("/healthz") == (503, "resync: no progress for 900 s\n")
            status, text = await get("/metrics")
            names = {family.name for family in text_string_to_metric_families(text)}
            assert (status, {"djangotasks_reconcile_duration_seconds", "djangotasks_build_info"} <= names) == (
                200,
                True,
            )

    asyncio.run(story())
