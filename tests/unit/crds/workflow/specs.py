"""Specs of workflows, made of generated graphs: with arguments that they take from each other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from djangotasks_api.workflow.graph import Graph, Step
from tests.unit.crds.workflow.test_engine_properties import graphs

Spec = dict[str, Any]
TASK = "shop.tasks.a"


def spec_of(graph: Graph, task: str = TASK) -> Spec:
    """The spec that is read as this graph."""
    lists = [
        {"name": step.name, "items": json.dumps([f"{step.name}.{n}" for n in range(step.items)])}
        for step in graph
        if step.items is not None
    ]
    return {"steps": [step_of(step, task) for step in graph], "lists": lists}


def step_of(step: Step, task: str = TASK) -> Spec:
    sources = {"list": step.name if step.items is not None else None, "over": step.over, "each": step.each}
    source: Spec = {kind: name for kind, name in sources.items() if name is not None}
    if step.chunk is not None:
        source["chunk"] = step.chunk
    fields: Spec = {"map": source} if source else {}
    if step.chunk is not None:
        fields |= {"inputs": [_input("/each", None)], "payload": '{"each":null,"args":[],"kwargs":{}}'}
    return fields | {
        "name": step.name,
        "task": task,
        "after": list(step.after),
        "runs": step.runs.value,
        "allowFailure": step.allow_failure,
        "maxFailedIndexes": step.max_failed,
        "maxParallel": step.max_parallel,
    }


@st.composite
def specs(draw: st.DrawFn, task: str = TASK) -> Spec:
    """Graphs whose steps take results of others, in whole and in part, and their items; and that have an output."""
    graph = draw(graphs())
    spec = spec_of(graph, task)
    before: list[str] = []
    for step in spec["steps"]:
        taken: list[str | None] = draw(st.lists(st.sampled_from(before), max_size=2)) if before else []
        in_chunks = "chunk" in step.get("map", {})
        if "map" in step and not in_chunks and draw(st.booleans()):
            taken = [None, *taken]
        step["inputs"] = [_input(f"/args/{place}", name) for place, name in enumerate(taken)]
        payload: Spec = {"args": [None] * len(taken), "kwargs": {}}
        if in_chunks:
            step["inputs"].insert(0, _input("/each", None))
            payload = {"each": None, **payload}
        step["payload"] = json.dumps(payload, separators=(",", ":"))
        before.append(step["name"])
    names = draw(st.lists(st.sampled_from(before), max_size=3, unique=True))
    inputs = [_input(f"/{place}", name) for place, name in enumerate(names)]
    return spec | {"output": {"value": json.dumps([None] * len(names)), "inputs": inputs}}


def _input(into: str, step: str | None) -> Spec:
    return {"into": into} | ({} if step is None else {"step": step})


def result_of(step: str, index: int, args: Sequence[Any], length: int | None) -> Any:
    """What a task returns: something that tells which it was and what it was given, in a list of that length."""
    given = hashlib.sha256(json.dumps(args, sort_keys=True).encode()).hexdigest()[:12]
    return f"{step}.{index}:{given}" if length is None else [f"{step}.{index}:{given}:{n}" for n in range(length)]
