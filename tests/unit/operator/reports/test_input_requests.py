"""What a task's pod may read of results, and what it gets: on the API server of the model check, as an attacker too."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.input_pages import InputPage
from djangotasks_api.names import TASK_PLURAL, WORKFLOW_PLURAL
from djangotasks_api.refusals import Refusal
from djangotasks_api.stored import TextRef
from djangotasks_operator.cache import result_reader
from djangotasks_operator.reports.input_requests import Cursor, InputRequests
from djangotasks_operator.reports.task_rules import Refused
from tests.unit.operator.harness import make_operator
from tests.unit.operator.model.calls import run
from tests.unit.operator.reports.input_story import LARGE, Story, gathering
from tests.unit.operator.workflow_stage import NAME, step

FILE = {"storage": "tasks", "name": "djangotasks/shop/flow-map", "size": 1, "sha256": "0" * 64}


def test_the_inputs_are_those_of_the_task() -> None:
    story = gathering()
    assert run(story.requests.inputs(story.attempt("sum"))) == [{"into": "/args/0", "step": "map"}]


def test_a_map_is_what_succeeded_of_it_by_index() -> None:
    story = gathering()
    story.server.update(TASK_PLURAL, "flow-map-00002", {"status": {"result": None, "resultRef": FILE}})
    assert story.pages("sum") == [InputPage(results={0: LARGE, 2: TextRef.from_data(FILE)}, width=3)]


def test_a_wide_map_comes_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_reader, "PAGE_MAX", 2)
    pages = gathering(7).pages("sum")
    assert [list(page.results) for page in pages] == [[0], [2, 3], [4, 5], [6]]
    assert {page.width for page in pages} == {7}


def test_one_result_is_one() -> None:
    story = Story(step("a"), step("b", None, inputs={"/args/0": "a"}))
    story.stage.end("a", LARGE)
    assert story.pages("b") == [InputPage(results={0: LARGE})]


def test_an_item_is_the_result_of_a_lane_or_one_of_a_result() -> None:
    story = Story(
        step("a"),
        step("map", None, map={"over": "a"}, inputs={"/args/0": None}),
        step("lane", None, map={"each": "map"}, inputs={"/args/0": None}),
    )
    story.stage.end("a", f"[1,{LARGE}]")
    assert story.pages("map-00001") == [InputPage(results={0: f"[1,{LARGE}]"}, item=1)]
    story.stage.end("map-00001", LARGE)
    assert story.pages("lane-00001") == [InputPage(results={0: LARGE})]


def test_a_step_that_has_no_result_is_null() -> None:
    story = Story(
        step("a", allowFailure=True),
        step("big"),
        step("b", None, None, inputs={"/args/0": "a", "/args/1": "big"}),
    )
    story.stage.end("a", None)
    story.stage.end("big", LARGE)
    # As if it were left to the pod.
    inputs = [{"into": "/args/0", "step": "a"}, {"into": "/args/1", "step": "big"}]
    story.server.update(TASK_PLURAL, "flow-b", {"spec": {"inputs": inputs}})
    assert story.pages("b") == [InputPage(results={})]


@pytest.mark.parametrize("last", [0, 2])
def test_a_result_that_was_deleted_is_gone(last: int) -> None:
    story = gathering()
    story.server.remove(TASK_PLURAL, f"flow-map-{last:05}")
    status, reason, words = story.refusal("sum")
    assert (status, reason) == (410, Refusal.INPUT_UNAVAILABLE)
    assert f"flow-map-{last:05} was deleted" in words


def test_a_result_of_one_task_that_was_deleted_is_gone() -> None:
    story = Story(step("a"), step("b", None, inputs={"/args/0": "a"}))
    story.stage.end("a", LARGE)
    story.server.remove(TASK_PLURAL, "flow-a")
    assert story.refusal("b")[0] == 410


@pytest.mark.parametrize("again", [True, False])
def test_a_workflow_that_was_deleted_gives_nothing(again: bool) -> None:
    story = gathering()
    story.server.remove(WORKFLOW_PLURAL, NAME)
    if again:
        story.server.create(WORKFLOW_PLURAL, {"metadata": {"name": NAME}, "spec": {"steps": [step("sum")]}})
    story.stage.operator.relist()
    assert story.refusal("sum")[:2] == (410, Refusal.INPUT_UNAVAILABLE)


def test_a_replica_whose_watch_is_late_reads_the_workflow() -> None:
    story = gathering()
    late = make_operator(story.stage.operator.api, leads=False)
    status = story.server.get(WORKFLOW_PLURAL, NAME)["status"]
    running = {"steps": {"map": {"phase": "Running", "completedIndexes": "0"}}}
    story.server.update(WORKFLOW_PLURAL, NAME, {"status": running})
    late.relist()
    story.server.update(WORKFLOW_PLURAL, NAME, {"status": status})
    story.requests = InputRequests(late.writer)
    assert list(story.pages("sum")[0].results) == [0, 2]


def test_a_status_that_does_not_say_enough_is_waited_for() -> None:
    story = gathering()
    story.server.update(WORKFLOW_PLURAL, NAME, {"status": {"steps": {"map": {"phase": "Running"}}}})
    story.stage.operator.relist()
    with pytest.raises(TimeoutError):
        story.pages("sum")


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("it names another step", {"spec": {"inputs": [{"into": "/args/0", "step": "other"}]}}),
        ("it names a step that is not there", {"spec": {"inputs": [{"into": "/args/0", "step": "none"}]}}),
        ("it asks for an item, and is no map", {"spec": {"inputs": [{"into": "/args/0"}]}}),
        ("it has no such input", {"spec": {"inputs": []}}),
        ("it calls another function", {"spec": {"task": "shop.tasks.send_elsewhere"}}),
        ("it says that it is another step", {"spec": {"workflow": {"step": "other"}}}),
        ("it says that it is of no workflow", {"spec": {"workflow": None}}),
        ("it says that it is of another workflow", {"spec": {"workflow": {"uid": "another"}}}),
        ("it is not owned by the workflow", {"metadata": {"ownerReferences": []}}),
    ],
)
def test_a_task_that_somebody_has_written_gets_nothing(what: str, change: dict[str, Any]) -> None:
    """Who may create DjangoTasks may say anything in one."""
    story = gathering()
    story.server.update(TASK_PLURAL, "flow-sum", change)
    assert story.refusal("sum")[:2] == (403, Refusal.INPUT_UNAVAILABLE), what


def test_a_task_that_only_says_that_it_is_of_a_workflow_gets_nothing() -> None:
    story = gathering()
    body = story.server.get(TASK_PLURAL, "flow-sum")
    metadata = {"name": "receipt", "ownerReferences": body["metadata"]["ownerReferences"]}
    story.server.create(TASK_PLURAL, {"metadata": metadata, "spec": body["spec"]})
    assert story.refusal("receipt")[:2] == (403, Refusal.INPUT_UNAVAILABLE)
    with pytest.raises(Refused):
        run(story.requests.inputs(story.attempt("receipt")))


@pytest.mark.parametrize("status", [{"phase": "Succeeded"}, {"phase": "Cancelled"}])
def test_an_attempt_that_is_over_gets_nothing(status: dict[str, Any]) -> None:
    story = gathering()
    story.server.update(TASK_PLURAL, "flow-sum", {"status": status})
    assert story.refusal("sum")[:2] == (403, Refusal.ATTEMPT_ENDED)


def test_another_attempt_gets_nothing() -> None:
    story = gathering()
    with pytest.raises(Refused):
        run(story.requests.inputs(story.attempt("sum", 2)))


def test_tasks_with_the_labels_of_a_map_are_none_of_it() -> None:
    """A neighbour's task has the labels and claims the index of one that failed."""
    story = gathering()
    body = story.server.get(TASK_PLURAL, "flow-map-00001")
    forged = body["spec"] | {"workflow": body["spec"]["workflow"] | {"uid": "another"}}
    metadata = {"name": "flow-map-00001x", "labels": body["metadata"]["labels"]}
    story.server.create(
        TASK_PLURAL, {"metadata": metadata, "spec": forged, "status": {"phase": "Succeeded", "result": "1"}}
    )
    assert list(story.pages("sum")[0].results) == [0, 2]


@pytest.mark.parametrize("text", ["", "x", "0.0", "-1.0.", "0.1234567.", "0.0.\n", f"0.0.{'x' * 5000}"])
def test_a_cursor_of_somebody_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        Cursor.parse(text)


@pytest.mark.parametrize("text", ["0.2.", "7.0.", "0.99999.500.z", "0.0.0.z"])
def test_a_cursor_of_somebody_shows_nothing_else(text: str) -> None:
    story = gathering()
    request = run(story.requests.find(story.attempt("sum"), 0))
    try:
        page = run(story.requests.page(request, Cursor.parse(text)))
    except Refused:
        return
    assert set(page.results) <= {0, 2}


def test_results_of_a_workflow_that_is_retried_are_read_from_its_tasks() -> None:
    story = gathering()
    uid = story.server.get(WORKFLOW_PLURAL, NAME)["metadata"]["uid"]
    story.server.update(
        WORKFLOW_PLURAL,
        NAME,
        {"status": {"steps": {"map": {"takenOver": [{"workflow": "early", "uid": "old", "indexes": "2"}]}}}},
    )
    early = story.server.get(TASK_PLURAL, "flow-map-00002")
    part = {"name": "early", "uid": "old", "step": "map", "index": 2}
    labels = early["metadata"]["labels"] | {"djangotasks.dev/workflow": "early"}
    story.server.remove(TASK_PLURAL, "flow-map-00002")
    story.server.create(
        TASK_PLURAL,
        {
            "metadata": {"name": "early-map-00002", "labels": labels},
            "spec": early["spec"] | {"workflow": part},
            "status": {"phase": "Succeeded", "result": "7"},
        },
    )
    story.stage.operator.relist()
    assert [page.results for page in story.pages("sum")] == [{0: LARGE}, {2: "7"}]
    assert uid != "old"
