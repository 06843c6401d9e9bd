"""A workflow, and what its tasks' pods ask for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from djangotasks_api.input_pages import InputPage
from djangotasks_api.names import TASK_PLURAL
from djangotasks_api.workflow.bounds import STEP_INPUTS_MAX_BYTES
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.reports.input_requests import START, Cursor, InputRequests
from djangotasks_operator.reports.task_rules import Refused
from tests.support.builders import NAMESPACE
from tests.unit.operator.model.calls import run
from tests.unit.operator.workflow_stage import WorkflowStage, mapped, step

LARGE = json.dumps("x" * STEP_INPUTS_MAX_BYTES)


class Story:
    """A workflow, and what its tasks' pods ask for."""

    def __init__(self, *steps: dict[str, Any], **spec: Any) -> None:
        self.stage = WorkflowStage(*steps, **spec)
        self.server = self.stage.operator.server
        self.requests = InputRequests(self.stage.operator.writer)

    def attempt(self, task: str, number: int = 1) -> AttemptRef:
        name = task if task.startswith("receipt") else f"flow-{task}"
        return AttemptRef(Key(NAMESPACE, name), self.server.get(TASK_PLURAL, name)["metadata"]["uid"], number)

    def pages(self, task: str, number: int = 0) -> list[InputPage]:
        """All pages of an input."""
        found, begin = [], START
        while True:
            request = run(self.requests.find(self.attempt(task), number))
            found.append(run(self.requests.page(request, begin)))
            if (following := found[-1].following) is None:
                return found
            begin = Cursor.parse(following)

    def refusal(self, task: str, number: int = 0) -> tuple[int, str, str]:
        with pytest.raises(Refused) as caught:
            self.pages(task, number)
        return caught.value.status, caught.value.reason, str(caught.value)


def gathering(width: int = 3, **fields: Any) -> Story:
    """A map whose tasks succeeded with large results, the second one apart, which failed; and who takes them."""
    story = Story(
        step("map", map={"list": "list"}, maxFailedIndexes=1),
        step("sum", None, inputs={"/args/0": "map"}),
        lists=[mapped(width)],
    )
    for index in range(width):
        story.stage.end(f"map-{index:05}", None if index == 1 else LARGE)
    return story
