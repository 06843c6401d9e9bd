"""What makes steps a graph that can run."""

from __future__ import annotations

import pytest

from djangotasks_api.workflow.bounds import WORKFLOW_TASKS_MAX
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
        ([Step(name="a", items=WORKFLOW_TASKS_MAX), LONE], "100,001 tasks"),
        # Each map that follows another has as many.
        ([Step(name="a", items=40_000), Step(name="b", each="a"), Step(name="c", each="b")], "120,000 tasks"),
    ],
)
def test_what_cannot_run_is_refused(steps: list[Step], words: str) -> None:
    with pytest.raises(InvalidGraph, match=words):
        Graph(steps)


def test_a_graph_is_its_steps_in_order() -> None:
    graph = Graph([LIST, LONE, Step(name="a", each="list", after=("lone", "list"))])
    assert [step.name for step in graph] == ["list", "lone", "a"]
    assert len(graph) == 3
    assert graph["lone"] is LONE
    assert "b" not in graph
