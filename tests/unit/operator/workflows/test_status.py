"""What is written of a workflow fits where it is stored."""

from __future__ import annotations

from typing import Any

from djangotasks_api.text import stored_bytes
from djangotasks_api.workflow.bounds import STEP_MESSAGES_MAX_BYTES, STEPS_MAX
from djangotasks_api.workflow.engine import Engine
from djangotasks_api.workflow.graph import Graph, Step
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import Record, StepPhase, StepReason
from djangotasks_operator.workflows import status
from djangotasks_operator.workflows.views import parse_workflow
from tests.support.builders import NOW

METADATA = {"name": "flow", "namespace": "shop", "uid": "1", "resourceVersion": "1"}


def failed(steps: int, message: str) -> dict[str, Any]:
    """The change where all steps have failed for the same reason."""
    names = [f"s{number}" for number in range(steps)]
    graph = Graph([Step(name=name) for name in names])
    record = Record(StepPhase.FAILED, StepReason.TASK_FAILED, 1, failed=Indexes([0]))
    changed = dict.fromkeys(names, record)
    body = {"metadata": METADATA, "spec": {"steps": [{"name": name, "task": "shop.tasks.a"} for name in names]}}
    words = status.Words(dict.fromkeys(names, message), None)
    return status.change(parse_workflow(body), Engine(graph), graph, changed, words, NOW)


def test_the_messages_of_many_steps_have_a_bound_together() -> None:
    """Five hundred messages of one KiB, of letters that take two bytes, were 1 MB beside a spec of as much."""
    messages = [step["message"] for step in failed(STEPS_MAX, "TaskError: нет" + "ж" * 2000)["steps"].values()]
    assert sum(map(stored_bytes, messages)) <= STEP_MESSAGES_MAX_BYTES
    assert {message[:10] for message in messages} == {"TaskError:"}


def test_the_messages_of_a_few_steps_are_kept_as_they_are() -> None:
    message = "TaskError: ValueError: " + "x" * 900
    assert [step["message"] for step in failed(3, message)["steps"].values()] == [message] * 3
