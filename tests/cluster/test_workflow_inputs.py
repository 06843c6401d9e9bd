"""Results that are arguments of other steps and too large for a payload: through the operator, and from a storage, into
real pods."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.s3 import S3Server
from tests.support.stage import PODS, QUEUES, TASKS
from tests.support.tasks import FINISH_SECONDS
from tests.support.workflows import await_task, create, finish, step
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from tests.support.stage import Stage
    from tools.cluster.cluster import Cluster

# Larger than a payload, and than a resource.
LARGE, STORED = 300 * 1024, 600 * 1024
WIDTH = 250
ITEMS = {"name": "items", "items": json.dumps(list(range(WIDTH)))}
GATHER: dict[str, Any] = {
    "inputs": {"/args/0": "map"},
    "policy": {"maxAttempts": 3, "backoff": {"initialSeconds": 0.1}},
}


@pytest.fixture(scope="module")
def s3(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(cluster, tmp_path_factory.mktemp("s3")) as server:
        yield server


def suspend(stage: Stage, queue: str, *, suspended: bool = True) -> None:
    stage.request("PATCH", f"{QUEUES}/{queue}", {"spec": {"suspended": suspended}})


def task(stage: Stage, name: str) -> Any:
    return stage.request("GET", f"{TASKS}/{name}")


def exists(stage: Stage, name: str) -> bool | None:
    path = TASKS.format(namespace=stage.namespace)
    return stage.proxy.request("GET", f"{path}/{name}")[0] == 200 or None


def result_of(stage: Stage, name: str) -> Any:
    return json.loads(stage.status(name)["result"])


def succeed(stage: Stage, name: str, result: str) -> None:
    """End a task as its pod would: there is none."""
    status = {"phase": "Succeeded", "result": result, "finishedAt": "2026-11-23T12:00:00Z"}
    stage.request("PATCH", f"{TASKS}/{name}/status", {"status": status})


def gathering(stage: Stage, **spec: Any) -> tuple[str, list[str]]:
    """A workflow whose map has ended, but for the pods: nobody runs them. And the results of the map."""
    stage.add_queue("held", suspended=True)
    name = create(
        stage,
        step("map", "return_bytes", None, map={"list": "items"}, inputs={"/args/0": None}, queue="held"),
        step("gather", "measure", None, **GATHER, **spec),
        lists=[ITEMS],
    )
    results = [json.dumps(f"{number:05}" * 4000) for number in range(WIDTH)]
    for number, result in enumerate(results):
        one = f"{name}-map-{number:05}"
        wait_for(f"the task {one}", partial(exists, stage, one), seconds=FINISH_SECONDS, why=stage.tell)
        succeed(stage, one, result)
    return name, results


def test_a_large_result_is_read_by_the_pod_that_takes_it(stage: Stage) -> None:
    name = create(
        stage,
        step("noise", "noise", LARGE),
        step("echo", "echo", None, None, inputs={"/args/0": "noise"}),
        step("measure", "measure", [None], inputs={"/args/0/0": "noise"}),
    )
    status = finish(stage, name)
    assert status["phase"] == "Succeeded", stage.tell(status)
    body = task(stage, f"{name}-echo")
    assert body["spec"]["inputs"] == [{"into": "/args/0", "step": "noise", "pointer": ""}]
    assert json.loads(body["spec"]["payload"])["args"] == [None, None]
    assert result_of(stage, f"{name}-echo")["args"] == [result_of(stage, f"{name}-noise"), None]
    assert result_of(stage, f"{name}-measure") == {"items": 1, "characters": LARGE}


def test_results_in_a_storage_go_on_and_are_mapped_over(stage: Stage, s3: S3Server) -> None:
    environ = s3.environ | {"TASKS_BUCKET": s3.bucket, "DJANGO_SECRET_KEY": "for tests"}
    env = [{"name": key, "value": value} for key, value in environ.items()]
    stage.add_queue("stored", container_update={"env": env})
    name = create(
        stage,
        step("rows", "return_list", 3, STORED // 3),
        step("map", "measure", [None], map={"over": "rows"}, inputs={"/args/0/0": None}),
        step("all", "measure", None, inputs={"/args/0": "rows"}),
        step("count", "echo", None, inputs={"/args/0": "map"}),
        queue="stored",
    )
    status = finish(stage, name)
    assert status["phase"] == "Succeeded", stage.tell(status)
    rows = stage.status(f"{name}-rows")
    assert ("result" in rows, rows["resultLength"]) == (False, 3)
    assert rows["resultRef"]["size"] > 512 * 1024
    each = {"items": 1, "characters": STORED // 3}
    assert result_of(stage, f"{name}-count")["args"] == [[each] * 3]
    assert result_of(stage, f"{name}-all") == {"items": 3, "characters": STORED}


def test_many_large_results_are_gathered(stage: Stage) -> None:
    name, results = gathering(stage)
    status = finish(stage, name)
    assert status["phase"] == "Succeeded", stage.tell(status)
    characters = sum(len(json.loads(text)) for text in results)
    assert result_of(stage, f"{name}-gather") == {"items": WIDTH, "characters": characters}
    assert task(stage, f"{name}-gather")["spec"]["inputs"] == [{"into": "/args/0", "step": "map", "pointer": ""}]


def test_a_result_that_is_deleted_before_it_is_read_fails_the_task_at_once(stage: Stage) -> None:
    stage.add_queue("later", suspended=True)
    name, _ = gathering(stage, queue="later")
    await_task(stage, f"{name}-gather")
    stage.request("DELETE", f"{TASKS}/{name}-map-00200")
    suspend(stage, "later", suspended=False)
    status = finish(stage, name)
    assert status["steps"]["gather"]["reason"] == "InputUnavailable", stage.tell(status)
    assert f"{name}-map-00200 was deleted" in status["message"]
    assert len(stage.status(f"{name}-gather")["attempts"]) == 1, "it would not be there the next time either"


def test_a_pod_waits_for_an_operator_that_is_away(stage: Stage) -> None:
    stage.add_queue("later", suspended=True)
    name, _ = gathering(stage, queue="later")
    await_task(stage, f"{name}-gather")
    suspend(stage, "later", suspended=False)
    wait_for("its pod", lambda: stage.of_task(PODS, f"{name}-gather") or None, seconds=FINISH_SECONDS, why=stage.tell)
    stage.operator.kill()
    wait_for("the operator's end", lambda: not stage.operator.running or None, seconds=FINISH_SECONDS)

    def running() -> Any:
        (pod,) = stage.of_task(PODS, f"{name}-gather")
        return pod["status"].get("phase") in ("Running", "Succeeded") or None

    wait_for("the pod runs", running, seconds=FINISH_SECONDS, why=stage.tell)
    stage.operator.start()
    status = finish(stage, name)
    assert status["phase"] == "Succeeded", stage.tell(status)
    assert result_of(stage, f"{name}-gather")["items"] == WIDTH
    assert len(stage.status(f"{name}-gather")["attempts"]) == 1


def test_a_task_that_somebody_writes_gets_no_results(stage: Stage) -> None:
    """Who may create DjangoTasks may say of one that it is a workflow's."""
    name = create(stage, step("noise", "noise", LARGE), step("wait", "sleep", 600, after=["noise"]))
    await_task(stage, f"{name}-wait")
    part = task(stage, f"{name}-wait")["spec"]["workflow"]
    owner = task(stage, f"{name}-wait")["metadata"]["ownerReferences"]
    spec = {
        "task": "shop.probes.echo",
        "payload": '{"args":[null],"kwargs":{}}',
        "workflow": part | {"step": "noise"},
        "inputs": [{"into": "/args/0", "step": "noise"}],
    }
    kind = {"apiVersion": "djangotasks.dev/v1alpha1", "kind": "DjangoTask"}
    for forged in ("forged", f"{name}-forged"):
        metadata = {"name": forged, "ownerReferences": owner}
        stage.request(
            "POST", TASKS, kind | {"metadata": metadata, "spec": spec | {"workflow": part | {"step": "forged"}}}
        )
        status = stage.wait_phase(forged, "Failed")
        assert status["reason"] == "InputUnavailable", stage.tell(status)
        assert "no task of a workflow" in status["message"] or "does not give this task" in status["message"]
    stage.request("PATCH", f"{TASKS}/{name}-wait", {"spec": {"cancel": True}})
