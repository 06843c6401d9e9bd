"""A world for the engine: what is stored, the tasks that exist, and a controller that may die after any write."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from djangotasks_api.workflow.engine import Engine, StepTask
from djangotasks_api.workflow.graph import Graph, Runs
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import Record, StepPhase, StepReason, WorkflowPhase

PASSES_MAX = 2000


@dataclass(kw_only=True)
class World:
    graph: Graph
    succeeds: Callable[[str, int], bool]
    """What becomes of a task: fixed beforehand, whenever and however often it runs."""
    lengths: Mapping[str, int | None]
    random: random.Random
    window: int = 5
    faults: bool = False
    """Crashes, restarts, and tasks that somebody deletes."""
    stop_at: int | None = None
    stop_reason: StepReason = StepReason.CANCEL_REQUESTED
    records: dict[str, Record] = field(default_factory=dict)

    tasks: dict[StepTask, bool | None] = field(default_factory=dict)
    """Whether each succeeded; None for one that is not over."""
    indexes: dict[StepTask, list[int]] = field(default_factory=dict)
    """Those that each task runs."""
    completed: dict[StepTask, Indexes] = field(default_factory=dict)
    """Of a task that is over, the items that succeeded, by their positions in its chunk."""
    runs: dict[StepTask, int] = field(default_factory=dict)
    """How often each was created."""
    deleted: set[StepTask] = field(default_factory=set)
    """Unfinished or unrecorded when somebody deleted them: these may run again."""
    ending: WorkflowPhase | None = None
    stopped: bool = False
    engine: Engine | None = None

    def run(self) -> None:
        """Until it has ended."""
        for number in range(PASSES_MAX):
            self.stopped = self.stopped or (self.stop_at is not None and number >= self.stop_at)
            self.reconcile()
            if self.ending is not None:
                return
            live = [index for index, end in self.tasks.items() if end is None]
            assert live or self.faults or self.stop_at is not None, ("stuck", self.records)
            for index in self.random.sample(live, min(len(live), self.random.randint(1, 3))):
                self._finish(index)
            if self.faults and self.tasks and self._chance(0.3):
                self._delete(self.random.choice(list(self.tasks)))
        raise AssertionError(("no end", self.records))

    def reconcile(self) -> None:
        """One pass, which may die after any write."""
        if self.engine is None:
            self.engine = self._restarted()
        engine = self.engine
        if self.stopped:
            engine.stop(self.stop_reason)
        while True:
            for step in engine.unmeasured():
                assert self._record(step).phase is StepPhase.SUCCEEDED
                engine.measured(step, self.lengths[step])
            changed = engine.settle()
            if changed and (engine.is_urgent or engine.ending() is not None or self._chance(0.5)):
                self._store(changed)
                if self._crashes(0.2):
                    return
                engine.recorded()
            else:
                changed = {}
            if engine.unmeasured():
                continue
            if (ending := engine.ending()) is not None:
                assert not any(end is None for end in self.tasks.values()), "ended, and a task runs"
                self.ending = ending
                return
            created = engine.create()
            if not changed and not created:
                return
            for task in created:
                self._create(task)
                if self._crashes(0.1):
                    return

    def _restarted(self) -> Engine:
        engine = Engine(self.graph, self.records, window=self.window)
        for index, end in self.tasks.items():
            if end is None:
                engine.started(*index)
            else:
                engine.ended(*index, succeeded=end, completed=self.completed.get(index))
        return engine

    def _store(self, changed: Mapping[str, Record]) -> None:
        for name, record in changed.items():
            before = self._record(name)
            assert set(before.completed) <= set(record.completed), "a record only grows"
            assert set(before.failed) <= set(record.failed), "a record only grows"
            assert not set(record.completed) & set(record.failed)
            assert not before.phase.is_over or before.phase is record.phase, "what is over stays so"
            self.records[name] = record.copy()

    def _record(self, name: str) -> Record:
        return self.records.get(name, Record())

    def _create(self, task: StepTask) -> None:
        step = self.graph[task.step]
        assert task not in self.tasks, "created while it exists"
        assert task not in self.runs or task in self.deleted, "created twice"
        assert not self.stopped or step.runs is Runs.ALWAYS, "created after the stop"
        record = self._record(task.step)
        assert record.phase is StepPhase.RUNNING, "created before that was recorded"
        indexes = self._left(task, record)
        assert indexes, "created, and nothing is left to run"
        assert all(self._record(name).phase.is_over for name in step.barriers), "created before what it needs"
        if step.each is not None:
            above = self._record(step.each)
            indexes = [index for index in indexes if index in above.completed]
            assert indexes, "created before its upstream"
        self.indexes[task] = indexes
        assert not self._running_before(task.step, {task.step}), "created while something before it runs"
        self.tasks[task] = None
        self.runs[task] = self.runs.get(task, 0) + 1
        live = [other.step for other, end in self.tasks.items() if end is None]
        assert len(live) <= self.window
        assert step.max_parallel is None or live.count(task.step) <= step.max_parallel

    def _left(self, task: StepTask, record: Record) -> list[int]:
        """What of a task's indexes is not recorded."""
        found = self.graph[task.step].indexes_of(task.number, record.width)
        return [index for index in found if index not in record.completed and index not in record.failed]

    def _running_before(self, name: str, lanes: set[str]) -> set[str]:
        """Steps before this one, the nearest and the farthest, that have tasks which are not over. Not those that it
        follows index by index."""
        step = self.graph[name]
        if step.each is not None:
            lanes = lanes | {step.each}
        before = {*step.barriers, *((step.each,) if step.each is not None else ())}
        running = {task.step for task, end in self.tasks.items() if end is None}
        return ((before - lanes) & running).union(*(self._running_before(each, lanes) for each in before))

    def _finish(self, task: StepTask) -> None:
        first = self.graph[task.step].indexes_of(task.number, None).start
        fates = {index: self.succeeds(task.step, index) for index in self.indexes[task]}
        self.tasks[task] = end = all(fates.values())
        self.completed[task] = Indexes(sorted(index - first for index, good in fates.items() if good))
        if self.engine is not None:
            for _ in range(self.random.choice((1, 1, 2))):
                self.engine.ended(*task, succeeded=end, completed=self.completed[task])

    def _delete(self, task: StepTask) -> None:
        record = self._record(task.step)
        if any(index not in record.completed and index not in record.failed for index in self.indexes[task]):
            if self.tasks[task] is not None and self.engine is not None:
                return  # The engine knows how it ended: it is as good as recorded.
            self.deleted.add(task)
        del self.tasks[task]
        if self.engine is not None:
            self.engine.gone(*task)

    def _crashes(self, part: float) -> bool:
        if not (self.faults and self._chance(part)):
            return False
        self.engine = None
        return True

    def _chance(self, part: float) -> bool:
        return self.random.random() < part
