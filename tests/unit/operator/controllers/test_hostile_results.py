"""What tasks return, and what steps take of it, is a tenant's input: it holds up nobody else, and fills no memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from djangotasks_api.workflow import inputs
from djangotasks_api.workflow.bounds import STEP_INPUTS_MAX_BYTES
from djangotasks_operator.controllers import step_results
from djangotasks_operator.controllers.plans import Plans
from tests.unit.operator.workflow_stage import WorkflowStage, mapped, step

HALF = "x" * (step_results.AT_ONCE_MAX_CHARS // 2)
LARGE = json.dumps([HALF, 7, HALF])


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was called apart from the event loop."""
    calls: list[Any] = []
    call_apart = Plans.apart

    async def counted[T](plans: Plans, namespace: str, call: Callable[[], T]) -> T:
        calls.append(call)
        return await call_apart(plans, namespace, call)

    monkeypatch.setattr(Plans, "apart", counted)
    return calls


def taking(source: str, pointer: str, into: str = "/args/0") -> dict[str, str]:
    return {"into": into, "step": source, "pointer": pointer}


@pytest.mark.parametrize(("result", "calls"), [("[8,7]", 0), (LARGE, 1)])
def test_a_large_result_is_gone_through_apart(apart: list[Any], result: str, calls: int) -> None:
    stage = WorkflowStage(step("a"), step("b", None) | {"inputs": [taking("a", "/1")]})
    apart.clear()
    stage.end("a", result)
    assert (stage.payload("b"), len(apart)) == ('{"args":[7],"kwargs":{}}', calls)


@pytest.mark.parametrize(("result", "calls"), [("[8,7]", 0), (LARGE, 1)])
def test_a_large_list_is_split_apart(apart: list[Any], result: str, calls: int) -> None:
    stage = WorkflowStage(step("a"), step("map", None, map={"over": "a"}, inputs={"/args/0": None}))
    apart.clear()
    stage.end("a", result)
    assert (stage.payload("map-00001"), len(apart)) == ('{"args":[7],"kwargs":{}}', calls)


def in_chunks(name: str, size: int) -> dict[str, Any]:
    return step(name, map={"list": "list", "chunk": size}) | {
        "payload": '{"each":null,"args":[],"kwargs":{}}',
        "inputs": [{"into": "/each"}],
    }


@pytest.mark.parametrize(("space", "calls"), [(0, 0), (step_results.AT_ONCE_MAX_CHARS, 1)])
def test_the_large_result_of_a_chunk_is_split_apart(apart: list[Any], space: int, calls: int) -> None:
    lane = step("lane", None, map={"each": "chunks"}, inputs={"/args/0": None}, maxParallel=1)
    stage = WorkflowStage(in_chunks("chunks", 2), lane, lists=[mapped(2)])
    apart.clear()
    stage.end("chunks-00000", f"[8,{' ' * space}7]")
    assert (stage.payload("lane-00000"), len(apart)) == ('{"args":[8],"kwargs":{}}', calls)


def test_the_results_of_many_items_in_chunks_are_gone_through_apart(apart: list[Any]) -> None:
    """Ten chunks are one page, and 1,000 items."""
    stage = WorkflowStage(
        in_chunks("chunks", 100), step("sum", None, inputs={"/args/0": "chunks"}), lists=[mapped(1000)]
    )
    apart.clear()
    for number, task in enumerate(stage.tasks()):
        stage.end(task, json.dumps([number] * 100), deliver=False)
    stage.deliver()
    assert json.loads(stage.payload("sum"))["args"][0] == [number // 100 for number in range(1000)]
    # To find them on the page, and to put them together.
    assert len(apart) == 2


def test_the_results_of_one_step_are_in_memory_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step may take the results of 499 others: half a megabyte each, and sixteen such tasks are created at once."""
    taken: list[int] = []
    values = inputs.values

    def counted(plan: Any, wanted: Any, record: Any, results: Any, item: Any = None) -> Any:
        taken.append(len(results))
        return values(plan, wanted, record, results, item)

    monkeypatch.setattr(inputs, "values", counted)
    names = ["a", "b", "c"]
    last = step("last", *[None] * 3) | {"inputs": [taking(name, "/1", f"/args/{n}") for n, name in enumerate(names)]}
    output = {"value": "[null,null,null]", "inputs": [taking(name, "/1", f"/{n}") for n, name in enumerate(names)]}
    stage = WorkflowStage(*map(step, names), last, output=output)
    for number, name in enumerate(names):
        stage.end(name, f"[0,{number}]")
    assert stage.payload("last") == '{"args":[0,1,2],"kwargs":{}}'
    assert taken == [1, 1, 1]


def test_parts_that_do_not_fit_are_left_to_the_pod() -> None:
    """As many as fit go into the payload, in their order."""
    half = json.dumps("x" * (STEP_INPUTS_MAX_BYTES // 2))
    wanted = [taking("a", f"/{number}", f"/args/{number}") for number in range(3)]
    stage = WorkflowStage(step("a"), step("b", None, None, None) | {"inputs": wanted})
    stage.end("a", f"[{half},{half},7]")
    spec = stage.operator.server.get("djangotasks", "flow-b")["spec"]
    assert json.loads(spec["payload"])["args"][1:] == [None, 7]
    assert spec["inputs"] == [wanted[1]]
