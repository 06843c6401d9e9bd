"""How many finished tasks a queue keeps: the latest, with their Jobs and Pods; the others go before their time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shop import probes

from tests.support.tasks import FINISH_SECONDS, finish, wait_gone, wait_phase
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for
from tools.manifests import queue_manifest

LABEL = "djangotasks.dev/queue"


@pytest.fixture
def new_queue(cluster: Cluster, kubectl: Kubectl) -> Any:
    def make(name: str, **spec: Any) -> str:
        kubectl.apply(queue_manifest(name, cluster.image(Target.EXAMPLE), **spec))
        return name

    return make


def tasks_of(kubectl: Kubectl, queue: str) -> set[str]:
    names = kubectl("get", "djangotasks", f"--field-selector=spec.queue={queue}", "-o", "name")
    return {line.partition("/")[2] for line in names.splitlines()}


def wait_tasks(kubectl: Kubectl, queue: str, expected: set[str]) -> None:
    def look() -> bool | None:
        return True if tasks_of(kubectl, queue) == expected else None

    wait_for(
        f"{queue} has {len(expected)} tasks",
        look,
        seconds=FINISH_SECONDS,
        why=lambda: f"expected {expected}, there are {tasks_of(kubectl, queue)}",
    )


def test_the_latest_are_kept(backend: Any, kubectl: Kubectl, new_queue: Any) -> None:
    """Of those that succeeded and of those that did not, apart; and what waits or runs is nobody's history."""
    queue = new_queue("short", successfulTasksHistoryLimit=2, failedTasksHistoryLimit=1)
    add, fail = probes.add.using(queue_name=queue), probes.fail.using(queue_name=queue)
    failed = finish(fail.enqueue("first")).id
    running = probes.sleep.using(queue_name=queue).enqueue(600).id
    names: list[str] = []
    for number in range(5):
        result = add.enqueue(number, 1)
        names.append(result.id)
        # Those that are beyond the limit may be gone before anybody has read their result.
        wait_for_end(kubectl, result.id)
    wait_tasks(kubectl, queue, {*names[-2:], failed, running})
    for name in names[:-2]:
        wait_gone(kubectl, "job", f"{name}-1")
        wait_gone(kubectl, "pod", f"{name}-1")
    for name in (*names[-2:], failed):
        kubectl("get", f"job/{name}-1", f"pod/{name}-1")
    second = fail.enqueue("second").id
    wait_for_end(kubectl, second)
    wait_tasks(kubectl, queue, {*names[-2:], second, running})
    # A lower limit is noticed at once.
    patch = {"spec": {"successfulTasksHistoryLimit": 1}}
    kubectl("patch", "djangotaskqueue", queue, "--type=merge", "-p", json.dumps(patch))
    wait_tasks(kubectl, queue, {names[-1], second, running})
    kubectl("delete", "djangotask", running, "--wait=false")


def wait_for_end(kubectl: Kubectl, name: str) -> None:
    def look() -> bool | None:
        found = kubectl("get", "djangotask", name, "--ignore-not-found", "-o", "jsonpath={.status.phase}")
        return True if found in ("", "Succeeded", "Failed") else None

    wait_for(f"task {name} has ended", look, seconds=FINISH_SECONDS)


def test_none_is_kept(backend: Any, kubectl: Kubectl, new_queue: Any) -> None:
    queue = new_queue("forgetful", successfulTasksHistoryLimit=0)
    name = probes.add.using(queue_name=queue).enqueue(1, 2).id
    wait_gone(kubectl, "djangotask", name)
    wait_gone(kubectl, "pod", f"{name}-1")
    # The other limit is another one.
    failed = finish(probes.fail.using(queue_name=queue).enqueue("x")).id
    assert wait_phase(kubectl, failed, "Failed")["reason"] == "TaskError"


def test_after_a_restart(backend: Any, kubectl: Kubectl, new_queue: Any, operator: Any) -> None:
    """What is beyond a limit that came while no operator was there goes, the oldest first; so does what has expired."""
    queue = new_queue("later")
    add = probes.add.using(queue_name=queue)
    names = [finish(add.enqueue(number, 1)).id for number in range(3)]
    other = finish(probes.add.using(queue_name=new_queue("expiring")).enqueue(1, 1)).id
    operator.stop()
    new_queue("later", successfulTasksHistoryLimit=1)
    new_queue("expiring", policy={"ttlSecondsAfterFinished": 1})
    operator.start()
    wait_tasks(kubectl, queue, {names[-1]})
    wait_tasks(kubectl, "expiring", set())
    wait_gone(kubectl, "pod", f"{other}-1")
