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
from tests.unit.operator.workflow_stage import WorkflowStage, step

HALF = "x" * (step_results.AT_ONCE_MAX_CHARS // 2)
LARGE = json.dumps([HALF, 7, HALF])


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was called apart from the event loop."""
    calls: list[Any] = []
    call_apart = Plans.apart

    async def counted[T](plans: Plans, call: Callable[[], T]) -> T:
        calls.append(call)
        return await call_apart(plans, call)

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
