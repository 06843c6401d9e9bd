"""Without a cluster a workflow ends as its specification says: in the order of the tasks, and in any other."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from django_tasks_kubernetes.local.memory_store import MemoryStore
from django_tasks_kubernetes.local.memory_workflows import MemoryWorkflows
from djangotasks_api.phases import Phase
from djangotasks_api.workflow.graph import Graph
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.stored import records_of
from tests.unit.crds.workflow.specification import ending, ends
from tests.unit.crds.workflow.specs import spec_of
from tests.unit.crds.workflow.test_engine_properties import FAILING, SEEDS, fate, graphs, lengths_of


@given(graphs(), SEEDS, FAILING, st.booleans())
def test_a_workflow_ends_as_specified(graph: Graph, seed: int, failing: float, shuffled: bool) -> None:
    succeeds, lengths, order = fate(seed, failing), lengths_of(graph, seed), random.Random(seed)
    tasks = MemoryStore()
    workflows = MemoryWorkflows(tasks)
    workflows.create({"metadata": {"name": "flow"}, "spec": spec_of(graph)})
    waiting = workflows.advance()
    while workflows.unfinished:
        name = waiting.pop(order.randrange(len(waiting)) if shuffled else 0)
        part = tasks.resources[name]["spec"]["workflow"]
        length = lengths[part["step"]]
        result = '"no list"' if length is None else str([0] * length)
        chunk = tasks.resources[name]["spec"].get("chunk", {"size": 1})
        first = graph[part["step"]].indexes_of(part.get("index", 0), None).start
        wanted = Indexes.parse(chunk["only"]) if "only" in chunk else Indexes.below(chunk["size"])
        good = Indexes(place for place in wanted if succeeds(part["step"], first + place))
        end = Phase.SUCCEEDED if len(good) == len(wanted) else Phase.FAILED
        if "chunk" in tasks.resources[name]["spec"]:
            result = f"[{','.join([result] * chunk['size'])}]"
        tasks.resources[name]["status"] = {"phase": end, "result": result, "items": {"completed": str(good)}}
        waiting += workflows.advance()
    status = workflows.resources["flow"]["status"]
    expected = ends(graph, succeeds, lengths)
    assert not waiting
    assert status["phase"] == ending(graph, expected)
    records = records_of(graph, status["steps"])
    for step in graph:
        record, end_ = records[step.name], expected[step.name]
        assert (record.phase, record.reason) == (end_.phase, end_.reason)
        assert frozenset(record.completed) == end_.completed
