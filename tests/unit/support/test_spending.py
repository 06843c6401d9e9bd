"""What the blast radius goes by: many objects cost much, and none costs more than its own life and its backoff."""

from __future__ import annotations

import json

import pytest

from djangotasks_operator.runtime.workqueue import WorkQueue
from tests.support.faults import Call
from tests.support.spending import breakdown, excess

TASKS = "/apis/djangotasks.dev/v1alpha1/namespaces/shop/djangotasks"


def status_patches(*names: str) -> list[Call]:
    return [Call.of("PATCH", f"{TASKS}/{name}/status", b"{}") for name in names]


def dry_run(queue: str) -> Call:
    body = {"metadata": {"name": "placeholder", "labels": {"djangotasks.dev/queue": queue}}}
    return Call.of("POST", "/apis/batch/v1/namespaces/shop/jobs?dryRun=All", json.dumps(body).encode())


def tries_of_a_work_queue(seconds: float) -> int:
    """How often a key is taken that fails each time."""
    now, taken = 0.0, 0
    queue: WorkQueue[str] = WorkQueue(lambda: now)
    queue.add("a")
    while (delay := queue.delay()) is not None and now + delay <= seconds:
        now += delay
        queue.take()
        taken += 1
        queue.retry("a")
        queue.done("a")
    return taken


def test_many_objects_may_cost_much() -> None:
    assert excess(status_patches(*[f"t-{number}" for number in range(2_000)]) * 3, 1) == []


@pytest.mark.parametrize("seconds", [2, 10, 60, 600])
def test_a_backoff_is_within_the_bounds_and_a_loop_without_one_is_not(seconds: int) -> None:
    assert excess(status_patches("a") * tries_of_a_work_queue(seconds) * 2, seconds) == []
    (line,) = excess(status_patches("a") * (20 * seconds), seconds)
    assert line.startswith(f"{20 * seconds} × patch djangotasks/status a in ")


def test_a_dry_run_is_about_its_queue() -> None:
    calls = [dry_run(f"q-{number}") for number in range(50)]
    assert excess(calls, 1) == []
    (line,) = excess([*calls, *([dry_run("q-7")] * 100)], 1)
    assert "101 × dry_run jobs q-7" in line


def test_events_have_one_bound_together() -> None:
    path = "/api/v1/namespaces/shop/events"
    events = [
        Call.of("POST", path, json.dumps({"metadata": {"name": f"e-{number}"}}).encode()) for number in range(100)
    ]
    assert excess(events, 10) == []
    assert excess(events, 1) == ["100 Events in 1.0 s, 60 are allowed"]


def test_the_breakdown_names_the_object_that_cost_most() -> None:
    assert breakdown([*status_patches("a", "b", "b"), dry_run("q")]) == (
        "     3 patch djangotasks/status: 2 objects, 2 of b\n     1 dry_run jobs: 1 objects, 1 of q"
    )
