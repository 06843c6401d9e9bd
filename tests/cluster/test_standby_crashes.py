"""The leader is killed, or held up and replaced, at every API call of a claim: the task runs once, in one pod.

Held up means: the process is stopped with a request on its way, which reaches the API server when another replica has
taken over. Then the process goes on, and finds out that it leads no more. In memory, with what may become of the pod
meanwhile, the same is in tests/unit/operator/controllers/test_standby_crashes.py.
"""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.test_election import leads
from tests.cluster.test_standby import DONE, idle, wait_ready, warm
from tests.support.crash_cases import CrashCase, Work, crash_cases, selected
from tests.support.faults import AFTER, BEFORE, Crash, Delay, Moment, Rule
from tests.support.lanes import Lanes
from tests.support.operator import OperatorProcess
from tests.support.stage import JOBS, PODS, Stage
from tests.support.zygote import Zygote
from tools.cluster.cluster import Cluster
from tools.kubectl import wait_for

LANES = 2
READ, JOB, CLAIM = "get djangotasks", "create jobs", "patch pods"
STATUS, JOB_STATUS = "patch djangotasks/status", "patch jobs/status"
# Longer than the lease: the request arrives when another replica leads.
LATE_SECONDS = 24.0
TAKEOVER_SECONDS = 120.0


@dataclass(frozen=True)
class Life:
    calls: tuple[str, ...] = (READ, JOB, CLAIM, STATUS, JOB_STATUS)


LIVES = {"claims": Life()}
CASES = crash_cases(LIVES)


def ran_once(stage: Stage, task: str) -> dict[str, Any]:
    """What must not depend on a crash: one attempt, in one pod, which the status names."""
    status = stage.wait_phase(task, *DONE)
    stage.wait_finished_jobs(task)
    pods, (job,) = stage.of_task(PODS, task), stage.of_task(JOBS, task)
    owners = [owner["uid"] for pod in pods for owner in pod["metadata"]["ownerReferences"]]
    assert owners == [job["metadata"]["uid"]], stage.tell(status, pods)
    assert [attempt["pod"] for attempt in status["attempts"]] == [pods[0]["metadata"]["name"]]
    return {
        "phase": status["phase"],
        "result": status.get("result"),
        "attempts": [attempt["number"] for attempt in status["attempts"]],
        "interruptions": status["interruptions"],
        "pods": len(pods),
        "conditions": [one["type"] for one in job["status"]["conditions"]],
    }


def live(stage: Stage, life: Life, at: CrashCase | None = None) -> dict[str, Any]:
    wait_ready(stage, "warm", 1)
    stage.proxy.clear()
    name, rule = f"task-{secrets.token_hex(4)}", None
    if at is not None:
        # The pod's name is not known: no other one is patched here.
        path = "" if at.label == CLAIM else name
        rule = Rule(Crash(), at.label, path=path, moment=at.moment, nth=at.nth)
        stage.proxy.add(rule)
    before = set(idle(stage, "warm"))
    stage.enqueue("add", 1, 2, name=name, queue="warm")
    if rule is not None:
        wait_for(
            "the crash",
            lambda: (rule.hits and not stage.operator.running) or None,
            seconds=TAKEOVER_SECONDS,
            why=stage.tell,
        )
        stage.operator.start()
    found = ran_once(stage, name)
    (pod,) = stage.of_task(PODS, name)
    if at is None:
        assert pod["metadata"]["name"] in before
    return found


@pytest.fixture(scope="module")
def work(request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Work]:
    folders = [tmp_path_factory.mktemp("lane") for _ in range(LANES)]
    with Lanes(cluster, folders, lambda stage: warm(stage, ready=1)) as lanes:
        yield Work.begin(lanes, LIVES, selected(request, CASES), live)


@pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in CASES])
def test_a_claim_outlives_the_crash(case: CrashCase, work: Work) -> None:
    assert work.crashes[case].result() == work.expected[case.life].result()


@contextmanager
def replicas(cluster: Cluster, folder: Path, zygote: Zygote) -> Iterator[tuple[Stage, OperatorProcess]]:
    """A stage whose operator leads, and another replica, past the faults, which has not been started."""
    stage = Stage(cluster, folder, zygote)
    key, address = secrets.token_hex(32), cluster.provider.host_address()
    options = ("--lease", f"{stage.namespace}/operator", "--address", address)
    stage.operator = OperatorProcess(
        cluster, stage.namespace, folder, kubeconfig=stage.proxy.kubeconfig, options=options, key=key, zygote=zygote
    )
    (folder / "other").mkdir()
    # Pods know one address, as of the Service: the first one's.
    one_url = ("--report-url", f"http://{address}:{stage.operator.port}")
    other = OperatorProcess(
        cluster, stage.namespace, folder / "other", options=(*options, *one_url), key=key, zygote=zygote
    )
    with stage:
        try:
            yield stage, other
        finally:
            stage.operator.send_signal(signal.SIGCONT)
            other.close()
            assert "a defect" not in other.log(), other.log()


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
@pytest.mark.parametrize("label", [READ, JOB, CLAIM])
def test_a_claim_outlives_a_leader_that_is_held_up(
    label: str, moment: Moment, cluster: Cluster, zygote: Zygote, tmp_path: Path
) -> None:
    with replicas(cluster, tmp_path, zygote) as (stage, other):
        wait_for("it leads", lambda: leads(stage.operator) or None, seconds=TAKEOVER_SECONDS)
        warm(stage, ready=1)
        other.start()
        name = f"task-{secrets.token_hex(4)}"
        path = "" if label == CLAIM else name
        stage.proxy.add(rule := Rule(Delay(LATE_SECONDS), label, path=path, moment=moment))
        stage.enqueue("add", 1, 2, name=name, queue="warm")
        wait_for("the request is on its way", lambda: rule.hits or None, seconds=TAKEOVER_SECONDS, why=stage.tell)
        stage.operator.send_signal(signal.SIGSTOP)
        wait_for("another replica leads", lambda: leads(other) or None, seconds=TAKEOVER_SECONDS, why=other.log)
        wait_for("the request has arrived", lambda: arrived(stage, label, name) or None, seconds=TAKEOVER_SECONDS)
        stage.operator.send_signal(signal.SIGCONT)
        found = ran_once(stage, name)
        assert (found["phase"], found["attempts"], found["interruptions"]) == ("Succeeded", [1], 0)


def arrived(stage: Stage, label: str, task: str) -> bool:
    calls = [call for call in stage.proxy.calls if call.label == label]
    return any(call.status is not None for call in calls if label == CLAIM or task in f"{call.path} {call.name}")


# On demand (make test-faults): they start many operators.
pytestmark = pytest.mark.slow
