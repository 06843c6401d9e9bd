"""Retries of workflows on the cluster, what is kept for them and what is not, and schedules of workflows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.tasks import FINISH_SECONDS
from tests.support.workflows import WORKFLOWS, await_task, create, finish, step
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from tests.support.stage import Stage

SCHEDULES = "/apis/djangotasks.dev/v1alpha1/namespaces/{namespace}/djangotaskschedules"
NUMBERS = [{"name": "numbers", "items": "[1, 2, 9007199254740993]"}]
MAP = step("map", "add", 10, None, map={"list": "numbers"}, inputs={"/args/1": None})
BROKEN = step("last", "fail", after=["map"])
CORRECTED = step("last", "echo", None, inputs={"/args/0": "map"})
# A minute until it is due, and what a busy machine needs.
SCHEDULE_SECONDS = 300.0


def failed(stage: Stage, *steps: dict[str, Any], **spec: Any) -> dict[str, str]:
    """A workflow that failed, as another one names it."""
    name = create(stage, *(steps or (MAP, BROKEN)), lists=NUMBERS, **spec)
    status = finish(stage, name)
    assert status["phase"] == "Failed", stage.tell(status)
    uid: str = stage.request("GET", f"{WORKFLOWS}/{name}")["metadata"]["uid"]
    return {"name": name, "uid": uid}


def exists(stage: Stage, name: str) -> bool:
    listed = stage.request("GET", WORKFLOWS)["items"]
    return name in [found["metadata"]["name"] for found in listed]


def test_a_retry_takes_over_what_succeeded(stage: Stage) -> None:
    earlier = failed(stage)
    again = create(stage, MAP, CORRECTED, lists=NUMBERS, retryOf=earlier)
    status = finish(stage, again)
    assert (status["phase"], status["progress"]) == ("Succeeded", "4/4"), stage.tell(status)
    assert status["steps"]["map"]["takenOver"] == [
        {"workflow": earlier["name"], "uid": earlier["uid"], "indexes": "0-2"}
    ]
    assert [name for name in stage.statuses() if name.startswith(again)] == [f"{again}-last"]
    result = json.loads(stage.status(f"{again}-last")["result"])
    assert result["args"] == [[11, 12, 9007199254741003]]
    # The same once more: the first of them has succeeded, and the earlier one stays as it was.
    of_retry = {"name": again, "uid": stage.request("GET", f"{WORKFLOWS}/{again}")["metadata"]["uid"]}
    refused = finish(stage, create(stage, MAP, CORRECTED, lists=NUMBERS, retryOf=of_retry))
    assert (refused["phase"], refused["reason"]) == ("Failed", "NotRetryable"), stage.tell(refused)
    assert "succeeded" in refused["message"]


def test_what_a_retry_takes_is_kept_for_it(stage: Stage) -> None:
    earlier = failed(stage, policy={"ttlSecondsAfterFinished": 20})
    slow = step("last", "sleep", 30, after=["map"])
    output = {"inputs": [{"into": "", "step": "map"}]}
    again = create(
        stage, MAP, slow, lists=NUMBERS, retryOf=earlier, output=output, policy={"ttlSecondsAfterFinished": 0}
    )
    await_task(stage, f"{again}-last")
    wait_for(
        "the retry is over and gone",
        lambda: not exists(stage, again) or (not exists(stage, earlier["name"]) and ["gone too soon"]) or None,
        seconds=FINISH_SECONDS,
        why=stage.tell,
    )
    wait_for(
        "the earlier one goes",
        lambda: not exists(stage, earlier["name"]) or None,
        seconds=FINISH_SECONDS,
        why=stage.tell,
    )


def test_tasks_that_are_not_kept_go_when_they_are_recorded(stage: Stage) -> None:
    items = [{"name": "numbers", "items": json.dumps([*range(8), "x"])}]
    name = create(
        stage,
        MAP | {"keepTasks": "OnFailure", "maxFailedIndexes": 1},
        step("sum", "echo", None, inputs={"/args/0": "map"}),
        lists=items,
    )
    status = finish(stage, name)
    assert status["phase"] == "Succeeded", stage.tell(status)
    assert status["steps"]["map"]["completedIndexes"] == "0-7"
    result = json.loads(stage.status(f"{name}-sum")["result"])
    assert result["args"] == [[*range(10, 18), None]]
    left = {f"{name}-map-00008", f"{name}-sum"}
    wait_for(
        "the others go",
        lambda: {found for found in stage.statuses() if found.startswith(name)} == left or None,
        seconds=FINISH_SECONDS,
        why=stage.tell,
    )


def test_a_schedule_creates_workflows(stage: Stage) -> None:
    template = {"workflow": "shop.flows.often", "steps": [step("a", "add", 1, 2), step("b", "add", 3, 4, after=["a"])]}
    body = {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskSchedule",
        "metadata": {"name": "often"},
        "spec": {"everyMinutes": 1, "workflow": template},
    }
    stage.request("POST", SCHEDULES, body)

    def scheduled() -> Any:
        listed = stage.request("GET", WORKFLOWS)["items"]
        return [found for found in listed if found["spec"].get("schedule") == "often"] or None

    found = wait_for("its first workflow", scheduled, seconds=SCHEDULE_SECONDS, why=stage.tell)[0]
    name = found["metadata"]["name"]
    assert name == f"often-{found['spec']['scheduledFor'][:16].translate(str.maketrans('', '', '-T:'))}"
    status = finish(stage, name)
    assert status["phase"] == "Succeeded", stage.tell(status)
    of_schedule = stage.request("GET", f"{SCHEDULES}/often")["status"]
    assert of_schedule["conditions"][0]["status"] == "True", stage.tell(of_schedule)
    stage.request("DELETE", f"{SCHEDULES}/often")
