"""What happens next in a workflow, from its steps, what is recorded of them, and what became of their tasks.

The one rule behind its reliability: a task is created only because of what is recorded, which is that its step runs,
and that the index which it follows succeeded. `settle` computes the records; once they are stored, `recorded` allows
what follows from them. So whatever dies in between, what exists is explained by what is stored, and everything can be
computed again from it. A call costs by what has changed, not by how wide the graph is.
"""

import heapq
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from djangotasks_api.workflow import lanes
from djangotasks_api.workflow.bounds import WINDOW
from djangotasks_api.workflow.graph import Graph, Runs
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import Record, StepPhase, StepReason, WorkflowPhase
from djangotasks_api.workflow.steps import StepState, Verdict, runs, verdict


class StepTask(NamedTuple):
    """One task of a step."""

    step: str
    number: int
    """Its index; of a map in chunks, that of its chunk; 0 where the step is no map."""


class Engine:
    """One workflow. Not thread-safe."""

    def __init__(self, graph: Graph, records: Mapping[str, Record] | None = None, *, window: int = WINDOW) -> None:
        """`records`: what is stored. Then say with `started` and `ended` what became of the tasks that exist."""
        self._window = window
        self._states = [StepState(at, step) for at, step in enumerate(graph)]
        self._by_name = {state.step.name: state for state in self._states}
        self._active = 0
        self._stopped: StepReason | None = None
        # Steps to be computed again, by their place in the graph.
        self._dirty: list[int] = []
        # Steps whose record is not stored yet; those of them whose phase or width is not; and what waits for them.
        self._unrecorded: set[str] = set()
        self._turned: set[str] = set()
        self._released: list[tuple[StepState, int]] = []
        for state in self._states:
            lanes.connect(state, self._by_name)
            if records and (record := records.get(state.step.name)) is not None:
                state.record = record.copy()
        for state in self._states:
            lanes.restore(state)
            self._mark(state)

    # --- What became of tasks

    def started(self, step: str, number: int) -> None:
        """A task exists and is not over."""
        state = self._by_name[step]
        if number not in state.active and not state.is_task_over(number):
            state.active.add(number)
            self._active += 1
            self._mark(state)

    def ended(
        self,
        step: str,
        number: int,
        *,
        succeeded: bool,
        completed: Indexes | None = None,
        reason: StepReason | None = None,
    ) -> None:
        """A task is over, or can never be. What is said a second time counts for nothing. `completed`: of a chunk that
        failed, the items that succeeded, by their positions in it."""
        state = self._by_name[step]
        self._forget(state, number)
        if state.record.phase.is_over or state.is_task_over(number):
            return
        first = state.step.indexes_of(number, None).start
        for index in state.left_of(number):
            good = succeeded or (completed is not None and index - first in completed)
            self._index_ended(state, index, reason, succeeded=good)
        state.see_task(number)
        self._unrecorded.add(step)
        self._mark(state)
        for follower in state.each_followers:
            if follower.step.chunk is not None:
                self._released.append((follower, number))

    def gone(self, step: str, number: int) -> None:
        """A task was deleted, or could not be created. Where it was not over, it is created again."""
        state = self._by_name[step]
        if self._forget(state, number):
            state.ready.add(number)
            self._mark(state)

    def measured(self, step: str, length: int | None, reason: StepReason = StepReason.NOT_A_LIST) -> None:
        """The result of a step that is mapped over was read: a list of so many items. None where there is no such list,
        with the reason."""
        for state in self._by_name[step].followers:
            if state.step.over == step:
                state.length, state.is_measured, state.awaits_length = length, True, False
                state.cause = reason if length is None else state.cause
                self._mark(state)

    def stop(self, reason: StepReason) -> None:
        """Create nothing more, but for steps that run always. `reason`: why."""
        if self._stopped is None:
            self._stopped = reason
            for state in self._states:
                self._mark(state)

    # --- What is to be done

    def settle(self) -> Mapping[str, Record]:
        """Compute what is to be recorded. Returns the records that differ from those that are stored: store them, then
        call `recorded`."""
        while self._dirty:
            state = self._states[heapq.heappop(self._dirty)]
            state.is_dirty = False
            before = state.record.phase, state.record.width
            self._compute(state)
            if (state.record.phase, state.record.width) != before:
                self._unrecorded.add(state.step.name)
                self._turned.add(state.step.name)
                for follower in (*state.followers, *state.each_followers):
                    self._mark(follower)
        return {name: self._by_name[name].record for name in self._unrecorded}

    def recorded(self) -> None:
        """What `settle` returned is stored."""
        self._unrecorded.clear()
        self._turned.clear()
        for state, index in self._released:
            state.ready.add(index)
        self._released.clear()

    @property
    def is_urgent(self) -> bool:
        """Whether something waits for the records to be stored: else that can be done later, with those of others."""
        return bool(self._turned or self._released)

    def unmeasured(self) -> list[str]:
        """Steps whose result must be read, since another maps over it."""
        steps = (state.step.over for state in self._states if state.awaits_length and not state.record.phase.is_over)
        return list(dict.fromkeys(step for step in steps if step is not None))

    def create(self) -> list[StepTask]:
        """The tasks to be created now; they count as started. What is furthest on comes first, so that little is
        held. None before `settle`."""
        found: list[StepTask] = []
        if self._dirty:
            return found
        for state in reversed(self._states):
            if not self._may_create(state):
                continue
            most = self._window if state.step.max_parallel is None else state.step.max_parallel
            while self._active < self._window and len(state.active) < most:
                if (number := state.take()) is None:
                    break
                state.active.add(number)
                self._active += 1
                found.append(StepTask(state.step.name, number))
        return found

    @property
    def active(self) -> int:
        """Tasks that exist and are not over."""
        return self._active

    def expected_active(self) -> int:
        """How many there will be once `create` has created all that it may when the records are stored."""
        expected = self._active
        for state in reversed(self._states):
            stopped = self._stopped is not None and state.step.runs is not Runs.ALWAYS
            if state.record.phase is StepPhase.RUNNING and not stopped and not state.is_doomed:
                most = self._window if state.step.max_parallel is None else state.step.max_parallel
                expected += max(min(state.count_ready(), most - len(state.active), self._window - expected), 0)
        return expected

    @property
    def stopped(self) -> StepReason | None:
        """Why nothing more begins."""
        return self._stopped

    def record(self, step: str) -> Record:
        return self._by_name[step].record

    def progress(self) -> tuple[int, int]:
        """How many tasks are over, or will never be; and how many are known."""
        over = known = 0
        for state in self._states:
            width = max(state.count_over(), 1) if state.record.width is None else state.record.width
            known += width
            over += width if state.record.phase.is_over else state.count_over()
        return over, known

    def ending(self) -> WorkflowPhase | None:
        """How the workflow ended; None where it has not."""
        if not all(state.record.phase.is_over for state in self._states):
            return None
        if self._stopped is StepReason.CANCEL_REQUESTED:
            return WorkflowPhase.CANCELLED
        if self._stopped is not None or self.failures():
            return WorkflowPhase.FAILED
        return WorkflowPhase.SUCCEEDED

    def failures(self) -> list[str]:
        """The steps that failed and were not allowed to."""
        return [
            state.step.name
            for state in self._states
            if state.record.phase is StepPhase.FAILED and not state.step.allow_failure
        ]

    # --- How it is computed

    def _index_ended(self, state: StepState, index: int, reason: StepReason | None, *, succeeded: bool) -> None:
        if succeeded:
            state.record.completed.add(index)
        else:
            state.record.failed.add(index)
            state.cause = state.cause or reason
        for follower in state.each_followers:
            if not succeeded:
                self._mark_all(lanes.skip(follower, index))
            elif follower.step.chunk is None:
                self._released.append((follower, index))

    def _mark(self, state: StepState) -> None:
        if not state.is_dirty and not state.record.phase.is_over:
            state.is_dirty = True
            heapq.heappush(self._dirty, state.at)

    def _mark_all(self, states: Iterable[StepState]) -> None:
        for state in states:
            self._mark(state)

    def _forget(self, state: StepState, number: int) -> bool:
        if number not in state.active:
            return False
        state.active.remove(number)
        self._active -= 1
        return True

    def _may_create(self, state: StepState) -> bool:
        stopped = self._stopped is not None and state.step.runs is not Runs.ALWAYS
        recorded = state.record.phase is StepPhase.RUNNING and state.step.name not in self._turned
        return recorded and not stopped and not state.is_doomed

    def _compute(self, state: StepState) -> None:
        step, record = state.step, state.record
        if self._stopped is not None and step.runs is not Runs.ALWAYS:
            # In order, so that a clean-up waits for all that is before it.
            if not state.active and state.is_reached:
                self._end(state, StepPhase.CANCELLED, self._stopped)
            return
        if not state.is_decided:
            return
        if record.phase is StepPhase.PENDING and not self._begins(state):
            return
        record.phase = StepPhase.RUNNING
        if not state.active and (state.count_over() >= (record.width or 0) or state.is_doomed):
            self._end(state, *state.result())

    def _begins(self, state: StepState) -> bool:
        """Whether the step runs. Its width is known then."""
        verdicts = [verdict(need, maps_over=need.step.name == state.step.over) for need in state.needs]
        upstream = state.upstream
        if upstream is not None and upstream.record.width is None:
            verdicts.append(verdict(upstream))
        if not runs(state.step.runs, verdicts):
            needless = state.step.runs is Runs.ON_FAILURE or Verdict.BAD not in verdicts
            self._end(state, StepPhase.SKIPPED, StepReason.NOT_NEEDED if needless else StepReason.UPSTREAM_FAILED)
            return False
        if state.record.width is None:
            if state.step.over is not None:
                state.awaits_length = not state.is_measured
                if state.awaits_length:
                    return False
                if state.length is None:
                    self._end(state, StepPhase.FAILED, state.cause)
                    return False
            state.record.width = state.initial_width()
            state.see_tasks()
            for follower in state.each_followers:
                lanes.release_chunks(follower)
        if upstream is None:
            state.ready.limit = state.count_tasks()
        return True

    def _end(self, state: StepState, phase: StepPhase, reason: StepReason | None) -> None:
        state.record.phase, state.record.reason = phase, reason
        for follower in state.each_followers:
            self._mark_all(lanes.skip_rest(follower, state))
            self._released += [(follower, number) for number in lanes.chunks_to_follow(follower)]
