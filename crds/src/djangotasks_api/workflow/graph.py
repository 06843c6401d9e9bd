"""The steps of a workflow, and what makes them a graph that can run."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from djangotasks_api.workflow.bounds import STEPS_MAX, WORKFLOW_TASKS_MAX

# How the tasks of a map are named.
_INDEXED: Final = re.compile("(.+)-[0-9]{5}", re.ASCII)


class InvalidGraph(ValueError):
    """The steps do not make a graph. The message names the step."""


class Runs(StrEnum):
    """When a step runs, by how the steps that it needs ended."""

    ON_SUCCESS = "OnSuccess"
    """All of them succeeded, or were allowed to fail."""
    ON_FAILURE = "OnFailure"
    """One of them failed, or did not run because of one that failed."""
    ALWAYS = "Always"
    """They are over, however they ended; also when the workflow is cancelled."""


class KeepTasks(StrEnum):
    """How long the tasks of a step are kept, once they are recorded and nothing takes their results any more."""

    ALWAYS = "Always"
    """As long as the workflow."""
    ON_FAILURE = "OnFailure"
    """Those that succeeded are deleted at once."""
    NEVER = "Never"
    """All are deleted at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step, as far as the engine needs to know it."""

    name: str

    after: tuple[str, ...] = ()
    """Steps that must be over before it. Of a map: all of it."""

    each: str | None = None
    """A map whose tasks it follows, index by index."""

    over: str | None = None
    """A step whose result, a list, it maps over."""

    items: int | None = None
    """It maps over so many items that are known from the start."""

    runs: Runs = Runs.ON_SUCCESS
    allow_failure: bool = False

    max_failed: int = 0
    """How many indexes may fail, or not run because of one that failed, before the step has failed."""

    chunk: int | None = None
    """How many of its indexes one task is for. None where each has a task that is no chunk."""

    max_parallel: int | None = None
    """How many of its tasks may be unfinished at once."""

    fail_fast: bool = False
    """No new index once more than `max_failed` have failed. What has run then depends on the timing."""

    @property
    def is_map(self) -> bool:
        return self.each is not None or self.over is not None or self.items is not None

    def task_of(self, index: int) -> int:
        """The number of the task that an index is for."""
        return index if self.chunk is None else index // self.chunk

    def indexes_of(self, task: int, width: int | None) -> range:
        """The indexes that a task is for."""
        size = self.chunk or 1
        end = (task + 1) * size
        return range(task * size, end if width is None else min(end, width))

    def count_tasks(self, width: int) -> int:
        """How many tasks so many indexes have."""
        return -(-width // (self.chunk or 1))

    @property
    def barriers(self) -> tuple[str, ...]:
        """The steps that must be over as a whole."""
        return tuple(dict.fromkeys((*self.after, *((self.over,) if self.over is not None else ()))))


class Graph:
    """Steps in an order in which each needs only those before it."""

    def __init__(self, steps: Sequence[Step]) -> None:
        """Raises InvalidGraph."""
        self._steps = {step.name: step for step in steps}
        if len(self._steps) < len(steps):
            raise InvalidGraph("two steps have one name")
        before: dict[str, Step] = {}
        for step in steps:
            _check(step, before)
            before[step.name] = step
        if len(steps) > STEPS_MAX:
            raise InvalidGraph(f"it has {len(steps):,} steps, and may have {STEPS_MAX:,}")
        if (known := tasks_known(steps, {})) > WORKFLOW_TASKS_MAX:
            raise InvalidGraph(f"it has {known:,} tasks, and may have {WORKFLOW_TASKS_MAX:,}")

    def __iter__(self) -> Iterator[Step]:
        return iter(self._steps.values())

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, name: str) -> Step:
        return self._steps[name]

    def __contains__(self, name: str) -> bool:
        return name in self._steps


def is_indexed(name: str) -> bool:
    """Whether a step of this name would be named like a task of a map."""
    return _INDEXED.fullmatch(name) is not None


def tasks_known(steps: Iterable[Step], widths: Mapping[str, int]) -> int:
    """How many tasks the steps have together, by what is known from the start, and by `widths`: those of some steps. A
    map whose list is not known counts as one task, a map that follows another as many as that. One in chunks counts
    item by item, since that is how it is recorded and followed."""
    found: dict[str, int] = {}
    for step in steps:
        inherited = 1 if step.each is None else found[step.each]
        found[step.name] = widths.get(step.name, inherited if step.items is None else step.items)
    return sum(found.values())


def _check(step: Step, before: dict[str, Step]) -> None:
    if (match := _INDEXED.fullmatch(step.name)) is not None:
        raise InvalidGraph(f"{step.name}: is named like a task of a map {match[1]}")
    for name in (*step.barriers, *((step.each,) if step.each is not None else ())):
        if name not in before:
            raise InvalidGraph(f"{step.name}: needs {name}, which is no step before it")
    if sum(source is not None for source in (step.each, step.over, step.items)) > 1:
        raise InvalidGraph(f"{step.name}: maps over more than one thing")
    if (step.each or step.over) and step.runs is not Runs.ON_SUCCESS:
        raise InvalidGraph(f"{step.name}: a map over results runs on success alone")
    if step.each is not None and not before[step.each].is_map:
        raise InvalidGraph(f"{step.name}: follows {step.each} item by item, which is no map")
    if step.over is not None and before[step.over].is_map:
        raise InvalidGraph(f"{step.name}: maps over the result of {step.over}, which is a map: follow it item by item")
    if step.chunk is not None and not step.is_map:
        raise InvalidGraph(f"{step.name}: is in chunks, and is no map")
    if step.chunk is not None and step.each is not None and before[step.each].chunk != step.chunk:
        raise InvalidGraph(
            f"{step.name}: follows {step.each} item by item in chunks of {step.chunk}, which must be in such chunks too"
        )
    if step.runs is Runs.ON_FAILURE and not step.after:
        raise InvalidGraph(f"{step.name}: runs on failure, and is after no step that could fail")
