from __future__ import annotations

from typing import Any

import pytest

from benchmarks.soak.promises import Life
from benchmarks.soak.workflows import ENDS, MAPS, FlowPromise, Kind, manifest, problems
from djangotasks_api.workflow.plan import Plan


def ended(kind: Kind, **changes: Any) -> Life:
    phase, steps = ENDS[kind]
    found: dict[str, Any] = {name: {"phase": phase} for name, phase in steps.items()}
    for name in MAPS & steps.keys():
        found[name]["completedIndexes"] = "0-3"
    return Life({"phase": phase, "active": 0, "steps": found} | changes)


def tasks_of(promise: FlowPromise) -> dict[str, Life]:
    return {name: Life({"phase": "Succeeded"}) for name in promise.tasks()}


@pytest.mark.parametrize("kind", Kind)
def test_kept(kind: Kind) -> None:
    promise = FlowPromise("w-1", kind)
    assert problems(promise, ended(kind), {"t-1": Life()} | tasks_of(promise)) == []


@pytest.mark.parametrize("kind", Kind)
def test_the_steps_are_a_graph_of_which_the_ends_are_known(kind: Kind) -> None:
    plan = Plan.of(manifest(kind, 60)["spec"])
    assert {step.name for step in plan.graph} == ENDS[kind][1].keys()
    assert {step.name for step in plan.graph if step.is_map} == MAPS & ENDS[kind][1].keys()


def test_broken() -> None:
    promise = FlowPromise("w-1", Kind.GOOD)
    tasks = tasks_of(promise)
    assert problems(promise, ended(Kind.GOOD, phase="Failed"), tasks) == ["phase Failed, not Succeeded"]
    assert problems(promise, ended(Kind.GOOD, active=1), tasks) == ["1 are active"]
    short = ended(Kind.GOOD)
    short.status["steps"]["map"]["completedIndexes"] = "0-1,3"
    (problem,) = problems(promise, short, tasks)
    assert problem.startswith("indexes {'map': '0-1,3'")
    (problem,) = problems(promise, ended(Kind.GOOD), tasks | {"w-1-map-00004": Life()})
    assert problem.startswith("tasks ['w-1-all'")


def test_a_step_that_was_cancelled_before_it_had_a_task() -> None:
    promise = FlowPromise("w-1", Kind.STOPPED)
    tasks = tasks_of(promise)
    del tasks["w-1-endless"]
    assert problems(promise, ended(Kind.STOPPED), tasks) == []
    del tasks["w-1-clean"]
    (problem,) = problems(promise, ended(Kind.STOPPED), tasks)
    assert problem.startswith("tasks []")


def test_a_task_that_was_interrupted_too_often_explains_any_end() -> None:
    promise = FlowPromise("w-1", Kind.GOOD)
    tasks = tasks_of(promise) | {"w-1-all": Life({"phase": "Failed", "reason": "TooManyInterruptions"})}
    assert problems(promise, ended(Kind.GOOD, phase="Failed"), tasks) == []
