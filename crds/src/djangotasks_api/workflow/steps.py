"""The state of one step in the engine, and the rules by which it runs and ends."""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

from djangotasks_api.workflow.graph import Runs, Step
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.ready import Ready
from djangotasks_api.workflow.records import Record, StepPhase, StepReason


class Verdict(Enum):
    """What a step that is over means for one that needs it."""

    GOOD = "good"
    BAD = "bad"
    NONE = "none"
    """It did not run, and nothing failed."""


@dataclass(slots=True, eq=False)
class StepState:
    """One step: its record, and what is derived from the records and the tasks that exist."""

    at: int
    """Its place in the graph."""
    step: Step
    record: Record = field(default_factory=Record)
    active: set[int] = field(default_factory=set)
    """The numbers of its tasks that exist and are not over: their indexes, unless it is in chunks."""
    tasks_over: Indexes = field(default_factory=Indexes)
    """Of a map in chunks: the tasks of which no index is left to run."""
    skipped: Indexes = field(default_factory=Indexes)
    """Indexes that never run, because the same index of the step that it follows did not succeed."""
    ready: Ready = field(default_factory=Ready)
    cause: StepReason | None = None
    """Why an index failed, where it was not its task that did."""

    needs: list[Self] = field(default_factory=list)
    upstream: Self | None = None
    """The step that it follows index by index."""
    followers: list[Self] = field(default_factory=list)
    each_followers: list[Self] = field(default_factory=list)

    awaits_length: bool = False
    is_measured: bool = False
    length: int | None = None
    is_dirty: bool = False

    @property
    def is_decided(self) -> bool:
        """Whether it is known if the step runs."""
        return all(need.record.phase.is_over for need in self.needs) and (
            self.upstream is None or self.upstream.record.phase is not StepPhase.PENDING
        )

    @property
    def is_reached(self) -> bool:
        """Whether all that it needs is over."""
        return all(need.record.phase.is_over for need in self.needs) and (
            self.upstream is None or self.upstream.record.phase.is_over
        )

    @property
    def is_doomed(self) -> bool:
        """Whether it has failed already, and is to stop early."""
        return self.step.fail_fast and self.count_bad() > self.step.max_failed

    def is_recorded(self, index: int) -> bool:
        return index in self.record.completed or index in self.record.failed

    def is_task_over(self, number: int) -> bool:
        return self.is_recorded(number) if self.step.chunk is None else number in self.tasks_over

    def left_of(self, number: int) -> list[int]:
        """The indexes of a task that are not over."""
        found = self.step.indexes_of(number, self.record.width)
        return [index for index in found if not self.is_recorded(index) and index not in self.skipped]

    def skip(self, index: int) -> bool:
        if self.is_recorded(index) or not self.skipped.add(index):
            return False
        self.see_task(self.step.task_of(index))
        return True

    def see_task(self, number: int) -> None:
        """An index of the task is over: perhaps it was the last one."""
        if self.step.chunk is None or self.record.width is None:
            return
        found = self.step.indexes_of(number, self.record.width)
        at = found.start
        while at < found.stop:
            after = at
            for indexes in (self.record.completed, self.record.failed, self.skipped):
                after = indexes.next_absent(after)
            if after == at:
                return
            at = after
        self.tasks_over.add(number)

    def see_tasks(self) -> None:
        """Find which tasks are over."""
        if self.step.chunk is not None:
            for number in range(self.count_tasks()):
                self.see_task(number)

    def count_tasks(self) -> int:
        return self.step.count_tasks(self.record.width or 0)

    def take(self) -> int | None:
        """Take the number of a task that could run now."""
        record = self.record
        over = (record.completed, record.failed, self.skipped) if self.step.chunk is None else (self.tasks_over,)
        return self.ready.take(over, self.active)

    def count_bad(self) -> int:
        return len(self.record.failed) + len(self.skipped)

    def count_over(self) -> int:
        return len(self.record.completed) + self.count_bad()

    def count_ready(self) -> int:
        """How many tasks could run now."""
        if self.step.chunk is not None:
            above = self.upstream
            begun = self.count_tasks() if above is None or above.record.phase.is_over else len(above.tasks_over)
            return max(begun - len(self.tasks_over) - len(self.active), 0)
        possible = self.record.width or 0 if self.upstream is None else len(self.upstream.record.completed)
        skipped = len(self.skipped) if self.upstream is None else 0
        return possible - len(self.record.completed) - len(self.record.failed) - skipped - len(self.active)

    def initial_width(self) -> int:
        if self.upstream is not None:
            return self.upstream.record.width or 0
        if self.step.over is not None:
            return self.length or 0
        return 1 if self.step.items is None else self.step.items

    def result(self) -> tuple[StepPhase, StepReason | None]:
        """How it ended, all its indexes being over."""
        if self.count_bad() <= self.step.max_failed:
            return StepPhase.SUCCEEDED, None
        if self.record.failed:
            return StepPhase.FAILED, self.cause or StepReason.TASK_FAILED
        return StepPhase.SKIPPED, StepReason.UPSTREAM_FAILED


def verdict(state: StepState, *, maps_over: bool = False) -> Verdict:
    """What the step, which is over, means for one that needs it. `maps_over`: it needs its result, as a list."""
    match state.record.phase, state.record.reason:
        case StepPhase.SUCCEEDED, _:
            return Verdict.GOOD
        case StepPhase.FAILED, _ if state.step.allow_failure and not maps_over:
            return Verdict.GOOD
        case StepPhase.SKIPPED, StepReason.NOT_NEEDED:
            return Verdict.NONE
        case _:
            return Verdict.BAD


def runs(when: Runs, verdicts: Collection[Verdict]) -> bool:
    match when:
        case Runs.ON_SUCCESS:
            return all(found is Verdict.GOOD for found in verdicts)
        case Runs.ON_FAILURE:
            return Verdict.BAD in verdicts
        case Runs.ALWAYS:
            return True
