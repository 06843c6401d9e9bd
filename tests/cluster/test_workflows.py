"""Workflows, written by hand, run step by step on the cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.stage import EVENTS
from tests.support.tasks import FINISH_SECONDS
from tests.support.workflows import WORKFLOWS, await_task, create, finish, phases, step
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from tests.support.stage import Stage


def test_results_are_piped_and_gathered(stage: Stage) -> None:
    name = create(
        stage,
        step("first", "add", 1, 2),
        step("map", "add", 10, None, map={"list": "numbers"}, inputs={"/args/1": None}),
        step("lane", "add", 100, None, map={"each": "map"}, inputs={"/args/1": None}),
        step("last", "add", None, None, inputs={"/args/0": "lane", "/args/1": "map"}),
        lists=[{"name": "numbers", "items": "[1, 2, 9007199254740993]"}],
    )
    status = finish(stage, name)
    assert status["phase"] == "Succeeded", stage.tell(status)
    assert set(phases(status).values()) == {"Succeeded"}
    assert status["steps"]["map"]["completedIndexes"] == "0-2"
    assert status["progress"] == "8/8"
    result = stage.status(f"{name}-last")["result"]
    assert json.loads(result) == [111, 112, 9007199254741103, 11, 12, 9007199254741003]


def test_a_failure_runs_the_handler_and_the_clean_up(stage: Stage) -> None:
    name = create(
        stage,
        step("first", "fail"),
        step("second", "add", 1, 1, after=["first"]),
        step("alert", "echo", None, inputs={"/args/0": "second"}, runs="OnFailure"),
        step("clean", "add", 2, 2, after=["second"], runs="Always"),
        step("never", "add", 3, 3, after=["clean"], runs="OnFailure"),
    )
    status = finish(stage, name)
    assert (status["phase"], status["reason"]) == ("Failed", "StepFailed"), stage.tell(status)
    assert f"{name}-first is Failed" in status["message"]
    assert phases(status) == {
        "first": "Failed",
        "second": "Skipped",
        "alert": "Succeeded",
        "clean": "Succeeded",
        "never": "Skipped",
    }
    assert json.loads(stage.status(f"{name}-alert")["result"]) == {"args": [None], "kwargs": {}}

    def event() -> Any:
        selector = "fieldSelector=involvedObject.kind=DjangoTaskWorkflow"
        return stage.request("GET", f"{EVENTS}?{selector}")["items"] or None

    (found,) = wait_for("the Event of the failure", event, seconds=FINISH_SECONDS)
    assert found["reason"] == "Failed"


def test_a_cancelled_workflow_stops_its_pods_and_cleans_up(stage: Stage) -> None:
    name = create(
        stage,
        step("first", "sleep", 600),
        step("second", "add", 1, 1, after=["first"]),
        step("clean", "add", 2, 2, after=["second"], runs="Always"),
    )
    await_task(stage, f"{name}-first")
    stage.wait_phase(f"{name}-first", "Running")
    stage.request("PATCH", f"{WORKFLOWS}/{name}", {"spec": {"cancel": True, "cancelReason": "no longer needed"}})
    status = finish(stage, name)
    assert (status["phase"], status["message"]) == ("Cancelled", "no longer needed"), stage.tell(status)
    assert phases(status) == {"first": "Cancelled", "second": "Cancelled", "clean": "Succeeded"}
    assert stage.status(f"{name}-first")["phase"] == "Cancelled"
    assert f"{name}-second" not in stage.statuses()


def test_a_workflow_that_runs_too_long_is_stopped(stage: Stage) -> None:
    name = create(stage, step("first", "sleep", 600), policy={"timeoutSeconds": 5})
    status = finish(stage, name)
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded"), stage.tell(status)


def test_a_killed_operator_goes_on_where_it_was(stage: Stage) -> None:
    """Each task is created once, by whichever process."""
    name = create(
        stage,
        step("map", "add", 10, None, map={"list": "numbers"}, inputs={"/args/1": None}, maxParallel=2),
        step("lane", "add", 100, None, map={"each": "map"}, inputs={"/args/1": None}),
        step("last", "echo", None, inputs={"/args/0": "lane"}),
        lists=[{"name": "numbers", "items": json.dumps(list(range(6)))}],
    )
    for task in ("map-00000", "lane-00002"):
        await_task(stage, f"{name}-{task}")
        stage.operator.kill()
        wait_for("its end", lambda: not stage.operator.running or None, seconds=FINISH_SECONDS)
        stage.operator.start()
    status = finish(stage, name)
    assert status["phase"] == "Succeeded", stage.tell(status)
    assert json.loads(stage.status(f"{name}-last")["result"])["args"] == [[110, 111, 112, 113, 114, 115]]
    created = [call.name for call in stage.proxy.writes(verb="create", status=201) if call.resource == "djangotasks"]
    assert sorted(created) == sorted(stage.statuses()), "no task was created twice"
