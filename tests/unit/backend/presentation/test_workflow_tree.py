"""The steps of a workflow as a tree, whatever graph it is."""

from datetime import UTC, datetime
from typing import Any

import pytest

from django_tasks_kubernetes.presentation.workflow_tree import DEPTH_MAX, columns_of_tree, step_record, tree, visible
from tests.unit.backend.workflow_resources import FAILED, RUNNING, workflow_resource

NOW = datetime(2026, 11, 23, 12, 0, 31, tzinfo=UTC)


def drawn(*steps: Any) -> list[str]:
    made = [{"task": "t"} | step for step in steps]
    return [row["STEP"] for row in columns_of_tree(tree(workflow_resource(steps=made)), NOW)]


def step(name: str, *after: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "after": list(after)} | fields


def test_a_report_while_it_runs() -> None:
    assert [list(row.values()) for row in columns_of_tree(tree(workflow_resource(status=RUNNING)), NOW)] == [
        ["extract", "Succeeded", "", "3s", ""],
        ["└─ render", "Running", "4/10", "27s", "1 failed"],
        ["   └─ publish", "Pending", "", "", "also after extract"],
        ["      ├─ alert", "Pending", "", "", "on failure"],
        ["      └─ clean-up", "Pending", "", "", "always"],
    ]


def test_a_report_that_failed() -> None:
    rows = columns_of_tree(tree(workflow_resource(status=FAILED)), datetime(2027, 1, 1, tzinfo=UTC))
    assert [(row["PHASE"], row["TASKS"], row["TIME"], row["NOTE"]) for row in rows] == [
        ("Succeeded", "", "3s", ""),
        ("Failed", "10/10", "26s", "3 failed"),
        ("Skipped", "", "", "UpstreamFailed, also after extract"),
        ("Succeeded", "", "1s", "on failure"),
        ("Succeeded", "", "1s", "always"),
    ]


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        ([step("a"), step("b")], ["a", "b"]),
        # Below the one that most others come before.
        ([step("a"), step("b", "a"), step("c", "a", "b")], ["a", "└─ b", "   └─ c"]),
        ([step("a"), step("b"), step("c", "a", "b")], ["a", "└─ c", "b"]),
        (
            [step("a"), step("b", "a"), step("c", "b"), step("d", "a"), step("e", "d")],
            ["a", "├─ b", "│  └─ c", "└─ d", "   └─ e"],
        ),
        # A source of a map, of a lane, and of an argument.
        (
            [
                step("a"),
                step("b", map={"over": "a"}),
                step("c", map={"each": "b"}),
                step("d", inputs=[{"into": "", "step": "c"}]),
            ],
            ["a", "└─ b", "   └─ c", "      └─ d"],
        ),
        # What somebody has written by hand, and is no graph.
        ([step("a", "b"), step("b", "nowhere")], ["a", "b"]),
        ([step("a", "a"), step("b", "a")], ["a", "└─ b"]),
        ([step("a", "b"), step("b", "a")], ["a", "└─ b"]),
    ],
)
def test_where_a_step_stands(steps: list[Any], lines: list[str]) -> None:
    assert drawn(*steps) == lines


def test_a_long_chain_stays_in_the_terminal() -> None:
    lines = drawn(step("s0"), *(step(f"s{n}", f"s{n - 1}") for n in range(1, 500)))
    assert len(lines) == 500
    assert max(map(len, lines)) <= 3 * DEPTH_MAX + 4
    assert [line.strip(" └─├│") for line in lines] == [f"s{n}" for n in range(500)]


def test_a_status_that_only_a_newer_operator_knows() -> None:
    steps = {"extract": {"phase": "Paused"}, "render": {"phase": "Running", "completedIndexes": "all"}}
    first, second, *_ = columns_of_tree(tree(workflow_resource(status={"steps": steps})), NOW)
    assert (first["PHASE"], second["PHASE"], second["TASKS"]) == ("Paused", "Running", "")


def test_of_many_steps_those_that_run_are_visible_first() -> None:
    steps = tree(workflow_resource(status=FAILED))
    assert [found.name for found in visible(steps, 2)] == ["extract", "render"]
    assert [found.name for found in visible(tree(workflow_resource(status=RUNNING)), 2)] == ["render", "publish"]
    assert visible(steps, 9) == steps


def test_what_a_retry_takes_over_is_said() -> None:
    taken = [{"workflow": "before", "uid": "u", "indexes": "0-2"}, {"workflow": "between", "uid": "v", "indexes": "4"}]
    steps = {
        "extract": {"phase": "Succeeded", "takenOver": [{"workflow": "before", "uid": "u", "indexes": "0"}]},
        "render": {"phase": "Running", "width": 10, "completedIndexes": "0-2,4", "takenOver": taken},
    }
    first, second, *_ = columns_of_tree(tree(workflow_resource(status={"steps": steps})), NOW)
    assert (first["NOTE"], second["NOTE"]) == ("taken over", "4 taken over")


def test_a_step_for_programs_has_stable_fields() -> None:
    _, render, *_ = map(step_record, tree(workflow_resource(status=FAILED)))
    assert render == {
        "name": "render",
        "task": "shop.flows.render",
        "phase": "Failed",
        "reason": "TaskFailed",
        "message": "3 of 10 failed. flow-render-00003 is Failed, TaskError: ValueError: no address",
        "runs": "OnSuccess",
        "needs": ["extract"],
        "width": 10,
        "chunk": None,
        "completed": 7,
        "failed": 3,
        "taken_over": 0,
        "failed_indexes": "3,7,9",
        "started_at": "2026-11-23T12:00:04+00:00",
        "finished_at": "2026-11-23T12:00:30+00:00",
    }
