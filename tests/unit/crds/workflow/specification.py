"""How a workflow ends, as a plain function of its steps and of what becomes of each task: what the engine must find,
in whatever order things happen. It computes by width, and forgets nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from djangotasks_api.workflow.graph import Graph, Runs, Step
from djangotasks_api.workflow.records import StepPhase, StepReason, WorkflowPhase

type Succeeds = Callable[[str, int], bool]


class End(NamedTuple):
    phase: StepPhase
    reason: StepReason | None = None
    completed: frozenset[int] = frozenset()
    failed: frozenset[int] = frozenset()
    width: int | None = None


def ends(graph: Graph, succeeds: Succeeds, lengths: Mapping[str, int | None]) -> dict[str, End]:
    """How each step ends where nothing is cancelled and no step stops early."""
    found: dict[str, End] = {}
    for step in graph:
        found[step.name] = _end(step, graph, succeeds, lengths, found)
    return found


def ending(graph: Graph, found: Mapping[str, End]) -> WorkflowPhase:
    failed = any(end.phase is StepPhase.FAILED and not graph[name].allow_failure for name, end in found.items())
    return WorkflowPhase.FAILED if failed else WorkflowPhase.SUCCEEDED


def _good(step: Step, end: End) -> bool:
    return end.phase is StepPhase.SUCCEEDED or (end.phase is StepPhase.FAILED and step.allow_failure)


def _needless(end: End) -> bool:
    return end.reason is StepReason.NOT_NEEDED


def _end(
    step: Step, graph: Graph, succeeds: Succeeds, lengths: Mapping[str, int | None], found: Mapping[str, End]
) -> End:
    needs = [*step.barriers]
    if step.each is not None and found[step.each].width is None:
        needs.append(step.each)
    bad = [
        name
        for name in needs
        if not _needless(found[name])
        and (not _good(graph[name], found[name]) or (name == step.over and found[name].phase is StepPhase.FAILED))
    ]
    needless = any(_needless(found[name]) for name in needs)
    if step.runs is Runs.ON_FAILURE and not bad:
        return End(StepPhase.SKIPPED, StepReason.NOT_NEEDED)
    if step.runs is Runs.ON_SUCCESS and (bad or needless):
        return End(StepPhase.SKIPPED, StepReason.UPSTREAM_FAILED if bad else StepReason.NOT_NEEDED)
    width = 1
    possible = frozenset({0})
    if step.items is not None:
        width, possible = step.items, frozenset(range(step.items))
    elif step.over is not None:
        length = lengths[step.over]
        if length is None:
            return End(StepPhase.FAILED, StepReason.NOT_A_LIST)
        width, possible = length, frozenset(range(length))
    elif step.each is not None:
        width, possible = found[step.each].width or 0, found[step.each].completed
    completed = frozenset(index for index in possible if succeeds(step.name, index))
    failed = possible - completed
    if width - len(completed) <= step.max_failed:
        return End(StepPhase.SUCCEEDED, None, completed, failed, width)
    if failed:
        return End(StepPhase.FAILED, StepReason.TASK_FAILED, completed, failed, width)
    return End(StepPhase.SKIPPED, StepReason.UPSTREAM_FAILED, completed, failed, width)
