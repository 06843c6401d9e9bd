"""Two leaders at once, crashes at every call, calls that fail, tasks that somebody deletes: a workflow ends as its
specification says. The real controllers on the API server in memory."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from djangotasks_api.names import TASK_PLURAL, WORKFLOW_PLURAL
from djangotasks_api.workflow.graph import Runs
from djangotasks_api.workflow.plan import Plan
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import StepPhase, WorkflowPhase
from djangotasks_api.workflow.stored import records_of
from tests.unit.crds.workflow.specification import ending, ends
from tests.unit.crds.workflow.specs import Spec, specs
from tests.unit.crds.workflow.test_engine_properties import FAILING, SEEDS, fate, lengths_of
from tests.unit.operator.model.workflow_world import WHAT, World, is_new_task, task_of

pytestmark = pytest.mark.thorough

# Without a least size, most would be far shorter than the maximum.
STEPS = st.lists(st.tuples(st.sampled_from(WHAT), st.integers(0, 7)), min_size=30, max_size=80)


# All of it is over as soon as it is read, and it was cancelled before.
EMPTY: Spec = {"name": "s0", "task": "shop.tasks.a", "map": {"list": "none"}, "inputs": []}


def check_creations(world: World) -> None:
    """W1, W2: each task once, and because of what was stored."""
    graph = world.plan.graph
    counts = Counter(event.body["metadata"]["name"] for event in world.server.events if is_new_task(event))
    assert {name for name, count in counts.items() if count > 1} <= world.deleted
    for task, status in world.created():
        records, step = records_of(graph, status.get("steps", {})), graph[task.step]
        assert records[task.step].phase is StepPhase.RUNNING, f"{task} was created before that was recorded"
        assert all(records[name].phase.is_over for name in step.barriers), f"{task} was created before what it needs"
        indexes = step.indexes_of(task.number, records[task.step].width)
        before = None if step.each is None else records[step.each].completed
        assert before is None or any(index in before for index in indexes), f"{task} was created before its item"


def check_records(world: World) -> None:
    """W8: what is recorded stays, and so does the end."""
    before: dict[str, Any] = {}
    for event in world.server.events:
        if event.plural != WORKFLOW_PLURAL:
            continue
        status = event.body.get("status", {})
        assert before.get("phase") in (None, "Pending", "Running", status.get("phase"))
        for name, step in before.get("steps", {}).items():
            after = status["steps"][name]
            assert step["phase"] in ("Pending", "Running", after["phase"])
            for field in ("completedIndexes", "failedIndexes"):
                assert set(Indexes.parse(step.get(field, ""))) <= set(Indexes.parse(after.get(field, "")))
        before = status


def check_deletions(world: World) -> None:
    """W9: the operator deletes no task, however short its own TTL."""
    gone = sum((event.plural, event.type) == (TASK_PLURAL, "DELETED") for event in world.server.events)
    assert gone == world.removals


@given(specs(), SEEDS, FAILING, STEPS)
def test_a_workflow_ends_as_specified(spec: Spec, seed: int, failing: float, steps: list[tuple[str, int]]) -> None:
    graph = Plan.of(spec).graph
    succeeds, lengths = fate(seed, failing), lengths_of(graph, seed)
    world = World(spec, succeeds, lengths)
    try:
        for what, number in steps:
            world.step(what, number)
        world.run()
    finally:
        world.close()
    assert not world.server.violations, world.server.violations
    check_creations(world)
    check_records(world)
    check_deletions(world)
    expected = ends(graph, succeeds, lengths)
    assert world.phase is ending(graph, expected)
    records = records_of(graph, world.status["steps"])
    for step in graph:
        record, end = records[step.name], expected[step.name]
        assert (record.phase, record.reason) == (end.phase, end.reason)
        assert frozenset(record.completed) == end.completed
        # A step that is no map has no ranges in its status.
        assert not step.is_map or frozenset(record.failed) == end.failed


@given(specs(), SEEDS, FAILING, STEPS, STEPS)
@example({"steps": [EMPTY], "lists": [{"name": "none", "items": "[]"}]}, 0, 0, [], [("work", 0)])
def test_a_cancelled_workflow_ends_with_its_clean_up(
    spec: Spec, seed: int, failing: float, before: list[tuple[str, int]], after: list[tuple[str, int]]
) -> None:
    """W7: and nothing of it is left running."""
    graph = Plan.of(spec).graph
    world = World(spec, fate(seed, failing), lengths_of(graph, seed))
    try:
        for what, number in [*before, ("cancel", 0), *after]:
            world.step(what, number)
        cancelled = not world.phase.is_terminal
        world.run()
    finally:
        world.close()
    assert not world.server.violations, world.server.violations
    check_creations(world)
    check_records(world)
    check_deletions(world)
    assert world.phase.is_terminal
    assert not cancelled or world.phase is WorkflowPhase.CANCELLED
    phases = {task_of(body): body["status"]["phase"] for body in world.server.list(TASK_PLURAL)}
    assert "Queued" not in phases.values()
    records = records_of(graph, world.status["steps"])
    for step in graph:
        if step.runs is Runs.ALWAYS:
            assert records[step.name].phase in (StepPhase.SUCCEEDED, StepPhase.FAILED)


def test_a_leader_that_knows_less_takes_nothing_back() -> None:
    """Two leaders for a moment: one has recorded both ends, the other has seen one."""
    spec: Spec = {
        "steps": [
            {"name": "map", "task": "shop.tasks.a", "map": {"list": "two"}, "inputs": []},
            {"name": "last", "task": "shop.tasks.a", "after": ["map"], "inputs": []},
        ],
        "lists": [{"name": "two", "items": "[1,2]"}],
    }
    world = World(spec, lambda _step, _index: True, {"map": None, "last": None})
    other = world.replicas[1]
    for number in (0, 1):
        world.step("rest", number)
    world.finish(0)
    other.see(TASK_PLURAL)
    world.finish(0)
    world.pass_time(1)
    world.step("rest", 0)
    assert world.status["steps"]["map"]["completedIndexes"] == "0-1"
    other.see(WORKFLOW_PLURAL)
    other.drain()
    world.run()
    world.close()
    check_records(world)
    check_creations(world)
