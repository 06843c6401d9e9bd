"""Workflows as layers of boxes."""

from typing import Any

import pytest

from django_tasks_kubernetes.admin.graph import (
    BOX_HEIGHT,
    BOX_WIDTH,
    BOXES_MAX,
    GAP_X,
    GAP_Y,
    LINES_MAX,
    collapsed,
    graph,
    layers_of,
)
from django_tasks_kubernetes.presentation.workflow_tree import StepView, tree
from tests.unit.backend.workflow_resources import workflow_resource


def step(name: str, *after: str, task: str = "shop.tasks.one", **fields: Any) -> dict[str, Any]:
    return {"name": name, "task": task, "after": list(after)} | fields


def views(*steps: dict[str, Any], **status: Any) -> list[StepView]:
    found = {name: {"phase": phase} if isinstance(phase, str) else phase for name, phase in status.items()}
    return tree(workflow_resource(steps=list(steps), status={"steps": found}))


def layers(steps: list[StepView]) -> list[list[str]]:
    nodes = collapsed(steps)
    return [[nodes[place].name for place in layer] for layer in layers_of(nodes)]


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ([step("a")], [["a"]]),
        ([step("a"), step("b")], [["a", "b"]]),
        ([step("a"), step("b", "a"), step("c", "b")], [["a"], ["b"], ["c"]]),
        # By the longest path.
        ([step("a"), step("b", "a"), step("c", "a", "b")], [["a"], ["b"], ["c"]]),
        (
            [step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c")],
            [["a"], ["b", "c"], ["d"]],
        ),
        # In the order of what they need.
        (
            [step("a"), step("b"), step("d", "b"), step("c", "a")],
            [["a", "b"], ["c", "d"]],
        ),
        # What needs a later one is no graph.
        ([step("a", "b"), step("b", "a")], [["a"], ["b"]]),
    ],
)
def test_layers_are_by_the_longest_path(steps: list[dict[str, Any]], found: list[list[str]]) -> None:
    assert layers(views(*steps)) == found


def test_steps_that_are_alike_are_one_box_from_six_on() -> None:
    five = [step(f"part{n}", "a") for n in range(5)]
    six = [*five, step("part5", "a")]
    end = step("z", *(one["name"] for one in six))
    assert len(collapsed(views(step("a"), *five))) == 6
    nodes = collapsed(views(step("a"), *six, end, part0="Succeeded", part1="Failed", part2="Running"))
    assert [(node.name, node.tasks) for node in nodes] == [("a", None), ("part0", 6), ("z", None)]
    assert (nodes[1].succeeded, nodes[1].failed, nodes[1].phase) == (1, 1, "Failed")
    assert nodes[2].needs == (1,)


@pytest.mark.parametrize(
    "other",
    [
        {"task": "shop.tasks.two"},
        {"runs": "Always"},
        {"after": ["a", "b"]},
        {"map": {"list": [1]}},
    ],
)
def test_steps_that_differ_have_boxes_of_their_own(other: dict[str, Any]) -> None:
    parts = [step(f"part{n}", "a") for n in range(6)]
    parts[3] |= other
    assert len(collapsed(views(step("a"), step("b"), *parts))) == 8


def test_a_map_counts_its_tasks() -> None:
    status = {"phase": "Running", "width": 128, "completedIndexes": "0-119", "failedIndexes": "120-122"}
    (node,) = collapsed(views(step("resize", map={"over": "fetch"}), resize=status))
    assert (node.tasks, node.succeeded, node.failed, node.phase) == (128, 120, 3, "Running")


@pytest.mark.parametrize(
    ("phases", "phase"),
    [
        (["Succeeded"] * 6, "Succeeded"),
        (["Succeeded"] * 5 + ["Running"], "Running"),
        (["Succeeded"] * 5 + ["Pending"], "Running"),
        (["Running"] * 5 + ["Failed"], "Failed"),
        (["Succeeded"] * 5 + ["Cancelled"], "Cancelled"),
        (["Succeeded"] * 5 + ["Skipped"], "Skipped"),
    ],
)
def test_the_phase_of_many_is_the_one_that_matters(phases: list[str], phase: str) -> None:
    names = [f"part{n}" for n in range(6)]
    (node,) = collapsed(views(*(step(name) for name in names), **dict(zip(names, phases, strict=True))))
    assert node.phase == phase


def test_boxes_do_not_overlap_and_edges_go_from_side_to_side() -> None:
    drawn = graph(views(step("a"), step("b", "a"), step("c", "a")))
    assert drawn is not None
    places = [(float(box.x), float(box.y)) for box in drawn.boxes]
    assert places == [(4, 4 + (BOX_HEIGHT + GAP_Y) / 2), (4 + BOX_WIDTH + GAP_X, 4), (4 + BOX_WIDTH + GAP_X, 4 + BOX_HEIGHT + GAP_Y)]  # fmt: skip
    assert len(drawn.edges) == 2
    assert drawn.edges[0].startswith(f"M{4 + BOX_WIDTH},55 C")
    assert drawn.edges[0].endswith(f" {4 + BOX_WIDTH + GAP_X},26")
    assert (drawn.width, drawn.height) == (2 * 4 + 2 * BOX_WIDTH + GAP_X, 2 * 4 + 2 * BOX_HEIGHT + GAP_Y)


def test_long_names_are_cut() -> None:
    drawn = graph(views(step("x" * 60)))
    assert drawn is not None
    assert drawn.boxes[0].name == "x" * 21 + "…"


def test_too_many_boxes_are_no_picture() -> None:
    chain = [step("s0"), *(step(f"s{n}", f"s{n - 1}") for n in range(1, BOXES_MAX + 1))]
    assert graph(views(*chain)) is None
    drawn = graph(views(*chain[:-1]))
    assert drawn is not None
    assert len(drawn.boxes) == BOXES_MAX
    # However many are alike, they are one.
    assert graph(views(*(step(f"s{n}") for n in range(400)))) is not None


def test_nothing_is_an_empty_picture() -> None:
    drawn = graph([])
    assert drawn is not None
    assert (drawn.boxes, drawn.edges) == ((), ())


def test_with_too_many_lines_there_is_no_picture() -> None:
    """Each after all that come before it: a page of two megabytes."""

    def all_after_all(number: int) -> list[StepView]:
        return views(*(step(f"s{n}", *(f"s{m}" for m in range(n))) for n in range(number)))

    drawn = graph(all_after_all(20))
    assert drawn is not None
    assert len(drawn.edges) == 20 * 19 / 2
    assert BOXES_MAX > 100
    assert LINES_MAX < 100 * 99 / 2
    assert graph(all_after_all(100)) is None
