"""Decide what a schedule does now. Pure, and repeatable: a decision that was not carried out is made again.

Two things keep a time from having two tasks. The name of a task is that of its schedule and its time, so there can be
only one while it exists; and what the record has as dealt with is not considered again. Missed times are never counted
from the last one on: the search goes backwards from now.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from djangotasks_api.names import scheduled_task_name
from djangotasks_api.schedules.plan import Plan
from djangotasks_api.schedules.record import Record, Skip, SkipReason

# A time is missed when it passed longer ago. Another replica leads within 15 s.
ON_TIME: Final = timedelta(minutes=1)
# So many missed times are counted, for people.
COUNTED_MAX: Final = 100
# So many tasks are created on one decision.
CREATED_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A task of the schedule that has not finished."""

    cancelled: bool = False
    """It is to be cancelled already."""
    runs: tuple[str, str] | None = None
    """As a plan has it. None: the schedule's."""
    deferred: bool = False
    """It waits for a time of its own, as no task that a schedule creates."""
    restored: str | None = None
    """What its status says of it where it was restored from a backup, and waits for somebody to decide."""

    def is_run(self, plan: Plan) -> bool:
        """Whether it is the run of the time that it is named after, and no other task that was given the name."""
        return not self.deferred and self.runs in (None, plan.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do. First the tasks are cancelled and created; `record` holds before the creations, each of which changes
    it by `Record.created`."""

    record: Record
    create: tuple[datetime, ...] = ()
    """The times whose tasks are to be created, in this order."""
    cancel: tuple[str, ...] = ()
    """The names of the tasks that are to be cancelled."""
    skips: tuple[Skip, ...] = ()
    """What is left out from now on; `record` has it."""
    next_time: datetime | None = None
    """The next scheduled time."""
    wake_at: datetime | None = None
    """When to decide again, if nothing happens before."""


def due(
    plan: Plan,
    record: Record,
    tasks: Mapping[str, Unfinished],
    now: datetime,
    *,
    waited: timedelta = timedelta(0),
    known_for: timedelta = timedelta(0),
) -> Decision:
    """`tasks`: the schedule's unfinished tasks by name, all of them, also those that people created.

    `waited`: for how long others came first, as where thousands are due at once: no time is missed by that.
    `known_for`: how long ago this plan was known already: so an edit that waited for others is not about later times.
    """
    record, skips = _about_these_times(plan, record, now, known_for)
    if plan.suspended:
        return Decision(record=record, skips=tuple(skips))
    base = record.base or plan.created_at
    times = plan.timing.last_before(now, COUNTED_MAX + _limit(plan), base)
    next_time = plan.timing.next_after(max(now, base))
    if times and plan.jitter and plan.due_at(times[-1]) > now:
        next_time = times.pop()
    # What an earlier decision has created, and nobody recorded.
    for at in [at for at in times if (task := tasks.get(scheduled_task_name(plan.name, at))) and task.is_run(plan)]:
        record, times = record.created(at), [time for time in times if time > at]
    times, late = _cut(plan, record.pending, times, now, waited)
    record = record.with_skips(late)
    choice = _choose(plan, record.pending, times, tasks)
    return Decision(
        record=replace(record.with_skips(choice.skips), pending=choice.pending),
        create=choice.create,
        cancel=choice.cancel,
        skips=(*skips, *late, *choice.skips),
        next_time=next_time,
        wake_at=None if next_time is None else plan.due_at(next_time),
    )


def _about_these_times(plan: Plan, record: Record, now: datetime, known_for: timedelta) -> tuple[Record, list[Skip]]:
    """Start over where the times were changed, or the schedule was suspended or resumed: what has passed is no time of
    this schedule, and is not created."""
    if record.timing == plan.digest and record.since is not None:
        return record, []
    # A schedule without a record is due from its creation on; unless it was changed since, nobody knows how.
    is_new = record.base is None and plan.generation == 1
    since = plan.created_at if is_new else now - known_for
    skips = [] if record.pending is None else [Skip(record.pending, SkipReason.TIMES_CHANGED)]
    return replace(record.with_skips(skips).until(now + ON_TIME), timing=plan.digest, since=since), skips


def is_ahead(record: Record, now: datetime) -> bool:
    """Whether times are dealt with that have not come: a clock was ahead. None of them is created when it comes, since
    nobody knows which clock is right; until somebody changes the times, or suspends and resumes the schedule."""
    return record.base is not None and record.base > now + ON_TIME


def _limit(plan: Plan) -> int:
    """How many times are caught up on. A task that is to replace the last one would be replaced at once itself."""
    return plan.catch_up_limit if plan.catch_up == "All" and plan.concurrency != "Replace" else 1


def _cut(
    plan: Plan, pending: datetime | None, times: Sequence[datetime], now: datetime, waited: timedelta
) -> tuple[list[datetime], list[Skip]]:
    """The times whose tasks may be created so late, and what is left out."""
    skips: list[Skip] = []
    left = list(times)

    def leave_out(first: int, reason: SkipReason) -> None:
        skips.extend(Skip(at, reason) for at in left[:first])
        del left[:first]

    if plan.deadline is not None:
        if pending is not None and plan.due_at(pending) < now - plan.deadline:
            skips.append(Skip(pending, SkipReason.STARTING_DEADLINE_EXCEEDED))
        leave_out(bisect_left(left, now - plan.deadline, key=plan.due_at), SkipReason.STARTING_DEADLINE_EXCEEDED)
    if plan.catch_up == "None":
        leave_out(bisect_left(left, now - waited - ON_TIME, key=plan.due_at), SkipReason.MISSED)
    leave_out(max(len(left) - _limit(plan), 0), SkipReason.MISSED)
    return left, skips


class _Choice(NamedTuple):
    create: tuple[datetime, ...] = ()
    cancel: tuple[str, ...] = ()
    pending: datetime | None = None
    skips: tuple[Skip, ...] = ()


def _choose(plan: Plan, pending: datetime | None, times: list[datetime], tasks: Mapping[str, Unfinished]) -> _Choice:
    """What the concurrency policy makes of the time that waits, and of those that are due."""
    waiting = [*([] if pending is None else [pending]), *times]
    if not waiting:
        return _Choice()
    if plan.concurrency == "Allow":
        return _Choice(create=tuple(waiting[:CREATED_MAX]), pending=pending)
    replaced: tuple[Skip, ...] = ()
    if plan.concurrency == "Replace":
        *earlier, latest = waiting
        waiting, replaced = [latest], tuple(Skip(at, SkipReason.REPLACED) for at in earlier)
    # The task of this very time is not in its way.
    own = scheduled_task_name(plan.name, waiting[0])
    others = {name: task for name, task in tasks.items() if name != own}
    if not others:
        return _Choice(create=(waiting[0],), pending=pending, skips=replaced)
    if plan.concurrency == "Replace":
        cancel = tuple(name for name, task in others.items() if not task.cancelled)
        return _Choice(cancel=cancel, pending=waiting[0], skips=replaced)
    if plan.catch_up == "All":
        return _Choice(pending=pending)
    if plan.concurrency == "Queue" and pending is None:
        pending, times = times[0], times[1:]
    return _Choice(pending=pending, skips=tuple(Skip(at, SkipReason.PREVIOUS_UNFINISHED) for at in times))
