"""What makes steps a graph that can run."""

from __future__ import annotations

import pytest

from djangotasks_api.workflow.bounds import STEPS_MAX, WORKFLOW_TASKS_MAX
from djangotasks_api.workflow.graph import Graph, InvalidGraph, Runs, Step

LIST = Step(name="list", items=3)
LONE = Step(name="lone")


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([LONE, LONE], "two steps"),
        ([Step(name="a", after=("b",)), Step(name="b")], "a: needs b"),
        ([Step(name="a", after=("a",))], "a: needs a"),
        ([Step(name="a", each="list")], "a: needs list"),
        ([LIST, LONE, Step(name="a", each="list", over="lone")], "more than one"),
        ([LIST, Step(name="a", each="list", runs=Runs.ALWAYS)], "on success alone"),
        ([LONE, Step(name="a", each="lone")], "no map"),
        ([LIST, Step(name="a", over="list")], "item by item"),
        ([Step(name="list-00001")], "like a task of a map list"),
        ([Step(name="a", runs=Runs.ON_FAILURE)], "no step that could fail"),
        ([Step(name=f"a{number}") for number in range(STEPS_MAX + 1)], "501 steps, and may have 500"),
        ([Step(name="a", items=WORKFLOW_TASKS_MAX), LONE], "100,001 tasks"),
        # Each map that follows another has as many.
        ([Step(name="a", items=40_000), Step(name="b", each="a"), Step(name="c", each="b")], "120,000 tasks"),
        ([Step(name="a", items=60_000, chunk=500), Step(name="b", each="a", chunk=500)], "120,000 tasks"),
        ([Step(name="a", chunk=2)], "a: is in chunks, and is no map"),
        ([LIST, Step(name="a", each="list", chunk=2)], "in chunks of 2, which must be in such chunks too"),
        ([Step(name="b", items=3, chunk=3), Step(name="a", each="b", chunk=2)], "must be in such chunks too"),
    ],
)
def test_what_cannot_run_is_refused(steps: list[Step], words: str) -> None:
    with pytest.raises(InvalidGraph, match=words):
        Graph(steps)


@pytest.mark.parametrize(
    ("chunk", "task", "width", "indexes"),
    [(None, 2, 3, range(2, 3)), (2, 0, 3, range(2)), (2, 1, 3, range(2, 3)), (2, 1, None, range(2, 4))],
)
def test_a_task_is_for_one_index_or_a_chunk_of_them(
    chunk: int | None, task: int, width: int | None, indexes: range
) -> None:
    step = Step(name="a", items=3, chunk=chunk)
    assert step.indexes_of(task, width) == indexes
    assert {step.task_of(index) for index in indexes} == {task}
    assert step.count_tasks(3) == (3 if chunk is None else 2)


def test_a_graph_is_its_steps_in_order() -> None:
    graph = Graph([LIST, LONE, Step(name="a", each="list", after=("lone", "list"))])
    assert [step.name for step in graph] == ["list", "lone", "a"]
    assert len(graph) == 3
    assert graph["lone"] is LONE
    assert "b" not in graph
