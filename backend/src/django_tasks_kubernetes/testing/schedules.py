"""The schedules of in_memory(): the operator's own decisions, on a clock of the test."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final, NamedTuple

from django.tasks import task_backends

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.codec.times import to_utc
from django_tasks_kubernetes.exceptions import ScheduleDoesNotExist
from django_tasks_kubernetes.local.memory_store import MemoryStore
from django_tasks_kubernetes.schedules.definition import Schedule
from django_tasks_kubernetes.schedules.discover import discover
from django_tasks_kubernetes.schedules.manifest import resource_of
from django_tasks_kubernetes.schedules.registry import declared
from django_tasks_kubernetes.testing.clock import Clock, valid_now
from django_tasks_kubernetes.testing.unfinished import Unfinished
from djangotasks_api.schedules.due import Unfinished as UnfinishedTask
from djangotasks_api.schedules.due import due
from djangotasks_api.schedules.plan import Plan
from djangotasks_api.schedules.record import Record
from djangotasks_api.schedules.resource import scheduled

# More creations at one moment than any schedule may have.
DECISIONS_MAX: Final = 10_000


def declared_schedules() -> list[Schedule]:
    """Those of all installed apps. Raises what importing one of their modules raises, and ValueError where two have one
    name: they would be one schedule, in one namespace."""
    for error in discover().failed.values():
        raise error
    found = list(declared)
    for name, number in Counter(schedule.name for schedule in found).items():
        if number > 1:
            raise ValueError(
                f"{number} schedules have the name {name!r}. Give each of them a name of its own: @schedule(…, name=…)."
            )
    return found


class Decided(NamedTuple):
    """When a schedule was decided about last. Until one of these is another, the decision is the same."""

    unfinished: Mapping[str, UnfinishedTask]
    wake_at: datetime | None


class VirtualTime:
    """Creates the tasks of the declared schedules in a store, as time passes."""

    def __init__(self, store: MemoryStore, clock: Clock, now: datetime | None) -> None:
        self._store = store
        self._clock = clock
        self.now = datetime.now(UTC) if now is None else valid_now(now)
        self._began = self.now
        self._records: dict[str, Record] = {}
        self._decided: dict[str, Decided] = {}
        self._suspended: set[str] = set()
        self._schedules: list[Schedule] = []
        self._tasks = Unfinished(store.resources)

    @cached_property
    def _workflows(self) -> Unfinished:
        return Unfinished(self._store.workflows.resources)

    def suspend(self, name: str, suspended: bool) -> None:
        """Raises ScheduleDoesNotExist."""
        self._schedules = declared_schedules()
        if name not in {schedule.name for schedule in self._schedules}:
            raise ScheduleDoesNotExist(f"The project declares no schedule {name!r}.")
        (self._suspended.add if suspended else self._suspended.discard)(name)
        self._decided.clear()
        self.create_due()

    def pass_until(self, until: datetime | timedelta, run: Callable[[datetime], object] | None) -> list[str]:
        """Lets the time go on, from one moment at which something is due to the next. `run`: runs what is due then.
        Returns the names of the tasks that were created."""
        end = self._end(until)
        if end < self.now:
            raise ValueError(f"tick() goes forward: it is {self.now.isoformat()} already.")
        self._schedules = declared_schedules()
        # The code of any may be another than at the last tick.
        self._decided.clear()
        created: list[str] = []
        while True:
            upcoming = self._settle(run, created)
            if upcoming is None or upcoming > end:
                break
            self.now = upcoming
        self.now = end
        self._settle(run, created)
        return created

    def _end(self, until: Any) -> datetime:
        if isinstance(until, timedelta):
            return self.now + until
        if not isinstance(until, datetime):
            raise TypeError(f"tick() takes a datetime, or a timedelta such as timedelta(hours=1), not {until!r}.")
        return to_utc(until)

    def create_due(self) -> tuple[list[str], datetime | None]:
        """Creates what is due now. Returns the names, and when something is due next."""
        names: list[str] = []
        unfinished = self._unfinished()
        for schedule in self._schedules:
            if self._is_due(schedule.name, unfinished[schedule.name]):
                names += self._decide(schedule)
        wakes = (self._decided[schedule.name].wake_at for schedule in self._schedules)
        return names, min((wake for wake in wakes if wake is not None), default=None)

    def _is_due(self, name: str, unfinished: Mapping[str, UnfinishedTask]) -> bool:
        """Whether there is something to decide about a schedule: a project may have hundreds, and one for each minute
        of a week."""
        if (last := self._decided.get(name)) is None:
            return True
        return last.unfinished != unfinished or (last.wake_at is not None and last.wake_at <= self.now)

    def _settle(self, run: Callable[[datetime], object] | None, created: list[str]) -> datetime | None:
        """Creates and runs until nothing more is due now: the end of one may be what another waits for."""
        while True:
            names, wake = self.create_due()
            created += names
            done = run(self.now) if run is not None else ()
            if not names and not done:
                later = [] if run is None else list(self._deferred())
                return min([*later, *([] if wake is None else [wake])], default=None)

    def _deferred(self) -> Iterator[datetime]:
        for resource in self._tasks:
            at = self._clock.due_at(resource)
            if at is not None and at > self.now:
                yield at

    def _decide(self, schedule: Schedule) -> list[str]:
        spec = self._spec(schedule)
        plan = Plan.of(schedule.name, schedule.name, self._began, spec)
        record = self._records.get(schedule.name, Record())
        names: list[str] = []
        for _ in range(DECISIONS_MAX):
            unfinished = self._unfinished()[schedule.name]
            decision = due(plan, record, unfinished, self.now)
            record = decision.record
            for name in decision.cancel:
                reason = f"replaced by the next time of {schedule.name}"
                if name in self._store.resources:
                    self._store.cancel(name, reason)
                else:
                    workflows: Any = self._store.workflows
                    workflows.cancel(name, reason)
                    workflows.advance()
            for at in decision.create:
                made = scheduled(schedule.name, spec, at, self.now, due_at=plan.due_at(at))
                store = self._store.workflows if schedule.is_workflow else self._store
                if made["metadata"]["name"] not in store.resources:
                    store.create(made)
                    names.append(made["metadata"]["name"])
                record = record.created(at)
            if not decision.create and not decision.cancel:
                break
        self._records[schedule.name] = record
        self._decided[schedule.name] = Decided(unfinished, decision.wake_at)
        return names

    def _spec(self, schedule: Schedule) -> Resource:
        backend: Any = task_backends[schedule.task.backend]
        spec: Resource = resource_of(schedule, "in-memory", backend.parsed_options)["spec"]
        # As from the server, with the defaults of the CRD.
        which = "workflow" if schedule.is_workflow else "task"
        template = {"priority": 0, "queue": "default", "backend": schedule.task.backend} | spec[which]
        return spec | {which: template, "suspended": schedule.name in self._suspended}

    def _unfinished(self) -> Mapping[str, dict[str, UnfinishedTask]]:
        """By the names of their schedules."""
        found: defaultdict[str, dict[str, UnfinishedTask]] = defaultdict(dict)
        for resource in (*self._tasks, *self._workflows):
            if (schedule := resource["spec"].get("schedule")) is not None:
                task = UnfinishedTask(cancelled=bool(resource["spec"].get("cancel")))
                found[schedule][resource["metadata"]["name"]] = task
        return found
