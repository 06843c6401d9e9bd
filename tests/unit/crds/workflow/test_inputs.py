"""The results of steps as arguments of others."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.workflow.bounds import ITEM_MAX_BYTES, STEP_INPUTS_MAX_BYTES, WORKFLOW_TASKS_MAX
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.inputs import (
    InputError,
    check_length,
    filled,
    item,
    item_source,
    list_items,
    listed_item,
    needed,
    placed,
    takes_item,
    values,
)
from djangotasks_api.workflow.plan import Plan
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import Record, StepPhase

PLAN = Plan.of(
    {
        "lists": [{"name": "list", "items": "[1, 2, 3]"}],
        "steps": [
            {"name": "lone", "task": "shop.tasks.a"},
            {"name": "map", "task": "shop.tasks.a", "map": {"list": "list"}},
            {"name": "over", "task": "shop.tasks.a", "map": {"over": "lone"}},
            {"name": "lane", "task": "shop.tasks.a", "map": {"each": "over"}},
        ],
    }
)
MAP = Record(StepPhase.SUCCEEDED, None, 3, Indexes([0, 2]), Indexes([1]))
RESULTS = {StepTask("lone", 0): '{"a":[7]}', StepTask("map", 0): '"x"', StepTask("map", 2): '"z"'}


def of(step: str | None, pointer: str = "") -> dict[str, Any]:
    return {"into": "/args/0", "pointer": pointer} | ({} if step is None else {"step": step})


@pytest.mark.parametrize(
    ("source", "records", "tasks", "text"),
    [
        (of("lone"), {"lone": Record(StepPhase.SUCCEEDED)}, [("lone", 0)], '{"a":[7]}'),
        (of("lone", "/a/0"), {"lone": Record(StepPhase.SUCCEEDED)}, [("lone", 0)], "7"),
        (of("lone"), {"lone": Record(StepPhase.FAILED)}, [], "null"),
        (of("lone"), {"lone": Record(StepPhase.SKIPPED)}, [], "null"),
        (of("map"), {"map": MAP}, [("map", 0), ("map", 2)], '["x",null,"z"]'),
        (of("map", "/1"), {"map": MAP}, [("map", 0), ("map", 2)], "null"),
        (of("map"), {"map": Record(StepPhase.SKIPPED)}, [], "null"),
        (of("map"), {"map": Record(StepPhase.SUCCEEDED, None, 0)}, [], "[]"),
        (of(None), {}, [], "3"),
    ],
)
def test_a_source_is_a_text(
    source: dict[str, Any], records: dict[str, Record], tasks: list[tuple[str, int]], text: str
) -> None:
    assert needed(PLAN, [source], records.__getitem__) == tasks
    assert values(PLAN, [source], records.__getitem__, RESULTS, "3") == {"/args/0": text}


def test_a_part_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InputError, match="The result of lone has nothing at /b"):
        values(PLAN, [of("lone", "/b")], {"lone": Record(StepPhase.SUCCEEDED)}.__getitem__, RESULTS)


@pytest.mark.parametrize("text", ["1],[2", "", "nul"])
def test_what_is_no_json_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        filled('{"args":[null]}', {"/args/0": text})


def test_a_result_that_is_no_value_is_not_put_between_others() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        values(PLAN, [of("map")], {"map": MAP}.__getitem__, RESULTS | {StepTask("map", 0): "1, 2"})


@pytest.mark.parametrize("missing", [StepTask("lone", 0), StepTask("map", 2)])
def test_an_input_of_which_a_result_was_not_read_has_no_value(missing: StepTask) -> None:
    inputs = [{"into": "/args/0", "step": "lone"}, {"into": "/args/1", "step": "map"}, {"into": "/args/2"}]
    records = {"lone": Record(StepPhase.SUCCEEDED), "map": MAP}.__getitem__
    read = {task: text for task, text in RESULTS.items() if task != missing}
    assert set(values(PLAN, inputs, records, read)) == {"/args/0", "/args/1"} - {f"/args/{int(missing.step == 'map')}"}


def taking(*inputs: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A step that takes inputs."""
    return {"payload": '{"args":[null,null,null],"kwargs":{}}', "inputs": inputs, **fields}


def test_as_much_is_in_the_payload_as_may_be_and_the_rest_is_left() -> None:
    step = taking(*({"into": f"/args/{n}", "step": name, "pointer": ""} for n, name in enumerate("abc")))
    half = f'"{"é" * (STEP_INPUTS_MAX_BYTES // 4)}"'
    arguments = placed(step, {"/args/0": half, "/args/1": half, "/args/2": "7"})
    assert arguments.payload == f'{{"args":[{half},null,7],"kwargs":{{}}}}'
    assert arguments.left == [{"into": "/args/1", "step": "b"}]


def test_what_was_not_read_is_left() -> None:
    arguments = placed(taking({"into": "/args/0"}, {"into": "/args/1", "step": "a", "pointer": "/b"}), {"/args/0": "1"})
    assert arguments.left == [{"into": "/args/1", "step": "a", "pointer": "/b"}]
    assert arguments.payload == '{"args":[1,null,null],"kwargs":{}}'


def test_an_item_of_a_list_of_the_workflow_is_in_the_payload_or_nowhere() -> None:
    inputs = {"into": "/args/0", "step": "a"}, {"into": "/args/1"}
    large = f'"{"x" * STEP_INPUTS_MAX_BYTES}"'
    arguments = placed(taking(*inputs, map={"list": "l"}), {"/args/0": "1", "/args/1": large})
    assert (arguments.left, large in arguments.payload) == ([inputs[0]], True)
    assert placed(taking(*inputs, map={"over": "l"}), {"/args/0": "1", "/args/1": large}).left == [inputs[1]]
    with pytest.raises(InputError, match="64 KiB"):
        placed(taking(*inputs, map={"list": "l"}), {"/args/1": f'"{"x" * ITEM_MAX_BYTES}"'})


@pytest.mark.parametrize(
    ("step", "source", "text"), [("over", StepTask("lone", 0), "8"), ("lane", StepTask("over", 1), "[7,8]")]
)
def test_an_item_is_a_result_or_one_of_a_result(step: str, source: StepTask, text: str) -> None:
    task = StepTask(step, 1)
    assert item_source(PLAN, task) == source
    assert item(PLAN, task, "[7,8]") == text


def test_an_item_of_the_workflow_needs_no_result() -> None:
    assert item_source(PLAN, StepTask("map", 1)) is None
    assert listed_item(PLAN, StepTask("map", 1)) == "2"


@pytest.mark.parametrize("result", ["[7]", "{}"])
def test_an_item_that_is_not_there_is_an_error(result: str) -> None:
    with pytest.raises(InputError, match="no item 1 any more"):
        item(PLAN, StepTask("over", 1), result)


# Of the workflow PLAN: "lone" is one task, "map" has three; and "over" and "lane" as many as the list has items.
FITS = (WORKFLOW_TASKS_MAX - 4) // 2


@pytest.mark.parametrize("length", [0, FITS, None])
def test_a_list_may_have_as_many_items_as_there_may_be_tasks(length: int | None) -> None:
    check_length(PLAN, lambda name: Record(), "lone", length)


def test_a_list_that_makes_too_many_tasks_is_an_error() -> None:
    with pytest.raises(InputError, match="of 49,999 items the workflow has 100,002 tasks, and may have 100,000"):
        check_length(PLAN, lambda name: Record(), "lone", FITS + 1)


def test_a_map_that_does_not_run_has_no_tasks() -> None:
    records = {"lane": Record(StepPhase.SKIPPED), "map": MAP}
    check_length(PLAN, lambda name: records.get(name, Record()), "lone", FITS + 1)


@pytest.mark.parametrize(("text", "items"), [("[1, [2]]", ["1", "[2]"]), ("{}", None), ("[", None)])
def test_the_items_of_a_result(text: str, items: list[str] | None) -> None:
    assert list_items(text) == items


def test_a_step_takes_its_item_where_an_input_names_no_step() -> None:
    assert takes_item({"inputs": [of("lone"), of(None)]})
    assert not takes_item({"inputs": [of("lone")]})
    assert not takes_item({})
