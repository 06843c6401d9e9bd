"""Takes over what task pods report: writes the status at once, on any replica.

The first outcome of the current attempt wins. The resource version in each write makes that so, whoever else
writes at the same time.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from djangotasks_api.models import Attempt, DjangoTask, TaskStatus
from djangotasks_api.outcome import Outcome, ProgressReport, Started
from djangotasks_operator import transitions
from djangotasks_operator.api import ApiError, is_refusal
from djangotasks_operator.cluster import Cluster
from djangotasks_operator.policy import Limits
from djangotasks_operator.store import Key

logger = logging.getLogger(__name__)

# How long a start is held back: most outcomes overtake it, and save the write.
STARTED_DELAY = 0.25
# How long after one write of an attempt's progress the next may follow.
PROGRESS_SECONDS = 1.0
CONFLICT_TRIES = 8


class Stale(Exception):
    """The report is of an attempt that has ended, or of a task that is gone. Nothing was changed."""


class Reports:
    """One instance a process."""

    def __init__(self, cluster: Cluster, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._cluster = cluster
        self._now = now
        self._held: dict[tuple[Key, int], asyncio.Task[None]] = {}
        # The attempts of which progress is being written, or was a moment ago, with what they have said since.
        self._told: dict[tuple[str, int], ProgressReport | None] = {}
        self._resting: set[asyncio.Task[None]] = set()

    def started(self, key: Key, uid: str, attempt: int, report: Started) -> None:
        """Shows the task as Running, unless its outcome comes first."""
        held = (key, attempt)
        if held in self._held:
            return
        task = asyncio.create_task(self._show_running(key, uid, attempt, datetime.fromisoformat(report.started_at)))
        self._held[held] = task
        task.add_done_callback(lambda _: self._held.pop(held, None))

    async def outcome(self, key: Key, uid: str, attempt: int, outcome: Outcome) -> None:
        """Writes the outcome. Returns when it is stored, now or before; raises Stale where it cannot be."""
        if (held := self._held.get((key, attempt))) is not None:
            held.cancel()
        finished_at = datetime.fromisoformat(outcome.finished_at)

        def transition(task: DjangoTask) -> TaskStatus | None:
            known = next((a for a in task.status.attempts if a.number == attempt), None)
            if known is not None and known.finished_at is not None:
                if _same(known, outcome, finished_at):
                    return None
                raise Stale(f"attempt {attempt} has ended already")
            if task.status.phase.is_terminal or transitions.current_number(task.status) != attempt:
                raise Stale(f"attempt {attempt} is not the current one")
            limits = self._limits(key)
            return transitions.with_outcome(key.name, task.status, outcome, limits, self._now())

        if (uid, attempt) in self._told:
            self._told[uid, attempt] = None  # it is older
        await self._write(key, uid, transition)

    async def progress(self, key: Key, uid: str, attempt: int, report: ProgressReport) -> None:
        """Shows how far the attempt is: at once or, where that was done a moment ago, a second later by its latest
        report. Raises Stale where that is known at once."""
        told = uid, attempt
        if told in self._told:
            self._told[told] = report
            return
        self._told[told] = None
        if (held := self._held.get((key, attempt))) is not None:
            held.cancel()
        try:
            await self._show_progress(key, uid, attempt, report)
        finally:
            resting = asyncio.create_task(self._rest(key, uid, attempt))
            self._resting.add(resting)
            resting.add_done_callback(self._resting.discard)

    async def _rest(self, key: Key, uid: str, attempt: int) -> None:
        """Keeps an attempt's reports back for a second, and then shows the latest of them, if there is one."""
        told = uid, attempt
        try:
            while True:
                await asyncio.sleep(PROGRESS_SECONDS)
                if (report := self._told.get(told)) is None:
                    return
                self._told[told] = None
                await self._show_progress(key, uid, attempt, report)
        except (Stale, ApiError, OSError, TimeoutError) as error:
            # The next report says more, and is answered.
            logger.debug("progress was not recorded: %s", error)
        finally:
            self._told.pop(told, None)

    async def _show_progress(self, key: Key, uid: str, attempt: int, report: ProgressReport) -> None:
        def transition(task: DjangoTask) -> TaskStatus:
            current = transitions.open_attempt(task.status)
            condemned = current is not None and current.reason is not None
            if condemned or task.status.phase.is_terminal or transitions.current_number(task.status) != attempt:
                raise Stale(f"attempt {attempt} is not the current one, or is being stopped")
            return transitions.with_progress(key.name, task.status, report, self._now())

        await self._write(key, uid, transition)

    async def _show_running(self, key: Key, uid: str, attempt: int, started_at: datetime) -> None:
        await asyncio.sleep(STARTED_DELAY)

        def transition(task: DjangoTask) -> TaskStatus | None:
            status = task.status
            if status.phase.is_terminal or transitions.current_number(status) != attempt:
                return None
            current = transitions.open_attempt(status)
            if current is not None and (current.started_at is not None or current.reason is not None):
                return None
            pod = self._cluster.store.pod(key, attempt)
            alive_at = None if pod is None or pod.heartbeat_timeout is None else self._now()
            return transitions.running(key.name, status, started_at, alive_at=alive_at)

        try:
            await self._write(key, uid, transition)
        except (Stale, ApiError, OSError, TimeoutError) as error:
            # Its loss costs nothing: the reconcile loop sees the running container.
            logger.debug("a start was not recorded: %s", error)

    async def _write(self, key: Key, uid: str, transition: Callable[[DjangoTask], TaskStatus | None]) -> None:
        """Reads, changes, writes; reads again where somebody else was faster."""
        for tries in range(CONFLICT_TRIES):
            task = self._cluster.store.task(key)
            if tries or task is None or task.metadata.uid != uid:
                await self._cluster.refresh(key)
                task = self._cluster.store.task(key)
            if task is None or task.metadata.uid != uid:
                raise Stale("the task is gone")
            try:
                status = transition(task)
            except Stale:
                # The watch may be late, that of a standby above all: the API server has the last word.
                if tries:
                    raise
                continue
            if status is None:
                return
            try:
                await self._cluster.write_status(task, status)
            except (ApiError, OSError, TimeoutError) as error:
                if isinstance(error, ApiError) and error.outdated:
                    continue
                if not is_refusal(error):
                    self._cluster.store.listening_since = self._now()
                raise
            return
        raise TimeoutError(f"{key}: the status could not be written, others were faster {CONFLICT_TRIES} times")

    def _limits(self, key: Key) -> Limits:
        snapshot = self._cluster.store.snapshot(key, admitted=True)
        return Limits() if snapshot is None else snapshot.limits


def _same(known: Attempt, outcome: Outcome, finished_at: datetime) -> bool:
    return known.finished_at == finished_at and known.reason == outcome.reason
