"""Two replicas: one leads, both take outcomes, and nothing is done twice when the lead changes."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.tasks import TaskResult
from django.tasks.backends.base import BaseTaskBackend
from shop import probes

from tests.cluster.test_pod_access import Pod
from tests.cluster.test_reports import Reporter
from tests.support.operator import OperatorProcess
from tests.support.tasks import finish, status_of, wait_phase
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for

# A lease lasts 15 s, and candidates look every 2 s; the rest is for a busy machine.
TAKEOVER_SECONDS = 120.0


class Replicas:
    def __init__(self, processes: list[OperatorProcess], kubectl: Kubectl) -> None:
        self.processes, self._kubectl = processes, kubectl

    def start(self) -> None:
        for process in self.processes:
            if not process.running:
                process.start()
        self.leader()

    def leader(self, other_than: OperatorProcess | None = None) -> OperatorProcess:
        """The process that says last that it leads, once there is one."""

        def look() -> OperatorProcess | None:
            for process in self.processes:
                if process is not other_than and process.running and leads(process):
                    return process
            return None

        return wait_for("a replica leads", look, seconds=TAKEOVER_SECONDS)

    def other(self, process: OperatorProcess) -> OperatorProcess:
        return next(other for other in self.processes if other is not process)


def leads(process: OperatorProcess) -> bool:
    """What it said last of it, since it was started last."""
    said = process.log().rpartition("reports are accepted at")[2].splitlines()
    lines = [line for line in said if line.endswith((" leads", " does not lead any more"))]
    return bool(lines) and lines[-1].endswith(" leads")


@pytest.fixture(scope="module")
def replicas(
    cluster: Cluster, namespace: str, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replicas]:
    key = secrets.token_hex(32)
    processes = [
        OperatorProcess(
            cluster, namespace, tmp_path_factory.mktemp(name), options=("--lease", f"{namespace}/operator"), key=key
        )
        for name in ("first", "second")
    ]
    replicas = Replicas(processes, kubectl)
    yield replicas
    for process in processes:
        process.close()
        assert "a defect" not in process.log(), process.log()


@pytest.fixture(autouse=True)
def both_run(replicas: Replicas) -> None:
    replicas.start()


@pytest.fixture(scope="module")
def operator(replicas: Replicas) -> OperatorProcess:
    """What the backend's fixture asks for."""
    return replicas.processes[0]


def enqueue(count: int, seconds: float = 0) -> list[TaskResult[..., Any]]:
    return [probes.sleep.enqueue(seconds) for _ in range(count)]


def all_done_once(kubectl: Kubectl, results: list[TaskResult[..., Any]]) -> None:
    for result in results:
        finish(result)
        status = status_of(kubectl, result.id)
        assert (status["phase"], len(status["attempts"]), status["interruptions"]) == ("Succeeded", 1, 0), status
        jobs = kubectl("get", "jobs", "-l", f"djangotasks.dev/task={result.id}", "-o", "name").split()
        assert jobs == [f"job.batch/{result.id}-1"]


def test_one_leads(backend: BaseTaskBackend, replicas: Replicas, kubectl: Kubectl) -> None:
    leader = replicas.leader()
    assert not leads(replicas.other(leader))
    results = enqueue(5)
    all_done_once(kubectl, results)
    assert "-> Starting" not in replicas.other(leader).log()


def test_both_take_outcomes(backend: BaseTaskBackend, replicas: Replicas, kubectl: Kubectl) -> None:
    standby = replicas.other(replicas.leader())
    result = probes.sleep.enqueue(600)
    wait_phase(kubectl, result.id, "Running")
    assert Reporter(standby, kubectl, result.id).send() == 200
    assert finish(result).return_value == "reported"


def test_both_enqueue_for_a_tasks_pod(backend: BaseTaskBackend, replicas: Replicas, kubectl: Kubectl) -> None:
    leader = replicas.leader()
    result = probes.sleep.enqueue(600)
    wait_phase(kubectl, result.id, "Running")
    pods = [Pod(process, kubectl, result.id) for process in (leader, replicas.other(leader))]
    answers = [pod.enqueue(queue="default", payload='{"args":[1,2],"kwargs":{}}') for pod in pods]
    assert [status for status, _ in answers] == [201, 201]
    for _, answer in answers:
        wait_phase(kubectl, answer["metadata"]["name"], "Succeeded")
    assert len(pods[1].ask("GET")[1]["items"]) == 2
    # The outcome is taken by the leader: what the other one hears of it is late.
    assert Reporter(leader, kubectl, result.id).send() == 200
    wait_for("its end", lambda: pods[1].ask("GET")[0] == 403 or None, seconds=TAKEOVER_SECONDS)


def test_the_leader_is_killed_under_load(backend: BaseTaskBackend, replicas: Replicas, kubectl: Kubectl) -> None:
    leader = replicas.leader()
    before = enqueue(6, seconds=1)
    leader.stop(signal.SIGKILL)
    after = enqueue(4)
    assert replicas.leader(other_than=leader) is replicas.other(leader)
    leader.start()
    all_done_once(kubectl, before + after)


def test_the_leader_ends_cleanly(backend: BaseTaskBackend, replicas: Replicas, kubectl: Kubectl) -> None:
    leader = replicas.leader()
    results = enqueue(4, seconds=1)
    assert leader.stop(signal.SIGTERM) == 0
    assert "released the lease" in leader.log()
    assert replicas.leader(other_than=leader) is replicas.other(leader)
    # The outcomes of pods that knew the first replica's address only are kept until it is back.
    leader.start()
    all_done_once(kubectl, results)


def test_a_leader_that_was_paused_writes_no_more(
    backend: BaseTaskBackend, replicas: Replicas, kubectl: Kubectl
) -> None:
    leader = replicas.leader()
    results = enqueue(4)
    leader.send_signal(signal.SIGSTOP)
    try:
        assert replicas.leader(other_than=leader) is replicas.other(leader)
        results += enqueue(4)
    finally:
        leader.send_signal(signal.SIGCONT)
    wait_for(
        "the paused replica sees that it does not lead",
        lambda: None if leads(leader) else True,
        seconds=TAKEOVER_SECONDS,
    )
    all_done_once(kubectl, results)
    assert not leads(leader)
