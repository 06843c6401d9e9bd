"""Puts the operator together and runs it: watches, election, leader, resync, endpoints."""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import time
from dataclasses import dataclass

import kopf

from djangotasks_operator import handlers
from djangotasks_operator.api import SERVICES, Api, ApiError
from djangotasks_operator.cluster import Cluster
from djangotasks_operator.election import Election
from djangotasks_operator.endpoint import reports_app
from djangotasks_operator.events import Events
from djangotasks_operator.gauges import Gauges
from djangotasks_operator.health import LOOP_LIMIT, PASS_LIMIT, Health, health_app, pulse
from djangotasks_operator.kopf_storage import NoDiffBase, NoProgress
from djangotasks_operator.leader import Leader
from djangotasks_operator.login import login
from djangotasks_operator.metrics import Metrics
from djangotasks_operator.mirror import Mirrors
from djangotasks_operator.queue_keeper import NEWS_SECONDS
from djangotasks_operator.reports import Reports
from djangotasks_operator.server import serve
from djangotasks_operator.start import Starter
from djangotasks_operator.store import Key, Store
from djangotasks_operator.streams import Streams
from djangotasks_operator.witness import Witness
from djangotasks_operator.workqueue import WorkQueue

logger = logging.getLogger(__name__)

# How soon a list follows the suspicion that a watch is stuck.
SUSPICION_SECONDS = 10.0
# A minute of errors ends the process, as with kopf's own; but where the API server is away, which does not, a watch is
# open again 5 s after it is back, rather than 21.
WATCH_BACKOFFS = (1, 1, 2, 3, *(5,) * 10)
FRESH_SECONDS = 5.0
# The election's rounds take 6 s at most.
ELECTION_LIMIT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """`namespaces`: empty for all. `report_url`: where task pods reach this operator; or `service`, the
    (namespace, name) of the Service whose cluster IP is used. `lease`: the (namespace, name) of the Lease that
    replicas share; None for the only one. `keys`: the first signs tokens, and all are accepted."""

    namespaces: tuple[str, ...] = ()
    report_url: str | None = None
    service: tuple[str, str] | None = None
    lease: tuple[str, str] | None = None
    host: str = "0.0.0.0"  # noqa: S104 - it serves other pods
    port: int = 8080
    health_port: int = 8081
    resync_seconds: float = 300.0
    keys: tuple[bytes, ...]


class Operator:
    """One process. `run` ends when the process is told to, or when a part of it fails."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._metrics = Metrics()
        self._health = Health()
        self._streams = Streams(config.namespaces)
        self._queue: WorkQueue[Key] = WorkQueue()
        self._queues: WorkQueue[Key] = WorkQueue()
        self._store = Store(self._queue.add, self._streams, self._queue_news)
        self._resyncing = self._health.within("list of everything", PASS_LIMIT)
        self._ready = False
        self._listed_at = 0.0

    async def run(self) -> None:
        config, health = self._config, health_app(self._health, lambda: self._ready, self._metrics)
        async with (
            Api(login, self._metrics.api_request) as api,
            serve(health, config.host, config.health_port),
        ):
            url = await self._report_url(api)
            mirrors = Mirrors(api, self._store, self._streams, config.namespaces)
            await self._resync(mirrors)
            events = Events(api, lambda result: self._metrics.events.labels(result).inc())
            witness = Witness(self._store, self._metrics, events)
            reports = reports_app(Reports(Cluster(api, self._store, witness)), config.keys, self._metrics.report)
            async with serve(reports, config.host, config.port):
                logger.info("reports are taken at %s", url)
                await self._run_parts(api, mirrors, url, events, witness)

    async def _run_parts(self, api: Api, mirrors: Mirrors, url: str, events: Events, witness: Witness) -> None:
        election = self._election(api)
        fenced = Cluster(api if election is None else api.fenced(election.ensure_leading), self._store, witness)
        starter = Starter(fenced, url, self._config.keys[0])
        leader = Leader(
            fenced,
            self._queue,
            self._queues,
            starter,
            lambda: self._resync_unless_fresh(mirrors),
            election,
            self._metrics,
        )
        self._observe(leader, election)
        watching = asyncio.Event()
        parts = {
            "signal": _told_to_stop(watching),
            "leader": leader.run(),
            "watches": mirrors.watch(),
            "resync": self._resync_for_ever(mirrors),
            "events": events.run(),
            "pulse": pulse(self._health.beats("event loop", LOOP_LIMIT), self._metrics.loop_lag.observe),
        }
        if election is not None:
            parts["election"] = election.run()
        tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
        shell = asyncio.create_task(self._run_kopf(watching), name="kopf")
        self._ready = True
        try:
            done, _ = await asyncio.wait([*tasks, shell], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ready = False
            # The writers first, then the lease. kopf comes last, because it takes what else there is on the event
            # loop with it.
            await _cancel(tasks)
            if election is not None:
                await election.release()
            await _cancel([shell])
        for task in done:
            task.result()
            if task.get_name() not in ("signal", "kopf"):
                # A part that ends is a fault, and a reason to be started anew.
                raise RuntimeError(f"{task.get_name()} ended")

    def _queue_news(self, queue: Key, spec: bool) -> None:
        if spec:
            self._queues.add(queue)
        elif self._store.queue(queue) is not None:
            self._queues.add_after(queue, NEWS_SECONDS)

    async def _run_kopf(self, watching: asyncio.Event) -> None:
        registry, settings = kopf.OperatorRegistry(), kopf.OperatorSettings()
        kopf.on.login(registry=registry)(login)
        handlers.register(registry, self._store, self._streams)
        settings.posting.enabled = False
        settings.peering.standalone = True
        settings.scanning.disabled = True
        settings.networking.error_backoffs = WATCH_BACKOFFS
        settings.persistence.progress_storage = NoProgress()
        settings.persistence.diffbase_storage = NoDiffBase()
        await kopf.operator(
            registry=registry,
            settings=settings,
            standalone=True,
            ready_flag=watching,
            clusterwide=not self._config.namespaces,
            namespaces=self._config.namespaces,
        )

    async def _resync_for_ever(self, mirrors: Mirrors) -> None:
        clock, seconds = asyncio.get_running_loop().time, self._config.resync_seconds
        beat = self._health.beats("resync", seconds + PASS_LIMIT)
        while True:
            due, waiting = clock() + seconds, True
            while waiting:
                await asyncio.sleep(min(SUSPICION_SECONDS, seconds))
                waiting = clock() < due and not self._streams.suspicious()
            with contextlib.suppress(ApiError, OSError, TimeoutError):
                await self._resync(mirrors)
            beat()

    async def _resync(self, mirrors: Mirrors) -> None:
        with self._resyncing():
            began = self._streams.clock()
            await mirrors.list()
            self._streams.listed(began)
        self._listed_at = time.monotonic()
        for key in self._store.all_keys():
            self._queue.add(key)

    async def _resync_unless_fresh(self, mirrors: Mirrors) -> None:
        """For the first leader: it need not list again what was listed as it started."""
        if time.monotonic() - self._listed_at > FRESH_SECONDS:
            await self._resync(mirrors)
        for key in self._store.all_keys():
            self._queue.add(key)

    def _election(self, api: Api) -> Election | None:
        if self._config.lease is None:
            return None
        identity = f"{os.uname().nodename}-{secrets.token_hex(4)}"
        beat = self._health.beats("election", ELECTION_LIMIT)
        return Election(api, self._config.lease, identity, beat=beat)

    def _observe(self, leader: Leader, election: Election | None) -> None:
        """For probes and scrapes."""
        self._health.add(leader.problem)
        self._health.add(self._streams.problem)
        leads = (lambda: True) if election is None else (lambda: election.leads)
        self._metrics.add(Gauges(self._store, self._queue, self._streams, leads, leader.waiting, leader.expired))

    async def _report_url(self, api: Api) -> str:
        """By address: a pod's first name look-up takes longer than the report itself."""
        if self._config.report_url is not None:
            return self._config.report_url.rstrip("/")
        if self._config.service is None:
            raise ValueError("neither a report URL nor a Service is set")
        service = await api.get(SERVICES, *self._config.service)
        address, port = service["spec"]["clusterIP"], service["spec"]["ports"][0]["port"]
        return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


async def _told_to_stop(watching: asyncio.Event) -> None:
    """Returns on SIGTERM or SIGINT. kopf's own way of stopping waits 5 s for tasks that are not its own."""
    await watching.wait()
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()
    logger.info("told to stop")


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
