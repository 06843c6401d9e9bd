"""Results go from step to step as texts, exact to the character, whatever a task has reported (W5); what is too large for
a payload is left to the task's pod."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.names import TASK_PLURAL
from djangotasks_api.workflow.bounds import ITEM_MAX_BYTES, STEP_INPUTS_MAX_BYTES, WORKFLOW_TASKS_MAX
from djangotasks_api.workflow.json_text import pointer, replaced
from djangotasks_operator.controllers import step_results
from tests.unit.crds.workflow.test_json_text import EXACT, VALUES, ways
from tests.unit.operator.workflow_stage import WorkflowStage, mapped, step

LARGE = json.dumps("x" * STEP_INPUTS_MAX_BYTES)
FILE = {"storage": "tasks", "name": "djangotasks/shop/flow-a.result-1.x.json", "size": 1, "sha256": "0" * 64}


def arguments(stage: WorkflowStage, task: str) -> tuple[Any, Any]:
    """The arguments of a task, and its inputs."""
    spec = stage.operator.server.get(TASK_PLURAL, f"flow-{task}")["spec"]
    return json.loads(spec["payload"])["args"], spec.get("inputs")


def store(stage: WorkflowStage, task: str, **status: Any) -> None:
    """End a task whose result is in a storage."""
    stage.operator.server.update(
        TASK_PLURAL, f"flow-{task}", {"status": {"phase": "Succeeded", "resultRef": FILE, **status}}
    )
    stage.deliver()


def test_a_result_that_is_too_large_is_left_to_the_pod() -> None:
    stage = WorkflowStage(step("a"), step("b"), step("c", None, None, inputs={"/args/0": "a", "/args/1": "b"}))
    stage.end("b", "[7]")
    stage.end("a", LARGE)
    assert arguments(stage, "c") == ([None, [7]], [{"into": "/args/0", "step": "a"}])
    stage.end("c")
    assert stage.phase == "Succeeded"


def test_a_result_in_a_storage_is_left_to_the_pod() -> None:
    stage = WorkflowStage(step("a"), step("b", None) | {"inputs": [{"into": "/args/0", "step": "a", "pointer": "/x"}]})
    store(stage, "a")
    assert arguments(stage, "b") == ([None], [{"into": "/args/0", "step": "a", "pointer": "/x"}])


def test_a_part_of_a_large_result_is_in_the_payload() -> None:
    stage = WorkflowStage(step("a"), step("b", None) | {"inputs": [{"into": "/args/0", "step": "a", "pointer": "/x"}]})
    stage.end("a", f'{{"y":{LARGE},"x":1.10}}')
    assert (stage.payload("b"), arguments(stage, "b")[1]) == ('{"args":[1.10],"kwargs":{}}', None)


@pytest.mark.parametrize(
    ("width", "result"), [(3, LARGE), (9, '"' + "x" * (STEP_INPUTS_MAX_BYTES // 8) + '"'), (3, None), (9, None)]
)
def test_a_map_whose_results_are_too_large_is_left_to_the_pod(width: int, result: str | None) -> None:
    """None: the last of them is in a storage."""
    stage = WorkflowStage(
        step("map", map={"list": "list"}), step("sum", None, inputs={"/args/0": "map"}), lists=[mapped(width)]
    )
    *others, last = stage.tasks()
    for task in others:
        stage.end(task, result or "1", deliver=False)
    if result is None:
        store(stage, last)
    else:
        stage.end(last, result)
    assert arguments(stage, "sum") == ([None], [{"into": "/args/0", "step": "map"}])


def test_the_results_of_a_wide_map_are_not_read_by_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_results, "PAGE_MAX", 9)
    stage = WorkflowStage(
        step("map", map={"list": "list"}), step("sum", None, inputs={"/args/0": "map"}), lists=[mapped(10)]
    )
    for task in stage.tasks():
        stage.end(task, "1", deliver=False)
    before = len(stage.operator.api.requests)
    stage.deliver()
    stage.operator.wait(1)
    assert arguments(stage, "sum")[1] == [{"into": "/args/0", "step": "map"}]
    asked = stage.operator.api.requests[before:]
    assert not [request for request in asked if request.startswith("get djangotasks ")]


def test_a_large_result_is_read_once_for_all_tasks_that_take_it() -> None:
    stage = WorkflowStage(
        step("a"),
        step("map", None, None, map={"list": "list"}, inputs={"/args/0": None, "/args/1": "a"}, maxParallel=1),
        lists=[mapped(3)],
    )
    stage.end("a", LARGE)
    for number in range(3):
        assert arguments(stage, f"map-{number:05}") == ([number, None], [{"into": "/args/1", "step": "a"}])
        stage.end(f"map-{number:05}")
    assert stage.operator.api.requests.count("get djangotasks flow-a") == 1


def test_an_item_that_is_too_large_is_left_to_the_pod() -> None:
    stage = WorkflowStage(step("a"), step("map", None, map={"over": "a"}, inputs={"/args/0": None}))
    stage.end("a", f"[{LARGE}, 7]")
    assert arguments(stage, "map-00000") == ([None], [{"into": "/args/0"}])
    assert arguments(stage, "map-00001") == ([7], None)


def test_an_item_that_is_a_large_result_is_left_to_the_pod() -> None:
    stage = WorkflowStage(
        step("map", map={"list": "list"}),
        step("lane", None, map={"each": "map"}, inputs={"/args/0": None}),
        lists=[mapped(2)],
    )
    stage.end("map-00000", LARGE)
    store(stage, "map-00001")
    assert arguments(stage, "lane-00000") == arguments(stage, "lane-00001") == ([None], [{"into": "/args/0"}])


def test_a_map_over_a_result_in_a_storage_has_the_length_that_its_pod_reported() -> None:
    stage = WorkflowStage(step("a"), step("map", None, map={"over": "a"}, inputs={"/args/0": None}))
    store(stage, "a", resultLength=2)
    assert stage.tasks() == ["map-00000", "map-00001"]
    assert arguments(stage, "map-00001") == ([None], [{"into": "/args/0"}])
    assert stage.status["steps"]["map"]["width"] == 2


def test_a_result_in_a_storage_that_is_no_list_is_not_mapped_over() -> None:
    stage = WorkflowStage(step("a"), step("map", None, map={"over": "a"}, inputs={"/args/0": None}))
    store(stage, "a")
    assert stage.phases()["map"] == "Failed NotAList"


def test_a_list_is_not_read_for_its_length_alone() -> None:
    stage = WorkflowStage(step("a"), step("map", map={"over": "a"}))
    stage.operator.server.update(TASK_PLURAL, "flow-a", {"status": {"resultLength": 2}})
    stage.end("a", "[7,8]")
    assert stage.tasks() == ["map-00000", "map-00001"]
    assert "get djangotasks flow-a" not in stage.operator.api.requests


def test_a_list_that_is_read_has_the_length_that_it_has() -> None:
    stage = WorkflowStage(step("a"), step("map", None, map={"over": "a"}, inputs={"/args/0": None}))
    stage.operator.server.update(TASK_PLURAL, "flow-a", {"status": {"resultLength": 2}})
    stage.end("a", "[7]")
    assert stage.status["steps"]["map"]["width"] == 1


def test_a_map_over_too_many_items_fails() -> None:
    stage = WorkflowStage(step("a"), step("map", None, map={"over": "a"}, inputs={"/args/0": None}))
    store(stage, "a", resultLength=WORKFLOW_TASKS_MAX + 1)
    assert stage.phases()["map"] == "Failed InputTooLarge"
    assert "100,000" in stage.status["message"]


def test_the_maps_that_follow_one_over_a_result_count() -> None:
    """500 of them, 100,000 wide each, would keep the operator busy for minutes at their end."""
    stage = WorkflowStage(
        step("a"), step("map", map={"over": "a"}), step("lane", map={"each": "map"}), step("other", map={"over": "a"})
    )
    store(stage, "a", resultLength=33_334)
    assert stage.phases()["map"] == "Failed InputTooLarge"
    assert "of 33,334 items the workflow has 100,003 tasks" in stage.status["message"]


def test_an_item_of_a_list_of_the_workflow_that_fits_nowhere_fails_its_task() -> None:
    items = json.dumps(["x" * STEP_INPUTS_MAX_BYTES, "y" * ITEM_MAX_BYTES])
    stage = WorkflowStage(
        step("map", None, map={"list": "list"}, inputs={"/args/0": None}), lists=[{"name": "list", "items": items}]
    )
    assert stage.tasks() == ["map-00000"]
    stage.end("map-00000")
    assert stage.phases()["map"] == "Failed InputTooLarge"


@pytest.mark.parametrize("reason", ["InputUnavailable", "InputTooLarge"])
def test_a_step_fails_for_the_reason_that_its_pod_had(reason: str) -> None:
    stage = WorkflowStage(step("a"), step("b", None, inputs={"/args/0": "a"}))
    stage.end("a", LARGE)
    stage.operator.server.update(TASK_PLURAL, "flow-b", {"status": {"phase": "Failed", "reason": reason}})
    stage.deliver()
    assert stage.phases()["b"] == f"Failed {reason}"


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A JSON text, some of whose parts decoding and encoding would change."""
    value: Any = draw(VALUES)
    way = draw(st.sampled_from(ways(value)))
    indent = draw(st.sampled_from([None, 1]))
    return replaced(json.dumps(value, indent=indent), {pointer(way): draw(st.sampled_from(EXACT))})


@given(st.lists(texts(), min_size=1, max_size=3), texts())
def test_results_are_exact_on_every_way(found: list[str], lone: str) -> None:
    """Taken whole, item by item, as the item of a lane, and in the list of a map."""
    stage = WorkflowStage(
        step("list"),
        step("lone"),
        step("whole", None, inputs={"/args/0": "lone"}),
        step("map", None, map={"over": "list"}, inputs={"/args/0": None}),
        step("lane", None, map={"each": "map"}, inputs={"/args/0": None}),
        step("all", None, inputs={"/args/0": "lane"}),
    )
    stage.end("list", f"[{' , '.join(found)}]")
    stage.end("lone", lone)
    indexes = range(len(found))
    assert stage.payload("whole") == f'{{"args":[{lone}],"kwargs":{{}}}}'
    for name in ("map", "lane"):
        tasks = [f"{name}-{index:05}" for index in indexes]
        assert [stage.payload(task) for task in tasks] == [f'{{"args":[{text}],"kwargs":{{}}}}' for text in found]
        for task, text in zip(tasks, found, strict=True):
            stage.end(task, text)
    assert stage.payload("all") == f'{{"args":[[{",".join(found)}]],"kwargs":{{}}}}'
