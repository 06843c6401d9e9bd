"""The engine in a world where anything may happen in any order: every workflow ends, as its specification says.

What holds of every workflow, and where that is tested: W1 to W4, W6 to W8 and W11 here; W1, W2, W4 and W7 to W9 of the
operator's controllers, with two leaders, in `tests/unit/operator/model/test_workflows.py`.

- W1: an index of a step has one task (`World._create`).
- W2: no task is created before that on which it rests is recorded (`World._create`).
- W3: a workflow ends, and each of its steps has one final phase (`World.run`).
- W4: the final phases are a function of the graph and of the fates of its tasks: `specification.py` is that function.
- W5: results arrive exact to the character (`tests/unit/operator/controllers/test_step_results.py`).
- W6: no more tasks than the window, or a step's maxParallel, exist at once (`World._create`).
- W7: after a stop, only steps that run always begin (`World._create`).
- W8: what is recorded only grows, and what is over stays so (`World._store`).
- W9: nothing is deleted that the workflow may need (`test_workflows.py`).
- W10: the operator, in_memory() and LocalBackend agree (`tests/unit/backend/workflows/test_agreement.py`).
- W11: a retry runs what had not succeeded, and handlers.

`HYPOTHESIS_PROFILE=thorough` searches long.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.workflow.graph import Graph, Runs, Step
from djangotasks_api.workflow.records import Record, StepPhase, StepReason, WorkflowPhase
from djangotasks_api.workflow.retry import take_over
from tests.unit.crds.workflow.specification import Succeeds, ending, ends
from tests.unit.crds.workflow.world import World

LENGTHS = (None, 0, 1, 3)


@st.composite
def graphs(draw: st.DrawFn, *, early_stops: bool = False) -> Graph:
    """Up to 7 steps, of all kinds and with all rules."""
    steps: list[Step] = []
    for number in range(draw(st.integers(1, 7))):
        names = [step.name for step in steps]
        after = tuple(draw(st.lists(st.sampled_from(names), max_size=2, unique=True))) if names else ()
        runs = draw(st.sampled_from([*[Runs.ON_SUCCESS] * 4, Runs.ON_FAILURE, Runs.ALWAYS])) if after else None
        kind = draw(st.sampled_from(["plain", "plain", "items", "over", "each"]))
        source: dict[str, Any] = {}
        if kind == "items":
            source = {"items": draw(st.integers(0, 4))}
        elif kind == "over" and (plain := [step.name for step in steps if not step.is_map]):
            source, runs = {"over": draw(st.sampled_from(plain))}, None
        elif kind == "each" and (maps := [step.name for step in steps if step.is_map]):
            source, runs = {"each": draw(st.sampled_from(maps))}, None
        if source:
            source["chunk"] = draw(st.sampled_from([None, None, 1, 2, 3]))
        if "each" in source:
            # A map in chunks is followed by one without, or in the same.
            above = next(step for step in steps if step.name == source["each"])
            source["chunk"] = draw(st.sampled_from([None, above.chunk]))
        steps.append(
            Step(
                name=f"s{number}",
                after=after,
                runs=runs or Runs.ON_SUCCESS,
                allow_failure=draw(st.sampled_from([False, False, False, True])),
                max_failed=draw(st.sampled_from([0, 0, 1, 2])) if source else 0,
                max_parallel=draw(st.sampled_from([None, 1, 2])),
                fail_fast=early_stops and draw(st.booleans()),
                **source,
            )
        )
    return Graph(steps)


def fate(seed: int, failing: float) -> Succeeds:
    """What becomes of each task."""
    return lambda step, index: random.Random(f"{seed}{step}-{index}").random() >= failing


def lengths_of(graph: Graph, seed: int) -> dict[str, int | None]:
    return {step.name: random.Random(f"{seed}{step.name}").choice(LENGTHS) for step in graph}


SEEDS = st.integers(0, 10**6)
FAILING = st.sampled_from([0, 0.1, 0.3, 0.6])


@given(graphs(), SEEDS, FAILING)
def test_a_workflow_ends_as_specified_whatever_happens_on_the_way(graph: Graph, seed: int, failing: float) -> None:
    succeeds, lengths = fate(seed, failing), lengths_of(graph, seed)
    expected = ends(graph, succeeds, lengths)
    for number, (faults, window) in enumerate([(False, 100), (True, 5), (True, 100), (False, 1)]):
        world = World(
            graph=graph,
            succeeds=succeeds,
            lengths=lengths,
            random=random.Random(seed + number),
            window=window,
            faults=faults,
        )
        world.run()
        assert world.ending is ending(graph, expected)
        for step in graph:
            record, end = world.records[step.name], expected[step.name]
            assert (record.phase, record.reason) == (end.phase, end.reason)
            assert frozenset(record.completed) == end.completed
            assert frozenset(record.failed) == end.failed
        if not faults:
            ran = {(name, index) for name, end in expected.items() for index in end.completed | end.failed}
            assert {(task.step, index) for task, indexes in world.indexes.items() for index in indexes} == ran
            assert set(world.runs.values()) <= {1}


@given(graphs(early_stops=True), SEEDS, FAILING, st.integers(0, 8), st.sampled_from(StepReason))
def test_a_stopped_workflow_ends_with_its_clean_up(
    graph: Graph, seed: int, failing: float, stop_at: int, reason: StepReason
) -> None:
    world = World(
        graph=graph,
        succeeds=fate(seed, failing),
        lengths=lengths_of(graph, seed),
        random=random.Random(seed),
        faults=True,
        stop_at=stop_at,
        stop_reason=reason,
    )
    world.run()
    assert all(world.records[step.name].phase.is_over for step in graph)
    for step in graph:
        if step.runs is Runs.ALWAYS:
            assert world.records[step.name].phase in (StepPhase.SUCCEEDED, StepPhase.FAILED)
    if world.stopped:
        assert world.ending is (
            WorkflowPhase.CANCELLED if reason is StepReason.CANCEL_REQUESTED else WorkflowPhase.FAILED
        )


def moved(graph: Graph, step: Step, records: Mapping[str, Record]) -> bool:
    """Whether it maps, or follows a map, over the result of a step that runs again."""
    if step.each is not None:
        return moved(graph, graph[step.each], records)
    if step.over is None:
        return False
    over = graph[step.over]
    return over.runs is not Runs.ON_SUCCESS or records[over.name].phase is not StepPhase.SUCCEEDED


@given(graphs(early_stops=True), SEEDS, FAILING)
def test_a_retry_runs_what_had_not_succeeded_and_handlers(graph: Graph, seed: int, failing: float) -> None:
    lengths = lengths_of(graph, seed)
    first = World(graph=graph, succeeds=fate(seed, failing), lengths=lengths, random=random.Random(seed))
    first.run()
    records = take_over(graph, first.records.items())
    second = World(
        graph=graph,
        succeeds=fate(seed + 1, failing / 2),
        lengths=lengths,
        random=random.Random(seed),
        faults=True,
        records={name: record.copy() for name, record in records.items()},
    )
    second.run()
    for step in graph:
        old, new = first.records[step.name], second.records[step.name]
        if step.runs is not Runs.ON_SUCCESS or moved(graph, step, first.records):
            continue
        again = {index for task, indexes in second.indexes.items() if task.step == step.name for index in indexes}
        assert not again & set(old.completed), "what succeeded does not run again"
        assert old.phase is not StepPhase.SUCCEEDED or (new.phase is StepPhase.SUCCEEDED and not again)


@given(graphs(), SEEDS, FAILING)
def test_a_retry_where_nothing_fails_any_more_succeeds(graph: Graph, seed: int, failing: float) -> None:
    lengths: dict[str, int | None] = {step.name: 2 for step in graph}
    first = World(graph=graph, succeeds=fate(seed, failing), lengths=lengths, random=random.Random(seed))
    first.run()
    second = World(
        graph=graph,
        succeeds=lambda _step, _index: True,
        lengths=lengths,
        random=random.Random(seed),
        records=take_over(graph, first.records.items()),
    )
    second.run()
    assert second.ending is WorkflowPhase.SUCCEEDED


def test_a_record_is_independent_of_its_copy() -> None:
    record = Record()
    record.copy().completed.add(1)
    assert not record.completed
