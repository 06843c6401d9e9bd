"""Create the tasks and workflows of schedules when they are due, and keep the schedules' status.

Reconciled when a schedule is due, when its spec or its queue changes, and when one of its tasks is new or has finished.
`djangotasks_api.schedules.due` decides; this acts, and records what it did. A leader that dies in between does no harm:
the next one finds the task by its name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from djangotasks_api.models import DjangoTask, TaskSpec
from djangotasks_api.models.base import Metadata
from djangotasks_api.phases import Reason
from djangotasks_api.schedules.cron import InvalidSchedule
from djangotasks_api.schedules.due import due, is_ahead
from djangotasks_api.schedules.plan import Plan, wire_time
from djangotasks_api.schedules.record import Record, Skip, SkipReason
from djangotasks_api.schedules.resource import is_run, scheduled
from djangotasks_api.schedules.timing import UnknownTimeZone
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.schedule_writer import ScheduleWriter
from djangotasks_operator.cache.schedules import CachedSchedule, parse_schedule
from djangotasks_operator.controllers.start_results import QUOTA_WORDS
from djangotasks_operator.controllers.work_queues import WorkQueues
from djangotasks_operator.runtime.controller import Result
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.scheduling.validation import refusal
from djangotasks_operator.status.queue_status import NotReady
from djangotasks_operator.status.schedule_status import (
    CLOCK_WAS_AHEAD,
    INVALID_SCHEDULE,
    TASK_REFUSED,
    UNKNOWN_TIME_ZONE,
    blocked,
    is_urgent,
    schedule_status,
)

# Schedules that are reconciled at once: a thousand may be due in the same second.
SCHEDULES_IN_FLIGHT: Final = 32
# From a task's creation to the write of its schedule's status: what changes within that time is one write.
STATUS_DEBOUNCE: Final = timedelta(seconds=5)
# A task that ended while nobody led is still unfinished for a new leader, until it has read the end of its pod.
SETTLING: Final = timedelta(seconds=5)


class ScheduleObserver(Protocol):
    """Called after what was done for a schedule. Takes no time, and raises nothing."""

    def created(self, schedule: CachedSchedule, late: timedelta) -> None:
        """A task was created, so long after it was due."""

    def skipped(self, schedule: CachedSchedule, skip: Skip) -> None:
        """A time was left out."""

    def not_ready(self, schedule: CachedSchedule, problem: NotReady) -> None:
        """The schedule is not ready any more, or for another reason."""


class Unobserved:
    """A ScheduleObserver that reports nothing."""

    def created(self, schedule: CachedSchedule, late: timedelta) -> None: ...

    def skipped(self, schedule: CachedSchedule, skip: Skip) -> None: ...

    def not_ready(self, schedule: CachedSchedule, problem: NotReady) -> None: ...


@dataclass(slots=True)
class Working:
    """What is known of a schedule and not in its status yet."""

    uid: str
    record: Record
    changed_at: datetime | None = None
    """Since when its status is another one."""
    refused: NotReady | None = None
    """Why its last task could not be created."""


class ScheduleController:
    def __init__(
        self, writer: ScheduleWriter, work: WorkQueues, observer: ScheduleObserver, now: Callable[[], datetime]
    ) -> None:
        self._writer = writer
        self._store = writer.store
        self._work = work
        self._observer = observer
        self._now = now
        self._working: dict[Key, Working] = {}
        self._settled_at = now()

    def initialize(self) -> None:
        """Reconcile all schedules once."""
        self._settled_at = self._now() + SETTLING
        for schedule in self._store.schedules.all():
            self._work.schedules.add(schedule.key)

    async def reconcile(self, key: Key) -> Result:
        """Do what is due, write the status where that has changed, and come again when there is more to do."""
        schedule = self._store.schedules.get(key)
        if schedule is None or schedule.deleting:
            self._working.pop(key, None)
            return Result.DONE
        tasks = self._store.schedules.unfinished(key)
        if tasks and (now := self._now()) < self._settled_at:
            self._work.schedules.add_after(key, (self._settled_at - now).total_seconds())
            return Result.DONE
        working = self._of(schedule)
        if isinstance(plan := read_plan(schedule), NotReady):
            return await self._write_status(schedule, working, None, None, plan)
        ready, added = (timedelta(seconds=seconds) for seconds in self._work.schedules.waited(key))
        decision = due(plan, working.record, tasks, self._now(), waited=ready, known_for=added)
        working.record = decision.record
        for skip in decision.skips:
            self._observer.skipped(schedule, skip)
        stuck = await self._cancel(key, decision.cancel)
        result = Result.DONE if stuck is None else Result.RETRY
        if decision.create:
            if await self._create(schedule, plan, working, decision.create):
                # What follows from it comes after what else is due in this moment.
                self._work.schedules.add(key)
                return Result.DONE
            result = Result.RETRY
        if decision.wake_at is not None:
            self._work.schedules.add_after(key, (decision.wake_at - self._now()).total_seconds())
        ahead = self._ahead(schedule, working.record)
        written = await self._write_status(
            schedule,
            working,
            plan,
            decision.next_time,
            ahead or stuck or working.refused or blocked(plan, tasks) or self._problem(schedule),
        )
        return Result.RETRY if Result.RETRY in (result, written) else Result.DONE

    async def _cancel(self, key: Key, names: tuple[str, ...]) -> NotReady | None:
        """Ask for the cancellation of these tasks. Returns why one of them cannot be cancelled, where the API server
        refuses that."""
        stuck = None
        for name in names:
            try:
                await self._writer.cancel(key.namespace, name, key.name, f"replaced by the schedule {key.name}")
            except ApiError as error:
                if (refused := _refused(error)) is None:
                    raise
                stuck = NotReady(refused.reason, f"{name} cannot be cancelled: {refused.message}")
        return stuck

    async def _create(
        self, schedule: CachedSchedule, plan: Plan, working: Working, times: tuple[datetime, ...]
    ) -> bool:
        """Create the tasks of these times. False where the API server refuses one."""
        # The cache may be old: another leader may have created these tasks, and they may have been deleted since.
        if (body := await self._writer.read(schedule)) is None:
            return True
        if Record.of(parse_schedule(body).status) != Record.of(schedule.status):
            self._working.pop(schedule.key, None)
            return True
        if body["metadata"].get("generation") != schedule.generation:
            # Decide again, by what it says now.
            return True
        spec: dict[str, Any] = body["spec"]
        namespace = schedule.key.namespace
        for at in times:
            manifest = scheduled(schedule.key.name, spec, at, self._now(), due_at=plan.due_at(at))
            try:
                task = await self._writer.create(namespace, manifest)
            except ApiError as error:
                if (refused := _refused(error)) is None:
                    raise
                working.refused = refused
                return False
            working.refused = None
            if task is not None and not is_run(task["spec"], manifest["spec"]):
                working.record = working.record.with_skips([skip := Skip(at, SkipReason.NAME_TAKEN)])
                self._observer.skipped(schedule, skip)
                continue
            working.record = working.record.created(at)
            if task is not None and task["spec"].get("enqueuedAt") == manifest["spec"]["enqueuedAt"]:
                self._observer.created(schedule, self._now() - plan.due_at(at))
        return True

    def _of(self, schedule: CachedSchedule) -> Working:
        working = self._working.get(schedule.key)
        if working is None or working.uid != schedule.uid:
            working = self._working[schedule.key] = Working(schedule.uid, Record.of(schedule.status))
        return working

    def _ahead(self, schedule: CachedSchedule, record: Record) -> NotReady | None:
        """What keeps it from being due, where a clock was ahead; comes again when that is over."""
        now = self._now()
        if record.base is None or not is_ahead(record, now):
            return None
        self._work.schedules.add_after(schedule.key, (record.base - now).total_seconds())
        message = (
            f"Its times up to {wire_time(record.base)} count as dealt with: a clock was ahead. Nothing is created "
            "until then. Suspend and resume the schedule to go on from now."
        )
        return NotReady(CLOCK_WAS_AHEAD, message)

    def _problem(self, schedule: CachedSchedule) -> NotReady | None:
        """What would keep its tasks from starting, by the rules for any task."""
        namespace = schedule.key.namespace
        for name in sorted(schedule.queues):
            if self._store.queue(Key(namespace, name)) is None:
                message = f"There is no DjangoTaskQueue {name!r} in the namespace {namespace!r}. Its tasks wait for it."
                return NotReady(Reason.QUEUE_NOT_FOUND, message)
        queue, template = self._store.queue(Key(namespace, schedule.queue)), schedule.spec.get("task")
        if queue is None or template is None:
            return None
        task = DjangoTask(metadata=Metadata(name=schedule.key.name), spec=TaskSpec.model_validate(template))
        message_or_none = refusal(task, queue)
        return None if message_or_none is None else NotReady(Reason.NOT_ALLOWED, message_or_none)

    async def _write_status(
        self,
        schedule: CachedSchedule,
        working: Working,
        plan: Plan | None,
        next_time: datetime | None,
        problem: NotReady | None,
    ) -> Result:
        """Write the status where it has changed: at once, or together with what changes within a few seconds."""
        now, key, old = self._now(), schedule.key, schedule.status
        active = len(self._store.schedules.unfinished(key))
        status = schedule_status(old, schedule.generation, plan, working.record, next_time, active, problem, now)
        if status == old:
            if working.refused is None:
                # All is in the status: nothing to keep.
                self._working.pop(key, None)
            return Result.DONE
        working.changed_at = working.changed_at or now
        if not is_urgent(old, status) and now < working.changed_at + STATUS_DEBOUNCE:
            self._work.schedules.add_after(key, (working.changed_at + STATUS_DEBOUNCE - now).total_seconds())
            return Result.DONE
        if not await self._writer.write_status(schedule, status):
            return Result.RETRY
        working.changed_at = None
        if problem is not None and problem.reason != _reason(old):
            self._observer.not_ready(schedule, problem)
        return Result.DONE


def read_plan(schedule: CachedSchedule) -> Plan | NotReady:
    """What the spec says, or why it cannot be read."""
    if schedule.invalid is not None:
        return NotReady(INVALID_SCHEDULE, f"The spec cannot be read: {schedule.invalid}")
    try:
        return Plan.of(
            schedule.key.name, schedule.uid, schedule.created_at, schedule.spec, generation=schedule.generation
        )
    except UnknownTimeZone as error:
        # The project's check may know it: its image can have a later database.
        hint = "If your project knows it, the operator is older than the zone: update the operator."
        return NotReady(UNKNOWN_TIME_ZONE, f"{error.field}: {error}. {hint}")
    except InvalidSchedule as error:
        return NotReady(INVALID_SCHEDULE, f"{error.field}: {error}")


def _refused(error: ApiError) -> NotReady | None:
    """What the API server says of a task that it does not take. None where it says nothing of the task."""
    if error.status == 403 and any(words in error.message for words in QUOTA_WORDS):
        return NotReady(Reason.QUOTA_EXCEEDED, error.message)
    if error.status == 403 or error.invalid or error.of_admission:
        return NotReady(TASK_REFUSED, error.message)
    return None


def _reason(status: dict[str, Any]) -> str | None:
    condition: dict[str, Any] = next(iter(status.get("conditions") or ()), {})
    reason: str | None = condition.get("reason")
    return reason if condition.get("status") == "False" else None
