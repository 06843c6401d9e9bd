"""A pod that goes on with a chunk: it reads what earlier attempts have left, and leaves what it has done itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from django_tasks_kubernetes.runner import items as runner_items
from djangotasks_api.assignment import Assignment
from djangotasks_api.items import ItemsReport
from djangotasks_api.phases import Reason

if TYPE_CHECKING:
    from tests.unit.backend.pod import Pod
    from tests.unit.backend.runner.conftest import Run
    from tests.unit.backend.web_server import Answer, Request


def payload(*items: Any) -> str:
    return json.dumps({"each": items, "args": [], "kwargs": {}})


def answers(pod: Pod, status: int, body: Any) -> None:
    """To what the pod asks for."""

    def answer(request: Request) -> Answer:
        return (status, body, {}) if request.method == "GET" else (200, {}, {})

    pod.server.answer = answer


def test_an_attempt_runs_the_items_that_it_is_given(run: Run, pod: Pod) -> None:
    left = ItemsReport(completed="0", failed="2", result="[1.10,null,null,null]")
    answers(pod, 200, left.to_data())
    assert run("returns_item", payload=payload(1, 2, 3, 4), chunk="1,3", has_items=True) == 1
    items = pod.outcome.items
    assert items is not None
    assert (items.completed, items.failed, items.result) == ("0-1,3", "2", "[1.10,2,null,4]")
    assert "1 of 4 items failed" in ((pod.outcome.error and pod.outcome.error.headline) or "")
    assert [request.path.rpartition("/")[2] for request in pod.server.requests if request.method == "GET"] == ["items"]


def test_the_last_items_complete_the_result(run: Run, pod: Pod) -> None:
    answers(pod, 200, ItemsReport(completed="0", result="[1.10,null]").to_data())
    assert run("returns_item", payload=payload(1, 2), chunk="1", has_items=True) == 0
    assert (pod.outcome.result, pod.outcome.length) == ("[1.10,2]", 2)


def test_a_first_attempt_asks_for_nothing(run: Run, pod: Pod) -> None:
    assert run("returns_item", payload=payload(1, 2), chunk="0-1") == 0
    assert pod.outcome.result == "[1,2]"
    assert all(request.method == "POST" for request in pod.server.requests)


def test_an_older_operator_says_nothing_of_items(run: Run, pod: Pod) -> None:
    assert run("returns_item", payload=payload(1, 2)) == 0
    assert pod.outcome.result == "[1,2]"


@pytest.mark.parametrize(
    ("chunk", "text", "words"),
    [
        ("0-2", payload(1, 2), "the list has 2"),
        ("?", payload(1, 2), "cannot be read"),
        ("0", '{"args":[[1]],"kwargs":{}}', "no list of items"),
    ],
)
def test_a_chunk_that_makes_no_sense_is_not_called(run: Run, pod: Pod, chunk: str, text: str, words: str) -> None:
    assert run("returns_item", payload=text, chunk=chunk) == 1
    assert pod.outcome.reason == Reason.INVALID_PAYLOAD
    assert words in ((pod.outcome.error and pod.outcome.error.traceback) or "")


@pytest.mark.parametrize(("status", "body"), [(410, {}), (200, {"completed": "?"})])
def test_what_cannot_be_read_of_earlier_attempts_fails(run: Run, pod: Pod, status: int, body: Any) -> None:
    answers(pod, status, body)
    assert run("returns_item", payload=payload(1, 2), chunk="1", has_items=True) == 1
    assert pod.outcome.reason == Reason.INPUT_UNAVAILABLE


@pytest.mark.parametrize("status", [200, 409, 503])
def test_what_is_left_is_reported_once(pod: Pod, status: int) -> None:
    pod.server.answer = lambda request: (status, {}, {})
    items = ItemsReport(completed="0", result="[1,null]")
    runner_items.leave_items(Assignment.from_environ(pod.environ("returns_item")), items)
    (request,) = pod.reports("items")
    assert ItemsReport.from_data(request.body) == items
