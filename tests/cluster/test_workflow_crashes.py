"""The operator is killed at every API call of a workflow's passes, before the server sees it and after it has done it: the
workflow ends as if nothing had been, and no task runs twice. Nor does it where the API server is away, or answers badly.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.crash_cases import CrashCase, Work, crash_cases, selected
from tests.support.faults import AFTER, BEFORE, Crash, Drop, Moment, Rule
from tests.support.faults import Status as Answer
from tests.support.lanes import Lanes
from tests.support.operator import OperatorProcess
from tests.support.stage import Stage
from tests.support.tasks import FINISH_SECONDS
from tests.support.workflows import WORKFLOWS, await_task, change, create, finish, phases, status_of, step
from tests.support.zygote import Zygote
from tools.cluster.cluster import Cluster
from tools.kubectl import wait_for

LANES = 4
AWAY_SECONDS = 60.0
LOAD, RECORD, CREATE = "get djangotaskworkflows", "patch djangotaskworkflows/status", "create djangotasks"
EXPIRE = "delete djangotaskworkflows"
MAP: dict[str, Any] = {"map": {"list": "numbers"}, "inputs": {"/args/1": None}}


@dataclass(frozen=True)
class Life:
    """`calls`: all that the operator says to the API server about the workflow, in this order. Of a map, a record more or
    less depends on what ends at once. `left`: whether the workflow is there in the end."""

    calls: tuple[str, ...]
    begin: Callable[[Stage], str]
    cancelled_at: str = ""
    left: bool = True


LIVES = {
    "chain": Life(
        (LOAD, RECORD, CREATE, RECORD, CREATE, RECORD),
        lambda stage: create(
            stage, step("first", "add", 1, 2), step("second", "add", 10, None, inputs={"/args/1": "first"})
        ),
    ),
    "map": Life(
        (LOAD, RECORD, CREATE, CREATE, CREATE, RECORD, CREATE, RECORD),
        lambda stage: create(
            stage,
            step("map", "add", 10, None, **MAP),
            step("list", "echo", None, inputs={"/args/0": "map"}),
            lists=[{"name": "numbers", "items": "[1, 2, 3]"}],
        ),
    ),
    "cancelled": Life(
        (LOAD, RECORD, CREATE, RECORD, CREATE, RECORD),
        lambda stage: create(
            stage,
            step("slow", "sleep", 600),
            step("never", "add", 1, 1, after=["slow"]),
            step("clean", "add", 2, 2, after=["never"], runs="Always"),
        ),
        cancelled_at="slow",
    ),
    "expires": Life(
        (LOAD, RECORD, CREATE, RECORD, EXPIRE),
        lambda stage: create(stage, step("only", "add", 1, 2), policy={"ttlSecondsAfterFinished": 0}),
        left=False,
    ),
}


# Of the one that expires, the others are those of a chain.
CASES = [case for case in crash_cases(LIVES) if case.life != "expires" or case.label == EXPIRE]


def live(stage: Stage, life: Life, at: CrashCase | None = None) -> dict[str, Any]:
    """Lets a workflow live, with the crash if one is asked for. Returns what must not depend on it."""
    stage.proxy.clear()
    rule = None
    if at is not None:
        # The only workflow at work here. All of an earlier one's calls are over.
        stage.proxy.add(rule := Rule(Crash(), at.label, moment=at.moment, nth=at.nth))
    name = life.begin(stage)
    risen = False

    def raise_again() -> None:
        nonlocal risen
        if not stage.operator.running:
            stage.operator.start()
            risen = True

    def wait(what: str, check: Callable[[], object]) -> None:
        def look() -> bool | None:
            raise_again()
            return True if check() else None

        wait_for(f"{name}: {what}", look, seconds=FINISH_SECONDS, why=lambda: stage.tell(found(stage, name)))

    if life.cancelled_at:
        task = f"{name}-{life.cancelled_at}"
        wait("its task runs", lambda: stage.statuses().get(task, {}).get("phase") == "Running")
        change(stage, name, cancel=True)
    if life.left:
        wait("its end", lambda: status_of(stage, name).get("phase") in ("Succeeded", "Failed", "Cancelled"))
    else:
        wait("it is gone", lambda: not found(stage, name))
    wait("the crash", lambda: rule is None or (rule.hits and risen))
    status = status_of(stage, name) if life.left else {"steps": {}}
    calls = [call.label for call in stage.proxy.calls if call.label in (LOAD, RECORD, CREATE, EXPIRE)]
    if at is None:
        assert set(calls) == set(life.calls)
    tasks = {task: has for task, has in stage.statuses().items() if task.startswith(name)}
    for task, has in tasks.items():
        if life.left and has["phase"] == "Succeeded":
            stage.assert_once(task)
    created = [call.name for call in stage.proxy.writes(verb="create", status=201, resource="djangotasks")]
    return {
        "phase": status.get("phase"),
        "reason": status.get("reason"),
        "phases": phases(status),
        "indexes": [step.get("completedIndexes") for step in status["steps"].values()],
        "created": sorted(task.removeprefix(name) for task in created),
        "tasks": {
            task.removeprefix(name): (has["phase"], json.loads(has.get("result") or "null"))
            for task, has in sorted(tasks.items())
            if life.left
        },
    }


def found(stage: Stage, name: str) -> list[Any]:
    items: list[Any] = stage.request("GET", f"{WORKFLOWS}?fieldSelector=metadata.name={name}")["items"]
    return items


@pytest.fixture(scope="module")
def work(request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Work]:
    """Every life without a crash, and all cases that were selected."""
    with Lanes(cluster, [tmp_path_factory.mktemp("lane") for _ in range(LANES)]) as lanes:
        yield Work.begin(lanes, LIVES, selected(request, CASES), live)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_workflow_outlives_the_crash(case: CrashCase, work: Work) -> None:
    assert work.crashes[case].result() == work.expected[case.life].result()


def many(stage: Stage, count: int) -> str:
    """A map with a lane behind it, three at a time, and a step that takes all results."""
    return create(
        stage,
        step("map", "add", 10, None, **MAP),
        step("lane", "add", 100, None, map={"each": "map"}, inputs={"/args/1": None}),
        step("list", "echo", None, inputs={"/args/0": "lane"}),
        maxParallel=3,
        lists=[{"name": "numbers", "items": json.dumps(list(range(count)))}],
    )


def ends_well(stage: Stage, name: str, count: int) -> None:
    status = finish(stage, name, seconds=2 * FINISH_SECONDS)
    assert status["phase"] == "Succeeded", stage.tell(status)
    result = json.loads(stage.status(f"{name}-list")["result"])
    assert result["args"] == [[110 + number for number in range(count)]]
    stage.assert_once(*stage.statuses())


def test_the_api_server_is_away_in_the_middle_of_a_window(stage: Stage) -> None:
    name = many(stage, 12)
    await_task(stage, f"{name}-lane-00002")
    with stage.proxy.away():
        over = time.monotonic() + AWAY_SECONDS
        wait_for(
            "the end of the outage", lambda: time.monotonic() > over or None, seconds=AWAY_SECONDS + FINISH_SECONDS
        )
    ends_well(stage, name, 12)


@pytest.mark.parametrize(
    ("fault", "moment"),
    [
        (Drop(), AFTER),
        (Answer(409, reason="Conflict"), BEFORE),
        (Answer(429, {"Retry-After": "1"}), BEFORE),
        (Answer(500), AFTER),
    ],
    ids=str,
)
def test_every_third_call_goes_wrong(stage: Stage, fault: Drop | Answer, moment: Moment) -> None:
    rules = [Rule(fault, label, moment=moment, every=3, times=8) for label in (RECORD, CREATE)]
    stage.proxy.add(*rules)
    ends_well(stage, many(stage, 6), 6)
    assert all(rule.hits for rule in rules)


def test_two_operators_at_once(stage: Stage, cluster: Cluster, zygote: Zygote, tmp_path: Path) -> None:
    """As for a moment when one does not know yet that it lost its Lease."""
    (folder := tmp_path / "other").mkdir()
    key = stage.operator.key_path.read_text()
    other = OperatorProcess(cluster, stage.namespace, folder, kubeconfig=stage.proxy.kubeconfig, key=key, zygote=zygote)
    other.start()
    try:
        ends_well(stage, many(stage, 6), 6)
    finally:
        other.close()
    assert "a defect" not in other.log(), other.log()


# On demand (make test-faults): a busy machine makes them fail for want of time.
pytestmark = pytest.mark.slow
