"""Put the operator together, and run it: build the parts, run them under kopf, drain them."""

import asyncio
import logging
import os
import secrets
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

from djangotasks_operator.cache.definitions import check_definitions
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.reflectors import Reflectors
from djangotasks_operator.cache.report_intake import ReportIntake
from djangotasks_operator.cache.resync import Resync
from djangotasks_operator.cache.store import Store
from djangotasks_operator.cache.waiting_standbys import WaitingStandbys
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.config import Config
from djangotasks_operator.controllers.assignments import ReportAccess
from djangotasks_operator.controllers.kopf_handlers import make_registry
from djangotasks_operator.controllers.manager import ControllerManager
from djangotasks_operator.controllers.term import Term
from djangotasks_operator.controllers.work_queues import WorkQueues
from djangotasks_operator.reports.authentication import Authentication
from djangotasks_operator.reports.endpoint import reports_app
from djangotasks_operator.reports.input_requests import InputRequests
from djangotasks_operator.reports.recorder import ReportRecorder
from djangotasks_operator.reports.standbys_endpoint import StandbysEndpoint
from djangotasks_operator.reports.task_requests import TaskRequests
from djangotasks_operator.runtime.addresses import host_port
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.credentials import login
from djangotasks_operator.runtime.first_answers import until_answered
from djangotasks_operator.runtime.http_server import serve
from djangotasks_operator.runtime.kopf_shell import run_kopf
from djangotasks_operator.runtime.leader_election import Election, LeaseElection, SoleCandidate
from djangotasks_operator.runtime.parts import Parts
from djangotasks_operator.runtime.premises import Premises, certificates
from djangotasks_operator.runtime.resources import SERVICES
from djangotasks_operator.runtime.server_clock import ServerClock
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from djangotasks_operator.telemetry.collector import StateCollector
from djangotasks_operator.telemetry.defects import counted_defects
from djangotasks_operator.telemetry.event_recorder import EventRecorder
from djangotasks_operator.telemetry.health import LOOP_LIMIT, PASS_LIMIT, Health, health_app, pulse
from djangotasks_operator.telemetry.hold_observer import HoldTelemetry
from djangotasks_operator.telemetry.metrics import Metrics
from djangotasks_operator.telemetry.observer import StatusObserver
from djangotasks_operator.telemetry.schedule_observer import ScheduleTelemetry

logger = logging.getLogger(__name__)

# How long a round of the election may take. It has deadlines of its own that sum up to 6 s.
ELECTION_LIMIT = 60.0


class Operator:
    """One process of the operator."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._metrics = Metrics()
        self._health = Health()
        self._clock = ServerClock()
        self._monitor = WatchMonitor(config.namespaces)
        self._intake = ReportIntake(config.keys)
        self._work = WorkQueues(wall=lambda: self._clock.now().timestamp())
        self._store = Store(self._work, self._monitor, self._intake)
        self._waiting = WaitingStandbys(lambda: None if self._election is None else self._election.leader_address)
        self._election: Election | None = None
        self._ready = False

    async def run(self) -> None:
        """Work until a signal comes. Ends with an exception when a part fails: the pod is to be started again.

        Raises kopf.LoginError, CannotServe, DefinitionsOutdated, PremisesChanged, what the client raises where it is
        refused, and CancelledError at a signal before kopf runs.
        """
        config = self._config
        if (starting := asyncio.current_task()) is not None:
            # kopf replaces it. The first process of a container has no default for the signal, and would ignore it.
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, starting.cancel)
        async with AsyncExitStack() as stack:
            stack.enter_context(counted_defects(self._metrics.defects.inc))
            premises = Premises()
            await premises.rely_on("The certificate of the API server's authority", certificates(login()))
            api = await stack.enter_async_context(Api(login, self._metrics.api_request, self._clock))
            probes = health_app(self._health, lambda: self._ready, self._metrics)
            await stack.enter_async_context(serve(probes, config.host, config.health_port))
            await until_answered(lambda: check_definitions(api))
            url = self._intake.url = await until_answered(
                lambda: premises.rely_on("The address of the operator's Service", lambda: self._report_url(api))
            )
            reflectors = Reflectors(api, self._store, self._monitor, config.namespaces)
            listing = self._health.within("list of everything", PASS_LIMIT)
            resync = Resync(reflectors, self._store, self._work, self._monitor, listing)
            await until_answered(resync.list)
            events = EventRecorder(api, lambda result: self._metrics.events.labels(result).inc())
            now = self._clock.now
            observer = StatusObserver(self._store, self._metrics, events, now)
            unfenced = TaskWriter(api, self._store, self._intake, observer, now)
            reports = reports_app(
                ReportRecorder(unfenced, now),
                TaskRequests(unfenced, now=now),
                InputRequests(unfenced),
                Authentication(config.keys, self._store.uid_of),
                self._metrics.report,
                StandbysEndpoint(self._waiting, config.keys),
            )
            await stack.enter_async_context(serve(reports, config.host, config.port))
            logger.info("reports are accepted at %s", url)
            election = self._election = self._new_election(api)
            # Left in reverse order: the writers end first, then the lease is released, then the servers close.
            stack.push_async_callback(election.release)
            parts = await stack.enter_async_context(Parts())
            stack.callback(self._set_ready, False)
            writer = TaskWriter(api.with_fence(election.ensure_leading), self._store, self._intake, observer, now)
            manager = self._manager(writer, url, resync, election, events)
            self._observe(manager, election)
            parts.start("controllers", manager.run())
            parts.start("watches", reflectors.watch())
            parts.start("resync", resync.run(config.resync_seconds, self._resync_beat()))
            parts.start("events", events.run())
            parts.start("election", election.run())
            parts.start("premises", premises.run())
            parts.start("pulse", pulse(self._health.beats("event loop", LOOP_LIMIT), self._metrics.loop_lag.observe))
            self._set_ready(True)
            # On a signal, kopf calls stack.aclose, and ends when that is done.
            registry = make_registry(self._store, self._monitor, stack.aclose)
            await run_kopf(registry, config.namespaces, parts.ended)
        parts.raise_fault()

    def _manager(
        self, writer: TaskWriter, url: str, resync: Resync, election: Election, events: EventRecorder
    ) -> ControllerManager:
        access = ReportAccess(url, self._config.keys[0])
        schedules = ScheduleTelemetry(self._store, self._metrics, events, self._clock.now)
        holds = HoldTelemetry(events, self._clock.now)

        def new_term() -> Term:
            return Term(
                writer,
                self._work,
                access,
                self._intake,
                self._metrics,
                self._clock.now,
                waiting=self._waiting,
                schedule_observer=schedules,
                hold_observer=holds,
            )

        return ControllerManager(new_term, self._work, resync.list_unless_fresh, election)

    def _set_ready(self, ready: bool) -> None:
        self._ready = ready

    def _resync_beat(self) -> Callable[[], None]:
        return self._health.beats("resync", self._config.resync_seconds + PASS_LIMIT)

    def _new_election(self, api: Api) -> Election:
        if self._config.lease is None:
            return SoleCandidate()
        identity = f"{os.uname().nodename}-{secrets.token_hex(4)}"
        beat = self._health.beats("election", ELECTION_LIMIT)
        return LeaseElection(
            api.ahead_of_others(), self._config.lease, identity, beat=beat, address=self._config.leader_url
        )

    def _observe(self, manager: ControllerManager, election: Election) -> None:
        """Register what probes and scrapes ask."""
        self._health.add(manager.problem)
        self._health.add(self._monitor.problem)
        self._metrics.leader.set_function(lambda: float(election.leads))
        self._metrics.forget_queues_unless(lambda *queue: self._store.queue(Key(*queue)) is not None)
        self._metrics.add(
            StateCollector(
                self._store,
                self._work.tasks,
                self._monitor,
                lambda: election.leads,
                manager.waiting,
                manager.awaiting_deletion,
                manager.admission,
            )
        )

    async def _report_url(self, api: Api) -> str:
        """By address: a pod's first name look-up takes longer than the report itself."""
        if self._config.report_url is not None:
            return self._config.report_url.rstrip("/")
        if self._config.service is None:
            raise ValueError("neither a report URL nor a Service is set")
        service = await api.get(SERVICES, *self._config.service)
        address, port = service["spec"]["clusterIP"], service["spec"]["ports"][0]["port"]
        return f"http://{host_port(address, port)}"
