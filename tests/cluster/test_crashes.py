"""The operator is killed at every API call of a task's life, before the server sees it and after it has done it: the
task ends as if nothing had been.

Each case is a crash and a start of its own. Cases share namespaces, one after the other, and a few namespaces are at
work side by side: a case is mostly waiting. Two thirds of the cases are marked `slow`, because they can hardly differ
from others: a crash after one call is a crash before the next where that follows at once, a read changes nothing, the
life of a task that succeeds is the second half of that of a task that is retried, and one that passes its deadline ends
as one that is cancelled.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.crash_cases import CrashCase, Work, crash_cases, selected
from tests.support.faults import BEFORE, Crash, Rule
from tests.support.lanes import Lanes
from tests.support.stage import JOBS, PODS, Stage
from tests.support.tasks import FINISH_SECONDS
from tools.cluster.cluster import Cluster
from tools.kubectl import wait_for

LANES = 4
DONE = ("Succeeded", "Failed", "Cancelled")

READ, JOB, POD = "get djangotasks", "create jobs", "create pods"
STATUS, JOB_STATUS, STOP = "patch djangotasks/status", "patch jobs/status", "delete pods"
KEEP = "keep djangotasks/status"


@dataclass(frozen=True)
class Life:
    """`calls`: all that the operator says to the API server about the task, in this order. The end of a log is kept
    beside the rest, sooner or later."""

    calls: tuple[str, ...]
    begin: Callable[[Stage, str], object]
    cancelled: bool = False


def retried(stage: Stage, name: str) -> object:
    return stage.enqueue("fail_until", 2, name=name, policy={"maxAttempts": 2, "backoff": {"initialSeconds": 0.1}})


LIVES = {
    "succeeds": Life((READ, JOB, POD, STATUS, JOB_STATUS), lambda stage, name: stage.enqueue("add", 1, 2, name=name)),
    "is retried": Life((READ, JOB, POD, STATUS, JOB_STATUS) * 2, retried),
    "is cancelled": Life(
        (READ, JOB, POD, STATUS, STOP, STATUS, JOB_STATUS, KEEP),
        lambda stage, name: stage.enqueue("sleep", 600, name=name),
        cancelled=True,
    ),
    "is too slow": Life(
        (READ, JOB, POD, STATUS, STATUS, STOP, STATUS, JOB_STATUS, KEEP),
        lambda stage, name: stage.enqueue("sleep", 600, name=name, queue="hasty"),
    ),
}


CASES = crash_cases(LIVES)


def is_slow(case: CrashCase) -> bool:
    # The status is written when something happened: the time before that is not the time after the last call.
    if case.life in ("succeeds", "is too slow") or case.label == READ:
        return True
    return case.moment is BEFORE and case.label not in (STATUS, JOB_STATUS)


def calls(stage: Stage) -> tuple[str, ...]:
    """The labels of what was asked about tasks, Jobs and Pods."""
    about = [call for call in stage.proxy.calls if call.resource in ("djangotasks", "jobs", "pods")]
    labels = [call.label for call in about if call.verb not in ("list", "watch", "dry_run")]
    # An event that comes between the deletion of a pod and its event may have it deleted again.
    return tuple(label for n, label in enumerate(labels) if n == 0 or (label, labels[n - 1]) != (STOP, STOP))


def writes(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Two of the same in a row are as good as one: on a slow machine, the start of a task is shown as well."""
    changing = [label for label in labels if not label.startswith("get ") and label != KEEP]
    return tuple(label for n, label in enumerate(changing) if n == 0 or label != changing[n - 1])


def without_log(status: dict[str, Any]) -> dict[str, Any]:
    """The end of the log comes when it comes."""
    return {field: value for field, value in status.items() if field != "logTail"}


def live(stage: Stage, life: Life, *, at: CrashCase | None = None) -> dict[str, Any]:
    """Lets a task live, with the crash if one is asked for. Returns what must not depend on it."""
    stage.proxy.clear()
    name, rule = f"task-{secrets.token_hex(4)}", None
    if at is not None:
        rule = Rule(Crash(), at.label, path=name, moment=at.moment, nth=at.nth)
        stage.proxy.add(rule)
    # After the rule: the operator may be quicker than this process.
    life.begin(stage, name)

    risen = False

    def raise_again() -> None:
        nonlocal risen
        if not stage.operator.running:
            stage.operator.start()
            risen = True

    def phase(*phases: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            raise_again()
            status = stage.status(name)
            return status if status["phase"] in phases else None

        return wait_for(f"{name} is {phases}", look, seconds=FINISH_SECONDS, why=lambda: stage.tell(stage.status(name)))

    if life.cancelled:
        phase("Running")
        stage.cancel(name)
    status = phase(*DONE)

    def settled() -> bool | None:
        raise_again()
        jobs, pods = stage.of_task(JOBS, name), stage.of_task(PODS, name)
        over = all(job["status"].get("conditions") for job in jobs) and (rule is None or (rule.hits and risen))
        return (over and all(pod["status"]["phase"] in ("Succeeded", "Failed") for pod in pods)) or None

    wait_for(f"{name}: its Jobs and Pods have ended", settled, seconds=FINISH_SECONDS, why=stage.tell)
    if at is None:
        # A read more or less depends on which event comes first.
        assert writes(calls(stage)) == writes(life.calls)
    assert without_log(stage.status(name)) == without_log(status), "a terminal status never moves"
    attempts = len(status["attempts"])
    wait_for("its containers", lambda: stage.container_starts(name) >= attempts or None, seconds=FINISH_SECONDS)
    return {
        "phase": status["phase"],
        "reason": status.get("reason"),
        "result": status.get("result"),
        "attempts": [(attempt["number"], attempt["pod"].removeprefix(name), attempt.get("reason")) for attempt in status["attempts"]],
        "interruptions": status["interruptions"],
        "created": sorted(
            (call.resource, call.name.removeprefix(name))
            for call in stage.proxy.writes(verb="create", status=201)
            if call.resource in ("jobs", "pods")
        ),
        "container starts": stage.container_starts(name),
        "jobs": sorted((job["metadata"]["name"].removeprefix(name), [c["type"] for c in job["status"]["conditions"]]) for job in stage.of_task(JOBS, name)),
    }  # fmt: skip


@pytest.fixture(scope="module")
def work(request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Work]:
    """Every life without a crash, and all cases that were selected."""

    def add_queue(stage: Stage) -> None:
        stage.add_queue("hasty", policy={"timeoutSeconds": 2})
        # Once one of its tasks has run, the operator knows the queue.
        stage.wait_phase(first := stage.enqueue("add", 1, 2, queue="hasty"), *DONE)
        stage.wait_finished_jobs(first)

    with Lanes(cluster, [tmp_path_factory.mktemp("lane") for _ in range(LANES)], add_queue) as lanes:
        yield Work.begin(lanes, LIVES, selected(request, CASES), live)


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.slow] if is_slow(case) else [], id=str(case)) for case in CASES]
)
def test_a_task_outlives_the_crash(case: CrashCase, work: Work) -> None:
    assert work.crashes[case].result() == work.expected[case.life].result()


# On demand (make test-faults): a busy machine makes them fail for want of time.
pytestmark = pytest.mark.slow
