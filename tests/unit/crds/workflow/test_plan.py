"""A workflow's spec becomes a graph, or says why it is none."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.workflow.bounds import POINTER_MAX_CHARS, STEP_INPUTS_MAX
from djangotasks_api.workflow.graph import InvalidGraph, Runs, Step
from djangotasks_api.workflow.plan import Plan, key_scope

CHUNK = '{"each":null,"args":[null]}'
CHUNKS = {"list": "l", "chunk": 2}


def step(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "task": "shop.tasks.a", "payload": '{"args":[null]}', **fields}


def chunked(*inputs: dict[str, Any]) -> dict[str, Any]:
    return step("a", map=CHUNKS, payload=CHUNK, inputs=list(inputs))


LIST = [{"name": "l", "items": "[1]"}]
FAR = "/" + "x" * POINTER_MAX_CHARS
MANY = [{"into": f"/args/{number}", "step": "a"} for number in range(STEP_INPUTS_MAX + 1)]


def test_what_a_step_needs_comes_from_its_inputs_too() -> None:
    plan = Plan.of(
        {
            "lists": [{"name": "list", "items": "[1, 2]"}],
            "steps": [
                step("a"),
                step("map", map={"list": "list"}, maxFailedIndexes=1, maxParallel=2, failFast=True, allowFailure=True),
                step("over", map={"over": "a"}, inputs=[{"into": "/args/0"}]),
                step("lane", map={"each": "map"}, after=["a"], inputs=[{"into": "/args/0", "step": "map"}]),
                step("alert", after=["lane"], runs="OnFailure"),
                step("chunks", map={"list": "list", "chunk": 50}, payload=CHUNK, inputs=[{"into": "/each"}]),
            ],
        }
    )
    assert list(plan.graph) == [
        Step(name="a"),
        Step(name="map", items=2, max_failed=1, max_parallel=2, fail_fast=True, allow_failure=True),
        Step(name="over", over="a"),
        Step(name="lane", each="map", after=("a", "map")),
        Step(name="alert", after=("lane",), runs=Runs.ON_FAILURE),
        Step(name="chunks", items=2, chunk=50),
    ]
    assert {name: list(items) for name, items in plan.lists.items()} == {"list": ["1", "2"]}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"lists": [{"name": "l", "items": "{}"}], "steps": [step("a")]}, "the list l is no list"),
        ({"lists": [{"name": "l", "items": "[1"}], "steps": [step("a")]}, "the list l cannot be read"),
        ({"lists": LIST, "steps": [step("a", map=CHUNKS)]}, "a: is in chunks, whose items go into /each"),
        ({"lists": LIST, "steps": [chunked({"into": "/args/0"})]}, "whose items go into /each"),
        ({"lists": LIST, "steps": [chunked({"into": "/each", "pointer": "/0"})]}, "as a whole"),
        ({"lists": LIST, "steps": [chunked({"into": "/each"}, {"into": "/args/0"})]}, "and nowhere else"),
        ({"steps": [step("a", payload="[")]}, "a: its inputs have no place"),
        ({"steps": [step("a"), step("b", inputs=MANY)]}, "b: takes 501 results, and may take 500"),
        ({"steps": [step("a")], "output": {"inputs": MANY}}, "output: takes 501 results"),
        (
            {"steps": [step("a"), step("b", inputs=[{"into": "/args/0", "step": "a", "pointer": FAR}])]},
            "b: the way /xxxxxxxxxxxxxxxxxxx… to a part has 257 characters, and may have 256",
        ),
        ({"steps": [step("a"), step("b", inputs=[{"into": FAR, "step": "a"}])]}, "to a part has 257 characters"),
        ({"steps": [step("a")], "output": {"inputs": [{"into": "", "step": "b"}]}}, "takes the result of b"),
        ({"steps": [step("a")], "output": {"inputs": [{"into": ""}]}}, "takes the result of None"),
        ({"steps": [step("a")], "output": {"inputs": [{"into": "/0", "step": "a"}]}}, "output: its inputs"),
    ],
)
def test_what_is_no_graph_says_why(spec: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidGraph, match=words):
        Plan.of(spec)


@pytest.mark.parametrize(
    ("workflow", "scope"), [("shop.flows.report", "shop.flows.report"), ("", "a.b c.d"), (None, "a.b c.d")]
)
def test_a_key_belongs_to_the_function_or_to_the_tasks_of_a_chain(workflow: str | None, scope: str) -> None:
    assert key_scope({"workflow": workflow, "steps": [{"task": "a.b"}, {"task": "c.d"}]}) == scope
