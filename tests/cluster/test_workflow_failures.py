"""What happens in a workflow when something fails: rows of docs/reference/workflow-failures.md, on the cluster.

Those of cancelling, of the timeout and of a killed operator are in test_workflows and test_workflow_crashes; those of results
by reference in test_workflow_inputs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.faults import Rule
from tests.support.faults import Status as Answer
from tests.support.stage import JOBS, PODS, TASKS
from tests.support.tasks import FINISH_SECONDS, GO, killed_for
from tests.support.workflows import WORKFLOWS, await_task, create, finish, phases, step, wait_step, wait_workflow
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from tests.support.stage import Stage
    from tools.cluster.cluster import Cluster

QUOTAS = "/api/v1/namespaces/{namespace}/resourcequotas"
AGAIN = {"maxAttempts": 2, "backoff": {"initialSeconds": 0.1}}
# One of these cannot be added to a number.
ITEMS = {"name": "items", "items": '[1, "x", 3]'}


def result_of(stage: Stage, task: str) -> Any:
    return json.loads(stage.status(task)["result"])


def created(stage: Stage, task: str) -> int:
    """How often a task was created."""
    calls = stage.proxy.writes(verb="create", status=201, resource="djangotasks")
    return sum(call.name == task for call in calls)


def evict(stage: Stage, task: str) -> None:
    (pod,) = stage.of_task(PODS, task)
    name = pod["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    stage.request("POST", f"{PODS}/{name}/eviction", eviction)


def test_attempts_are_the_tasks_own(stage: Stage, cluster: Cluster) -> None:
    """Only how a task ends counts: after a failure that is tried again, an eviction, and without memory."""
    name = create(
        stage,
        step("again", "fail_until", 2, policy=AGAIN),
        step("evicted", "sleep_at_first", 600),
        step("hungry", "allocate", allowFailure=True),
        step(
            "all",
            "echo",
            None,
            None,
            None,
            inputs={f"/args/{n}": s for n, s in enumerate(("again", "evicted", "hungry"))},
        ),
    )
    await_task(stage, f"{name}-evicted")
    stage.wait_phase(f"{name}-evicted", "Running")
    evict(stage, f"{name}-evicted")
    status = finish(stage, name)
    assert status["phase"] == "Succeeded", stage.tell(status)
    assert phases(status)["hungry"] == "Failed"
    assert killed_for(cluster.kubectl(stage.namespace), f"{name}-hungry-1") in status["steps"]["hungry"]["message"]
    assert result_of(stage, f"{name}-all")["args"] == [2, 2, None]
    assert stage.status(f"{name}-evicted")["interruptions"] == 1


def test_a_step_that_may_fail_counts_as_good(stage: Stage) -> None:
    """Its result is null, and there is nothing to map over."""
    name = create(
        stage,
        step("may", "fail", allowFailure=True),
        step("next", "echo", None, inputs={"/args/0": "may"}),
        step("over", "echo", None, map={"over": "may"}, inputs={"/args/0": None}),
        step("alert", "add", 1, 1, after=["next"], runs="OnFailure"),
    )
    status = finish(stage, name)
    assert status["phase"] == "Succeeded", stage.tell(status)
    assert phases(status) == {"may": "Failed", "next": "Succeeded", "over": "Skipped", "alert": "Skipped"}
    assert status["steps"]["over"]["reason"] == "UpstreamFailed"
    assert result_of(stage, f"{name}-next") == {"args": [None], "kwargs": {}}


def test_some_indexes_of_a_map_fail(stage: Stage) -> None:
    item: dict[str, Any] = {"map": {"list": "items"}, "inputs": {"/args/1": None}}
    name = create(
        stage,
        step("some", "add", 10, None, maxFailedIndexes=1, **item),
        step("list", "echo", None, inputs={"/args/0": "some"}),
        step("many", "add", 10, None, **item),
        step("fast", "add", "y", None, failFast=True, maxParallel=1, **item),
        lists=[ITEMS],
    )
    status = finish(stage, name)
    assert (status["phase"], status["reason"]) == ("Failed", "StepFailed"), stage.tell(status)
    assert phases(status) == {"some": "Succeeded", "list": "Succeeded", "many": "Failed", "fast": "Failed"}
    assert result_of(stage, f"{name}-list")["args"] == [[11, None, 13]]
    many, fast = status["steps"]["many"], status["steps"]["fast"]
    assert (many["completedIndexes"], many["failedIndexes"]) == ("0,2", "1"), "the others ended first"
    assert many["message"].startswith("1 of 3 failed.")
    assert fast["failedIndexes"] == "0"
    assert f"{name}-fast-00001" not in stage.statuses(), "no more began"


def test_tasks_are_deleted(stage: Stage) -> None:
    """A finished one: nothing, unless its result is taken. An unfinished one is created again."""
    name = create(
        stage,
        step("first", "add", 1, 2),
        step("second", "wait_for_file", GO),
        step("takes", "echo", None, inputs={"/args/0": "first"}, after=["second"]),
        step("follows", "add", 1, 1, after=["first", "second"]),
        step("running", "wait_for_file", GO),
    )
    wait_step(stage, name, "first", "Succeeded")
    stage.request("DELETE", f"{TASKS}/{name}-first")
    await_task(stage, f"{name}-running")
    stage.wait_phase(f"{name}-running", "Running")
    stage.request("DELETE", f"{TASKS}/{name}-running")
    wait_for(
        "it is created again",
        lambda: created(stage, f"{name}-running") == 2 or None,
        seconds=FINISH_SECONDS,
        why=stage.tell,
    )
    stage.wait_phase(f"{name}-running", "Running")
    for task in ("second", "running"):
        stage.go(f"{name}-{task}-1")
    status = finish(stage, name)
    assert phases(status) == {
        "first": "Succeeded",
        "second": "Succeeded",
        "takes": "Failed",
        "follows": "Succeeded",
        "running": "Succeeded",
    }, stage.tell(status)
    assert status["steps"]["takes"]["reason"] == "InputUnavailable"
    assert f"{name}-first was deleted" in status["message"]
    assert [created(stage, f"{name}-{task}") for task in ("first", "running")] == [1, 2]


def test_a_finished_task_is_deleted_before_that_is_recorded(stage: Stage) -> None:
    """It runs again: at least once."""
    stage.proxy.add(rule := Rule(Answer(503), "patch djangotaskworkflows/status", nth=2, times=1000))
    name = create(stage, step("only", "add", 1, 2))
    await_task(stage, f"{name}-only")
    stage.wait_phase(f"{name}-only", "Succeeded")
    wait_for("the record is refused", lambda: rule.hits or None, seconds=FINISH_SECONDS, why=stage.tell)
    stage.operator.kill()
    wait_for("its end", lambda: not stage.operator.running or None, seconds=FINISH_SECONDS)
    stage.request("DELETE", f"{TASKS}/{name}-only")
    stage.proxy.clear()
    stage.operator.start()
    assert finish(stage, name)["phase"] == "Succeeded"
    assert created(stage, f"{name}-only") == 1, "once more"


def test_a_task_is_cancelled_by_hand(stage: Stage) -> None:
    """As if it had failed; the workflow goes on."""
    name = create(
        stage,
        step("slow", "sleep", 600),
        step("next", "add", 1, 1, after=["slow"]),
        step("alert", "add", 2, 2, after=["slow"], runs="OnFailure"),
    )
    await_task(stage, f"{name}-slow")
    stage.wait_phase(f"{name}-slow", "Running")
    stage.cancel(f"{name}-slow")
    status = finish(stage, name)
    assert (status["phase"], status["reason"]) == ("Failed", "StepFailed"), stage.tell(status)
    assert phases(status) == {"slow": "Failed", "next": "Skipped", "alert": "Succeeded"}
    assert f"{name}-slow is Cancelled, CancelRequested" in status["message"]


def test_a_workflow_is_deleted(stage: Stage) -> None:
    """With its tasks, their Jobs and their Pods."""
    name = create(stage, step("done", "add", 1, 2), step("slow", "sleep", 600, after=["done"]))
    await_task(stage, f"{name}-slow")
    stage.wait_phase(f"{name}-slow", "Running")
    stage.request("DELETE", f"{WORKFLOWS}/{name}?propagationPolicy=Background")

    def gone() -> bool | None:
        kinds = (TASKS, JOBS, PODS)
        return all(not stage.request("GET", kind)["items"] for kind in kinds) or None

    wait_for("all of it is gone", gone, seconds=FINISH_SECONDS, why=stage.tell)
    assert created(stage, f"{name}-slow") == 1


def test_results_of_the_wrong_kind(stage: Stage) -> None:
    """No list where one is mapped over, and one that is too large for its task: the step has failed, and says why."""
    name = create(
        stage,
        step("number", "add", 1, 2),
        step("over", "echo", None, map={"over": "number"}, inputs={"/args/0": None}),
        step("huge", "return_bytes", 600_000),
    )
    invalid = create(stage, step("first", "add", 1, 2, after=["second"]), step("second", "add", 1, 2))
    status = finish(stage, name)
    assert (status["phase"], status["reason"]) == ("Failed", "StepFailed"), stage.tell(status)
    assert status["steps"]["over"]["reason"] == "NotAList"
    assert "ResultTooLarge" in status["steps"]["huge"]["message"]
    status = finish(stage, invalid)
    assert (status["phase"], status["reason"]) == ("Failed", "InvalidGraph"), stage.tell(status)
    assert "first: needs second, which is no step before it" in status["message"]


def test_the_queue_of_a_step_does_not_exist(stage: Stage) -> None:
    name = create(stage, step("first", "add", 1, 2), step("lost", "add", 3, 4, after=["first"], queue="later"))
    await_task(stage, f"{name}-lost")
    stage.wait(f"{name}-lost", lambda status: status.get("reason") == "QueueNotFound", "QueueNotFound")
    status = wait_workflow(stage, name, lambda status: status["progress"] == "1/2", "is half done")
    assert (status["phase"], status["active"]) == ("Running", 1)
    stage.add_queue("later")
    assert finish(stage, name)["phase"] == "Succeeded"


def test_a_quota_of_tasks_is_full(stage: Stage) -> None:
    """The workflow says so, and goes on when there is room."""
    hard = {"count/djangotasks.djangotasks.dev": "2"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "narrow"}, "spec": {"hard": hard}}
    stage.request("POST", QUOTAS, quota)

    def counts() -> bool | None:
        return "used" in stage.request("GET", f"{QUOTAS}/narrow").get("status", {}) or None

    wait_for("the quota counts", counts, seconds=FINISH_SECONDS)
    name = create(
        stage,
        step("map", "add", 10, None, map={"list": "items"}, inputs={"/args/1": None}),
        lists=[{"name": "items", "items": "[1, 2, 3, 4]"}],
    )
    status = wait_workflow(stage, name, lambda status: status.get("reason") == "TasksRefused", "TasksRefused")
    assert "exceeded quota" in status["message"]
    stage.request("PATCH", f"{QUOTAS}/narrow", {"spec": {"hard": {"count/djangotasks.djangotasks.dev": "20"}}})
    status = finish(stage, name)
    assert status["phase"] == "Succeeded", stage.tell(status)
    assert "reason" not in status
