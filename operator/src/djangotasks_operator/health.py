"""Whether this process still does its work, for the kubelet: a process that is up may be stuck.

A problem of the API server is none of ours: a restart would not help, and every wait for it has an end. So the limits
below are longer than any such wait.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from djangotasks_operator.metrics import Metrics

logger = logging.getLogger(__name__)

PULSE_SECONDS = 1.0
LOOP_LIMIT = 30.0
# A list or a pass over a task makes a handful of requests, each with its deadline and its retries when throttled.
PASS_LIMIT = 600.0

Check = Callable[[], str | None]


class Health:
    """A collection of checks; each says what is wrong, or None."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._checks: list[Check] = []
        self._said: tuple[str, ...] = ()

    def add(self, check: Check) -> None:
        self._checks.append(check)

    def beats(self, part: str, limit: float) -> Callable[[], None]:
        """For a part that works in rounds: call the answer after each. More than `limit` seconds without is wrong."""
        last = self._clock()

        def beat() -> None:
            nonlocal last
            last = self._clock()

        def check() -> str | None:
            silent = self._clock() - last
            return f"{part}: no sign of life for {silent:.0f} s" if silent > limit else None

        self.add(check)
        return beat

    def within(self, what: str, limit: float) -> Callable[[], contextlib.AbstractContextManager[None]]:
        """For what must end: enter the answer around it. Longer than `limit` seconds is wrong."""
        running: dict[object, float] = {}

        @contextlib.contextmanager
        def working() -> Iterator[None]:
            token = object()
            running[token] = self._clock()
            try:
                yield
            finally:
                del running[token]

        def check() -> str | None:
            longest = self._clock() - min(running.values(), default=self._clock())
            return f"{what}: has been running for {longest:.0f} s" if longest > limit else None

        self.add(check)
        return working

    def problems(self) -> list[str]:
        """What is wrong now. Said in the log when it begins: the kubelet keeps the answer to itself."""
        problems = [problem for check in self._checks if (problem := check()) is not None]
        subjects = tuple(problem.partition(":")[0] for problem in problems)
        if subjects != self._said:
            self._said = subjects
            for problem in problems:
                logger.error("not healthy: %s", problem)
            if not problems:
                logger.info("healthy again")
        return problems


async def pulse(beat: Callable[[], None], lag: Callable[[float], None]) -> None:
    """Beats for the event loop, for as long as it is not blocked. `lag`: is told how late each beat was, in seconds."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + PULSE_SECONDS
        await asyncio.sleep(PULSE_SECONDS)
        lag(max(loop.time() - due, 0.0))
        beat()


def health_app(health: Health, ready: Callable[[], bool], metrics: Metrics) -> web.Application:
    """For the kubelet's probes, and for Prometheus. `ready`: synced, and serving."""

    async def healthz(_: web.Request) -> web.Response:
        problems = health.problems()
        return web.Response(status=503 if problems else 200, text="\n".join(problems or ["ok"]) + "\n")

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if ready() else web.Response(status=503, text="not ready\n")

    async def metricsz(_: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metricsz)
    return app
