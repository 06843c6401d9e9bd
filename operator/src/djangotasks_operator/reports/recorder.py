"""Write reports of task pods to the status.

The first outcome of the current attempt wins. The resource version in each write ensures that, also when
others write at the same time.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from djangotasks_api.items import ItemsReport
from djangotasks_api.models import Attempt, DjangoTask, TaskStatus
from djangotasks_api.outcome import Outcome
from djangotasks_api.reports import ProgressReport, Started
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.pods.times import clock_behind
from djangotasks_operator.reports.authentication import AttemptRef, SignedAttempt
from djangotasks_operator.reports.throttle import ConflatingThrottle
from djangotasks_operator.runtime.errors import REQUEST_ERRORS, ApiError
from djangotasks_operator.scheduling.limits import Limits
from djangotasks_operator.scheduling.timing import believed
from djangotasks_operator.status import endings, transitions
from djangotasks_operator.status.attempts import current_number, open_attempt
from djangotasks_operator.status.clocks import corrected
from djangotasks_operator.status.items import with_items
from djangotasks_operator.status.outcomes import result_too_large

logger = logging.getLogger(__name__)

# How long the write of a start is delayed: most outcomes overtake it, and save the write.
STARTED_DELAY = 0.25
# So many starts are delayed, or being written, at once: their pods were answered, so no connection bounds them. Of more
# the task controller sees the running container, some seconds later.
DELAYED_STARTS_MAX = 200
# The runner tries for 2 s to report a start, and the operator takes 15 s at most to read or write a task.
START_REPORT_MAX_AGE = timedelta(seconds=30)
# From one write of an attempt's progress to the next.
PROGRESS_SECONDS = 1.0
# Tries of one write. A conflict means that somebody else wrote, and the leader writes an attempt's status a handful of
# times. After the last one the pod is answered 503, and sends its report again.
CONFLICT_TRIES = 8


class Stale(Exception):
    """The report is of an attempt that has ended, or of a task that is gone. Nothing was changed."""


# What a report makes of the status of a task; None where it says nothing new.
type Transition = Callable[[DjangoTask], TaskStatus | Stale | None]


class ReportRecorder:
    """One instance a process."""

    def __init__(
        self,
        writer: TaskWriter,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        started_delay: float = STARTED_DELAY,
        progress_seconds: float = PROGRESS_SECONDS,
    ) -> None:
        self._writer = writer
        self._now = now
        self._started_delay = started_delay
        self._delayed_starts: dict[SignedAttempt, asyncio.Task[None]] = {}
        self._progress: ConflatingThrottle[AttemptRef, ProgressReport] = ConflatingThrottle(
            progress_seconds, self.write_progress, (Stale, *REQUEST_ERRORS)
        )

    def started(self, attempt: AttemptRef, report: Started) -> None:
        """Show the task as Running after a moment, unless its outcome comes first."""
        signed = attempt.signed
        if signed in self._delayed_starts or len(self._delayed_starts) >= DELAYED_STARTS_MAX:
            return
        started_at = datetime.fromisoformat(report.started_at)
        task = self._delayed_starts[signed] = asyncio.create_task(self._write_start_later(attempt, started_at))
        task.add_done_callback(lambda _: self._delayed_starts.pop(signed, None))

    async def progress(self, attempt: AttemptRef, report: ProgressReport) -> None:
        """Show the attempt's progress: at once or, where that was done a moment ago, its latest report a second later.
        Raises Stale where that is known at once."""
        self._cancel_start(attempt)
        await self._progress.submit(attempt, report)

    async def outcome(self, attempt: AttemptRef, outcome: Outcome) -> None:
        """Write the outcome. Returns when it is stored, now or before. Raises Stale where it does not count, and what
        the client raises where it could not be stored."""
        self._cancel_start(attempt)
        self._progress.discard(attempt)
        try:
            await self._write_outcome(attempt, outcome)
        except ApiError as error:
            if not error.too_large or not (outcome.succeeded or outcome.items):
                raise
            # The result is as long as it may be, and takes several times as much where the API server stores it.
            await self._write_outcome(attempt, result_too_large(outcome))

    async def items(self, attempt: AttemptRef, items: ItemsReport) -> None:
        """Store what an attempt leaves that is ended before it was done. Raises as `outcome` does."""

        def transition(task: DjangoTask) -> TaskStatus | Stale:
            known = next((a for a in task.status.attempts if a.number == attempt.number), None)
            over = known is not None and known.finished_at is not None
            if over or task.status.phase.is_terminal or current_number(task.status) != attempt.number:
                return Stale(f"attempt {attempt.number} has ended already")
            return with_items(task.status, items)

        await self._write(attempt, transition)

    async def _write_outcome(self, attempt: AttemptRef, outcome: Outcome) -> None:
        number, repeated = attempt.number, False

        def transition(task: DjangoTask) -> TaskStatus | Stale | None:
            nonlocal repeated
            known = next((a for a in task.status.attempts if a.number == number), None)
            if known is not None and known.finished_at is not None:
                if not _same(
                    known, corrected(outcome, self._earliest(attempt, task), known.recorded_at or self._now())
                ):
                    return Stale(f"attempt {number} has ended already")
                repeated = True
                return None
            if task.status.phase.is_terminal or current_number(task.status) != number:
                return Stale(f"attempt {number} is not the current one")
            now, limits = self._now(), self._limits(attempt.task)
            fixed = corrected(outcome, self._earliest(attempt, task), now)
            return endings.with_outcome(attempt.task.name, task.status, fixed, limits, now)

        await self._write(attempt, transition)
        if repeated and outcome.succeeded and outcome.result_ref is None and outcome.workflow is None:
            # The cache has no results. Another one is no repetition.
            body = await self._writer.read_task(attempt.task)
            if body is None or (body.get("status") or {}).get("result") != outcome.result:
                raise Stale(f"attempt {number} has ended already, with another result")

    async def idle(self) -> None:
        """Wait until nothing is left to be written later."""
        await asyncio.gather(*self._delayed_starts.values(), return_exceptions=True)
        await self._progress.idle()

    async def write_progress(self, attempt: AttemptRef, report: ProgressReport) -> None:
        """Write a report of progress now. Raises as `outcome` does."""

        def transition(task: DjangoTask) -> TaskStatus | Stale:
            current = open_attempt(task.status)
            stopping = current is not None and current.reason is not None
            if stopping or task.status.phase.is_terminal or current_number(task.status) != attempt.number:
                return Stale(f"attempt {attempt.number} is not the current one, or is being stopped")
            now = self._now()
            claimed = datetime.fromisoformat(report.started_at) + self._clock_behind(attempt)
            started_at = believed(claimed, self._earliest(attempt, task), now)
            return transitions.with_progress(attempt.task.name, task.status, report, now, started_at=started_at)

        await self._write(attempt, transition)

    async def write_start(self, attempt: AttemptRef, started_at: datetime) -> None:
        """Write now that the attempt runs, unless more is known of it already. Raises as `outcome` does."""

        def transition(task: DjangoTask) -> TaskStatus | None:
            status = task.status
            if status.phase.is_terminal or current_number(status) != attempt.number:
                return None
            current = open_attempt(status)
            if current is not None and (current.started_at is not None or current.reason is not None):
                reported = transitions.with_report(status)
                return None if reported is status else reported
            pod, now = self._writer.store.pod(attempt.task, attempt.number), self._now()
            alive_at = None if pod is None or pod.heartbeat_timeout is None else now
            # It is sent once, at the call.
            earliest = max(self._earliest(attempt, task) or now, now - START_REPORT_MAX_AGE)
            since = believed(started_at + self._clock_behind(attempt), earliest, now)
            return transitions.running(attempt.task.name, status, since, alive_at=alive_at)

        await self._write(attempt, transition)

    async def _write_start_later(self, attempt: AttemptRef, started_at: datetime) -> None:
        await asyncio.sleep(self._started_delay)
        try:
            await self.write_start(attempt, started_at)
        except (Stale, *REQUEST_ERRORS) as error:
            # Its loss costs nothing: the task controller sees the running container.
            logger.debug("a start was not recorded: %s", error)

    def _cancel_start(self, attempt: AttemptRef) -> None:
        if (delayed := self._delayed_starts.get(attempt.signed)) is not None:
            delayed.cancel()

    async def _write(self, attempt: AttemptRef, transition: Transition) -> None:
        """Write the status that `transition` makes of the current one. Reads the task again where somebody else was
        faster. Raises Stale where the task is gone, or the report does not count."""
        key, writer = attempt.task, self._writer
        for tries in range(CONFLICT_TRIES):
            task = writer.store.task(key)
            if tries or task is None or task.metadata.uid != attempt.uid:
                await writer.read_task(key)
                task = writer.store.task(key)
            if task is None or task.metadata.uid != attempt.uid:
                raise Stale("the task is gone")
            match transition(task):
                case None:
                    return
                case Stale() as stale:
                    # The watch may be late, that of a standby above all: the API server has the last word.
                    if tries:
                        raise stale
                case status:
                    try:
                        await writer.write_status(task, status)
                    except ApiError as error:
                        if not error.stale_or_gone:
                            raise
                    else:
                        return
        raise TimeoutError(f"{key}: the status could not be written, others were faster {CONFLICT_TRIES} times")

    def _earliest(self, attempt: AttemptRef, task: DjangoTask) -> datetime | None:
        """When the attempt cannot have started yet, by the API server's clock."""
        pod = self._writer.store.pod(attempt.task, attempt.number)
        return task.metadata.creation_timestamp if pod is None else pod.created_at

    def _clock_behind(self, attempt: AttemptRef) -> timedelta:
        return clock_behind(self._writer.store.pod(attempt.task, attempt.number))

    def _limits(self, key: Key) -> Limits:
        snapshot = self._writer.store.snapshot(key)
        return Limits() if snapshot is None else snapshot.limits


def _same(known: Attempt, outcome: Outcome) -> bool:
    return known.finished_at == datetime.fromisoformat(outcome.finished_at) and known.reason == outcome.reason
