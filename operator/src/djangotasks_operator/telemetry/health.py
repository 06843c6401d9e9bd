"""Check whether this process still works, for the kubelet's probes: a process that is up may be stuck.

An API server that is away is no reason for a restart, and every wait for it has an end. So the limits below are longer
than any such wait.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from djangotasks_operator.telemetry.metrics import Metrics

logger = logging.getLogger(__name__)

PULSE_SECONDS = 1.0
# The longest that anything may block the event loop. Twice the lease: such a process does not lead any more.
LOOP_LIMIT = 30.0
# A list, or a reconcile of a task, makes a handful of requests, each with its deadline and its retries when throttled.
PASS_LIMIT = 600.0

# Making the text of the metrics blocks the event loop, for 0.2 s with 200 queues, and anyone whose pod has the label of
# Prometheus may ask for it: it takes at most one part in so many of the time.
SCRAPES_SHARE = 20

# Says what is wrong, as "part: what", or None.
type Check = Callable[[], str | None]


class Health:
    """The checks of all parts of the process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._checks: list[Check] = []
        self._logged: tuple[str, ...] = ()

    def add(self, check: Check) -> None:
        self._checks.append(check)

    def beats(self, part: str, limit: float) -> Callable[[], None]:
        """Watch a part that works in rounds. It must call the returned function at least every `limit` seconds."""
        last = self._clock()

        def beat() -> None:
            nonlocal last
            last = self._clock()

        def check() -> str | None:
            silent = self._clock() - last
            return f"{part}: no progress for {silent:.0f} s" if silent > limit else None

        self.add(check)
        return beat

    def within(self, what: str, limit: float) -> Callable[[], contextlib.AbstractContextManager[None]]:
        """Watch something that must end. The returned context must not be open for longer than `limit` seconds."""
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
        """Say what is wrong now. Logs it when it begins, since the kubelet does not show the answer."""
        problems = [problem for check in self._checks if (problem := check()) is not None]
        subjects = tuple(problem.partition(":")[0] for problem in problems)
        if subjects != self._logged:
            self._logged = subjects
            for problem in problems:
                logger.error("not healthy: %s", problem)
            if not problems:
                logger.info("healthy again")
        return problems


async def pulse(beat: Callable[[], None], lag: Callable[[float], None]) -> None:
    """Call `beat` each second, for as long as the event loop is not blocked. `lag`: called with how late each is."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + PULSE_SECONDS
        await asyncio.sleep(PULSE_SECONDS)
        lag(max(loop.time() - due, 0.0))
        beat()


class Exposition:
    """The metrics as text, which is given again for as long as making another would take too much of the time."""

    def __init__(self, make: Callable[[], bytes], clock: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._clock = clock
        self._text = b""
        self._until = clock()

    def text(self) -> bytes:
        if (began := self._clock()) >= self._until:
            self._text = self._make()
            self._until = began + SCRAPES_SHARE * (self._clock() - began)
        return self._text


def health_app(health: Health, ready: Callable[[], bool], metrics: Metrics) -> web.Application:
    """The application for the kubelet's probes and Prometheus. `ready`: the process is synced, and serves reports."""

    exposition = Exposition(metrics.text)

    async def healthz(_: web.Request) -> web.Response:
        problems = health.problems()
        return web.Response(status=503 if problems else 200, text="\n".join(problems or ["ok"]) + "\n")

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if ready() else web.Response(status=503, text="not ready\n")

    async def metricsz(_: web.Request) -> web.Response:
        return web.Response(body=exposition.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metricsz)
    return app
