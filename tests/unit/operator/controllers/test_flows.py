"""The workflows that run take a bounded part of the memory."""

from __future__ import annotations

from typing import Any, cast

import pytest

from djangotasks_api.workflow.records import WorkflowPhase
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers.flow import Flow
from djangotasks_operator.controllers.flows import Flows
from tests.unit.operator.harness import make_operator
from tests.unit.operator.workflow_stage import WorkflowStage, mapped, step

pytestmark = pytest.mark.thorough


class Small:
    def __init__(self, namespace: str, name: str, memory: int = 1) -> None:
        self.key, self.memory = Key(namespace, name), memory


def small(*args: Any) -> Flow:
    return cast("Flow", Small(*args))


def test_room_is_made_where_the_most_is_used() -> None:
    dropped: list[Key] = []
    flows = Flows(dropped.append, most=4)
    for flow in (small("a", "1"), small("a", "2"), small("a", "3"), small("b", "1")):
        flows.put(flow)
    assert flows.get(Key("a", "1")) is not None, "and is the last that was used"
    flows.put(small("b", "2"))
    assert dropped == [Key("a", "2")]
    flows.put(small("b", "3", 2))
    assert dropped == [Key("a", "2"), Key("b", "1"), Key("b", "2")]
    assert Key("a", "1") in flows


def test_what_is_in_use_stays() -> None:
    dropped: list[Key] = []
    flows = Flows(dropped.append, most=1)
    with flows.using(Key("a", "1")), flows.using(Key("a", "2")):
        flows.put(small("a", "1"))
        flows.put(small("a", "2"))
        assert dropped == []
    flows.put(small("a", "3"))
    assert dropped == [Key("a", "1"), Key("a", "2")]


def test_a_flow_takes_its_room_once() -> None:
    flows = Flows(most=2)
    for _ in range(5):
        flows.put(small("a", "1"))
    flows.put(small("a", "2"))
    assert Key("a", "1") in flows
    for name in "12":
        flows.pop(Key("a", name))
        flows.pop(Key("a", name))
    assert flows.get(Key("a", "1")) is None


@pytest.mark.parametrize("most", [0, 10**9])
def test_workflows_for_which_there_is_no_room_go_on_all_the_same(most: int) -> None:
    operator = make_operator()
    operator.term.flows.most = most
    steps = (
        step("first"),
        step("map", None, map={"list": "list"}, inputs={"/args/0": None}, maxParallel=2),
        step("sum", None, None, inputs={"/args/0": "map", "/args/1": "first"}),
    )
    stages = [WorkflowStage(*steps, lists=[mapped(4)], operator=operator, name=name) for name in ("one", "two")]
    for number in range(4):
        for stage in stages:
            assert f"map-0000{number}" in stage.tasks()
            stage.end(f"map-0000{number}", str(number))
    for stage in stages:
        stage.end("first", '"f"')
    for stage in stages:
        assert stage.payload("sum") == '{"args":[[0,1,2,3],"f"],"kwargs":{}}'
        stage.end("sum")
        assert stage.phase is WorkflowPhase.SUCCEEDED
    assert Key("shop", "one") not in operator.term.flows
