"""The results of steps as arguments of others."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.workflow.bounds import ITEM_MAX_BYTES, STEP_INPUTS_MAX_BYTES, WORKFLOW_TASKS_MAX
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.inputs import (
    InputError,
    StepItem,
    check_length,
    chunk_of,
    filled,
    item,
    item_sources,
    list_items,
    listed_item,
    needed,
    placed,
    result_in,
    results_in,
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
RESULTS = {StepItem("lone", 0): '{"a":[7]}', StepItem("map", 0): '"x"', StepItem("map", 2): '"z"'}


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
        values(PLAN, [of("map")], {"map": MAP}.__getitem__, RESULTS | {StepItem("map", 0): "1, 2"})


@pytest.mark.parametrize("missing", [StepItem("lone", 0), StepItem("map", 2)])
def test_an_input_of_which_a_result_was_not_read_has_no_value(missing: StepItem) -> None:
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


OVER = Record(StepPhase.RUNNING, None, 2, Indexes([0, 1]))


@pytest.mark.parametrize(
    ("step", "source", "text"), [("over", StepItem("lone", 0), "8"), ("lane", StepItem("over", 1), "[7,8]")]
)
def test_an_item_is_a_result_or_one_of_a_result(step: str, source: StepItem, text: str) -> None:
    task, records = StepTask(step, 1), {"over": OVER, "lane": OVER}.__getitem__
    assert item_sources(PLAN, task, records) == [source]
    assert item(PLAN, task, {source: "[7,8]"}, records) == text


def test_an_item_of_the_workflow_needs_no_result() -> None:
    task, records = StepTask("map", 1), {"map": MAP}.__getitem__
    assert item_sources(PLAN, task, records) == []
    assert item(PLAN, task, {}, records) == listed_item(PLAN, task) == "2"


@pytest.mark.parametrize("result", ["[7]", "{}"])
def test_an_item_that_is_not_there_is_an_error(result: str) -> None:
    with pytest.raises(InputError, match="no item 1 any more"):
        item(PLAN, StepTask("over", 1), {StepItem("lone", 0): result}, {"over": OVER}.__getitem__)


def chunks(name: str, **source: Any) -> dict[str, Any]:
    return {
        "name": name,
        "task": "shop.tasks.a",
        "payload": '{"each":null,"args":[],"kwargs":{}}',
        "inputs": [{"into": "/each"}],
        "map": {"chunk": 2, **source},
    }


CHUNKS = Plan.of(
    {
        "lists": [{"name": "list", "items": "[1, 2, 3]"}],
        "steps": [
            {"name": "lone", "task": "shop.tasks.a"},
            chunks("listed", list="list"),
            chunks("over", over="lone"),
            chunks("lane", each="listed"),
            {"name": "own", "task": "shop.tasks.a", "map": {"each": "listed"}},
        ],
    }
)


@pytest.mark.parametrize(
    ("task", "sources", "text", "chunk"),
    [
        (StepTask("listed", 0), [], "[1,2]", {"size": 2, "only": "1"}),
        (StepTask("listed", 1), [], "[3]", {"size": 1}),
        (StepTask("over", 1), [StepItem("lone", 0)], "[9]", {"size": 1}),
        # Of what it follows, the second item has failed.
        (StepTask("lane", 0), [StepItem("listed", 0)], '["a",null]', {"size": 2, "only": "0"}),
        (StepTask("own", 0), [StepItem("listed", 0)], '"a"', None),
    ],
)
def test_the_items_of_a_chunk_are_a_list(
    task: StepTask, sources: list[StepItem], text: str, chunk: dict[str, Any] | None
) -> None:
    listed = Record(StepPhase.RUNNING, None, 3, Indexes([0]))
    records = {"listed": listed}.get
    fresh = Record(StepPhase.RUNNING, None, 3)

    def record(step: str) -> Record:
        return records(step, fresh)

    results = {StepItem("lone", 0): "[7,8,9]", StepItem("listed", 0): '"a"'}
    assert item_sources(CHUNKS, task, record) == sources
    assert item(CHUNKS, task, results, record) == text
    assert chunk_of(CHUNKS, task, record) == chunk


def test_the_result_of_a_chunk_has_those_of_its_items() -> None:
    text = '[1.10,"é"]'
    assert results_in(CHUNKS, StepTask("listed", 1), text) == {
        StepItem("listed", 2): "1.10",
        StepItem("listed", 3): '"é"',
    }
    assert results_in(CHUNKS, StepTask("listed", 1), '[1.10,"é",7]') == results_in(CHUNKS, StepTask("listed", 1), text)
    assert result_in(CHUNKS, StepItem("listed", 2), text) == "1.10"
    assert results_in(CHUNKS, StepTask("lone", 0), text) == {StepItem("lone", 0): text}
    with pytest.raises(InputError, match="no item 1"):
        result_in(CHUNKS, StepItem("listed", 1), "[1]")


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
    found = list_items(text)
    assert (None if found is None else list(found)) == items


def test_a_step_takes_its_item_where_an_input_names_no_step() -> None:
    assert takes_item({"inputs": [of("lone"), of(None)]})
    assert not takes_item({"inputs": [of("lone")]})
    assert not takes_item({})
