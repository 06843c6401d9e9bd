"""Standby pods on the real cluster: a task finds one, its Job and its Pod are as any task's, and what happens when it
cannot have one."""

from __future__ import annotations

import secrets
import signal
import urllib.error
import urllib.request
from typing import Any

import pytest

from djangotasks_operator.pods.tokens import sign, sign_standby
from tests.support.stage import JOBS, PODS, QUEUES, TASKS, Stage
from tests.support.tasks import FINISH_SECONDS, GO
from tools.kubectl import wait_for

DONE = ("Succeeded", "Failed", "Cancelled")


def warm(stage: Stage, name: str = "warm", *, ready: int = 2, **spec: Any) -> None:
    """A queue with standby pods that wait."""
    stage.add_queue(name, **{"standby": {"min": ready, "max": ready}} | spec)
    wait_ready(stage, name, ready)


def queue(stage: Stage, name: str) -> Any:
    return stage.request("GET", f"{QUEUES}/{name}")


def wait_ready(stage: Stage, name: str, number: int) -> None:
    def look() -> bool | None:
        return (queue(stage, name).get("status", {}).get("standby") or {}).get("ready") == number or None

    wait_for(
        f"{number} standby pods of {name} wait",
        look,
        seconds=FINISH_SECONDS,
        why=lambda: stage.tell(queue(stage, name)),
    )


def idle(stage: Stage, name: str) -> dict[str, Any]:
    """The standby pods that no task has claimed, by name."""
    selector = f"djangotasks.dev/queue={name},djangotasks.dev/standby,!djangotasks.dev/task"
    items = stage.request("GET", f"{PODS}?labelSelector={selector}")["items"]
    return {pod["metadata"]["name"]: pod for pod in items if "deletionTimestamp" not in pod["metadata"]}


def only_pod(stage: Stage, task: str) -> Any:
    (pod,) = stage.of_task(PODS, task)
    return pod


def condition(stage: Stage, name: str) -> Any:
    found = queue(stage, name).get("status", {}).get("conditions", ())
    return next((one for one in found if one["type"] == "StandbyReady"), None)


def test_a_task_takes_one_and_all_is_as_with_a_pod_of_its_own(stage: Stage) -> None:
    warm(stage)
    before = idle(stage, "warm")
    task = stage.enqueue("describe_context", queue="warm")
    status = stage.wait_phase(task, *DONE)
    pod, (job,) = only_pod(stage, task), stage.of_task(JOBS, task)
    name = pod["metadata"]["name"]
    assert (status["phase"], status["interruptions"], name in before) == ("Succeeded", 0, True), stage.tell(status)
    assert (status["attempts"][0]["job"], status["attempts"][0]["pod"]) == (f"{task}-1", name)
    assert status["attempts"][0]["node"]
    assert [(o["kind"], o["uid"]) for o in pod["metadata"]["ownerReferences"]] == [("Job", job["metadata"]["uid"])]
    # What `kubectl logs job/…` goes by.
    selector = job["spec"]["selector"]["matchLabels"]
    assert selector.items() <= pod["metadata"]["labels"].items()
    wait_ready(stage, "warm", 2)
    stage.wait_finished_jobs(task)
    assert stage.container_starts(task) == 0, "no container was started for it"
    found = condition(stage, "warm")
    assert (found["status"], found["reason"]) == ("True", "Ready")
    # The garbage collector goes from the task to the Job to the Pod.
    stage.request("DELETE", f"{TASKS}/{task}")
    wait_for("its pod is gone", lambda: not stage.of_task(PODS, task) or None, seconds=FINISH_SECONDS)


def test_what_a_task_fails_with_is_its_own(stage: Stage) -> None:
    """Exceptions, a crash, its memory limit, its timeout: each is one standby pod's, and is said as usual."""
    warm(stage, ready=3)
    fails = stage.enqueue("fail", queue="warm")
    exits = stage.enqueue("exit_process", 3, queue="warm")
    late = stage.enqueue("sleep", 600, queue="warm", policy={"timeoutSeconds": 2})
    again = stage.enqueue("fail_until", 2, queue="warm", policy={"maxAttempts": 2, "backoff": {"initialSeconds": 0.1}})
    reasons = {name: stage.wait_phase(name, *DONE).get("reason") for name in (fails, exits, late, again)}
    assert reasons == {fails: "TaskError", exits: "ProcessExited", late: "DeadlineExceeded", again: None}
    status = stage.status(exits)
    assert (status["attempts"][0]["exitCode"], status["interruptions"]) == (3, 0)
    assert len({a["pod"] for a in stage.status(again)["attempts"]}) == 2


def test_a_cancelled_task_takes_its_pod_with_it(stage: Stage) -> None:
    warm(stage, ready=1)
    task = stage.enqueue("sleep", 600, queue="warm")
    stage.wait_phase(task, "Running")
    stage.cancel(task)
    status = stage.wait_phase(task, *DONE)
    assert (status["phase"], status["attempts"][0]["reason"]) == ("Cancelled", "CancelRequested")
    wait_for(
        "its pod has ended",
        lambda: all(pod["status"]["phase"] != "Running" for pod in stage.of_task(PODS, task)) or None,
        seconds=FINISH_SECONDS,
    )
    wait_ready(stage, "warm", 1)


def test_more_tasks_than_pods_all_run(stage: Stage) -> None:
    warm(stage, ready=2)
    tasks = [stage.enqueue("add", 1, number, queue="warm") for number in range(6)]
    for number, task in enumerate(tasks):
        status = stage.wait_phase(task, *DONE, seconds=FINISH_SECONDS)
        assert (status["phase"], status["result"], len(status["attempts"])) == ("Succeeded", str(1 + number), 1)
    names = [only_pod(stage, task)["metadata"]["name"] for task in tasks]
    assert len(set(names)) == 6
    claimed = [name for name, task in zip(names, tasks, strict=True) if name != f"{task}-1"]
    assert len(claimed) >= 2


def test_an_image_that_does_not_know_them_says_so(stage: Stage) -> None:
    """The exit code of a runner that finds no task. Tasks run all the same."""
    script = 'test -z "$DJANGOTASKS_STANDBY" || exit 2; exec python -m django_tasks_kubernetes.runner'
    stage.add_queue("old", standby={"min": 1, "max": 1}, command=["sh", "-c", script])
    found = wait_for(
        "the condition says so",
        lambda: ((one := condition(stage, "old")) and one["reason"] == "Unsupported" and one) or None,
        seconds=FINISH_SECONDS,
        why=stage.tell,
    )
    assert found["status"] == "False"
    task = stage.enqueue("add", 1, 2, queue="old")
    assert stage.wait_phase(task, *DONE)["phase"] == "Succeeded"


def test_they_go_with_their_queue_and_when_it_is_suspended(stage: Stage) -> None:
    warm(stage, ready=2)
    stage.request("PATCH", f"{QUEUES}/warm", {"spec": {"suspended": True}})
    wait_for("none is left", lambda: not idle(stage, "warm") or None, seconds=FINISH_SECONDS, why=stage.tell)
    wait_for("the condition", lambda: condition(stage, "warm")["reason"] == "Suspended" or None, seconds=FINISH_SECONDS)
    stage.request("PATCH", f"{QUEUES}/warm", {"spec": {"suspended": False}})
    wait_ready(stage, "warm", 2)
    stage.request("DELETE", f"{QUEUES}/warm")
    wait_for("none is left", lambda: not idle(stage, "warm") or None, seconds=FINISH_SECONDS, why=stage.tell)


def test_they_give_way_to_tasks_where_a_quota_is_full(stage: Stage) -> None:
    warm(stage, ready=2)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "two"},
        "spec": {"hard": {"count/pods": "2", "pods": "2"}},
    }
    stage.request("POST", "/api/v1/namespaces/{namespace}/resourcequotas", quota)
    wait_for(
        "the quota has counted",
        lambda: stage.request("GET", "/api/v1/namespaces/{namespace}/resourcequotas/two").get("status", {}).get("used", {}).get("pods") == "2" or None,
        seconds=FINISH_SECONDS,
    )  # fmt: skip
    task = stage.enqueue("add", 1, 2)
    assert stage.wait_phase(task, *DONE, seconds=FINISH_SECONDS)["phase"] == "Succeeded"
    wait_for("the condition", lambda: condition(stage, "warm")["reason"] == "NoRoom" or None, seconds=FINISH_SECONDS)


# Its token


def ask(stage: Stage, pod: str, queue_uid: str, token: str) -> tuple[int, str]:
    """What the operator answers to who says that he is a standby pod."""
    path = f"/v1/standbys/{stage.namespace}/{pod}/{queue_uid}/next"
    url = f"http://127.0.0.1:{stage.operator.port}{path}"
    request = urllib.request.Request(url, b"", {"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_token_yields_one_task_and_nothing_else(stage: Stage) -> None:
    """Tried for other pods, for other queues, twice, and after the end."""
    warm(stage, ready=2)
    stage.add_queue("other", standby={"min": 1, "max": 1})
    wait_ready(stage, "other", 1)
    mine, neighbour = sorted(idle(stage, "warm"))
    (strangers,) = idle(stage, "other")
    uids = {name: queue(stage, name)["metadata"]["uid"] for name in ("warm", "other")}
    key = stage.operator.key_path.read_text().strip().encode()
    token = sign_standby(key, stage.namespace, mine, uids["warm"])
    env = idle(stage, "warm")[mine]["spec"]["containers"][0]["env"]
    assert {"name": "DJANGOTASKS_TOKEN", "value": token} in env
    for pod, uid in ((neighbour, uids["warm"]), (strangers, uids["other"]), (mine, uids["other"]), ("x", uids["warm"])):
        assert ask(stage, pod, uid, token)[0] == 403

    tasks = [stage.enqueue("wait_for_file", GO, queue="warm") for _ in range(2)]
    for task in tasks:
        stage.wait_phase(task, "Running")
    by_pod = {only_pod(stage, task)["metadata"]["name"]: task for task in tasks}
    assert set(by_pod) == {mine, neighbour}
    assert ask(stage, mine, uids["warm"], token)[0] == 410, "it has begun"
    uid = stage.request("GET", f"{TASKS}/{by_pod[mine]}")["metadata"]["uid"]
    attempt = sign(key, stage.namespace, uid, 1)
    assert ask(stage, mine, uids["warm"], attempt)[0] == 403, "an attempt's token is no standby pod's"
    assert ask(stage, neighbour, uids["warm"], token)[0] == 403
    for pod, task in by_pod.items():
        stage.go(pod)
        stage.wait_phase(task, *DONE)
    assert ask(stage, mine, uids["warm"], token)[0] == 410, "it is over"
    report = f"http://127.0.0.1:{stage.operator.port}/v1/attempts/{stage.namespace}/{by_pod[mine]}/{uid}/1/outcome"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(report, b"{}", {"Authorization": f"Bearer {token}"}), timeout=60)
    with refused.value as answer:
        assert answer.code == 403


def test_pods_come_back_to_an_operator_that_was_started_again(stage: Stage) -> None:
    warm(stage, ready=2)
    before = set(idle(stage, "warm"))
    stage.operator.stop(signal.SIGKILL)
    stage.operator.start()
    task = f"task-{secrets.token_hex(4)}"
    wait_ready(stage, "warm", 2)
    wait_for(
        "it takes one of them", lambda: took_one(stage, task, before) or None, seconds=FINISH_SECONDS, why=stage.tell
    )


def took_one(stage: Stage, task: str, before: set[str]) -> bool:
    """A task right after the start may be quicker than the pods are back."""
    name = stage.enqueue("add", 1, 2, queue="warm", name=f"{task}-{secrets.token_hex(2)}")
    stage.wait_phase(name, "Succeeded")
    return only_pod(stage, name)["metadata"]["name"] in before
