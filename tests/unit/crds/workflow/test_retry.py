"""What a retry takes over, and what cannot be retried."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.workflow.bounds import RETRIES_MAX
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.plan import Plan
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import StepPhase, TakenOver
from djangotasks_api.workflow.retry import NotRetryable, check_ended, needed, retried_spec, taken_over

MAP = {
    "name": "map",
    "task": "shop.map",
    "map": {"list": "rows"},
    "inputs": [{"into": "/args/0"}],
    "payload": '{"args":[null],"kwargs":{}}',
}
SPEC: dict[str, Any] = {
    "lists": [{"name": "rows", "items": "[1,2,3]"}],
    "steps": [
        {"name": "first", "task": "shop.first"},
        MAP,
        {"name": "last", "task": "shop.last", "inputs": [{"into": "/args", "step": "map"}]},
        {"name": "clean", "task": "shop.clean", "after": ["last"], "runs": "Always"},
    ],
}


def failed(steps: dict[str, Any], spec: dict[str, Any] = SPEC, **status: Any) -> dict[str, Any]:
    known = {"phase": "Failed", "reason": "StepFailed", "steps": steps} | status
    return {"metadata": {"name": "one", "uid": "uid-one"}, "spec": spec, "status": known}


STEPS: dict[str, Any] = {
    "first": {"phase": "Succeeded"},
    "map": {"phase": "Failed", "width": 3, "completedIndexes": "0,2", "failedIndexes": "1"},
    "last": {"phase": "Skipped", "reason": "UpstreamFailed"},
    "clean": {"phase": "Succeeded"},
}


def test_what_succeeded_is_taken_over_index_by_index() -> None:
    plan = Plan.of(SPEC)
    records = taken_over(plan, failed(STEPS))
    assert set(records) == {"first", "map"}
    assert records["first"].phase is StepPhase.SUCCEEDED
    record = records["map"]
    assert (record.phase, str(record.completed), len(record.failed)) == (StepPhase.PENDING, "0,2", 0)
    assert record.taken_over == (TakenOver("one", "uid-one", Indexes([0, 2])),)
    assert [task for _, task in needed(plan, records)] == [StepTask("map", 0), StepTask("map", 2)]


def test_a_retry_of_a_retry_knows_where_each_result_is() -> None:
    steps = STEPS | {
        "map": {
            "phase": "Failed",
            "width": 3,
            "completedIndexes": "0-1",
            "failedIndexes": "2",
            "takenOver": [{"workflow": "zero", "uid": "uid-zero", "indexes": "0"}],
        }
    }
    record = taken_over(Plan.of(SPEC), failed(steps))["map"]
    assert [(found.workflow, str(found.indexes)) for found in record.taken_over] == [("zero", "0"), ("one", "1")]
    assert [source and source.workflow for source in map(record.source, range(3))] == ["zero", "one", None]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        # A map over a list that is made again is another map.
        ({"first": {"phase": "Failed"}, "map": {"phase": "Failed", "width": 3, "completedIndexes": "0"}}, []),
        (
            {"first": {"phase": "Succeeded"}, "map": {"phase": "Failed", "width": 3, "completedIndexes": "0"}},
            ["first", "map"],
        ),
    ],
)
def test_a_map_over_a_result_is_taken_over_with_it(steps: dict[str, Any], expected: list[str]) -> None:
    spec = {
        "steps": [
            {"name": "first", "task": "shop.first"},
            {"name": "map", "task": "shop.map", "map": {"over": "first"}},
        ]
    }
    assert list(taken_over(Plan.of(spec), failed(steps, spec))) == expected


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({}, "Pending. Wait for its end"),
        ({"phase": "Running"}, "Running. Wait for its end"),
        ({"phase": "Succeeded"}, "succeeded"),
        ({"phase": "Failed", "reason": "InvalidGraph"}, "never ran"),
        ({"phase": "Failed", "reason": "NotRetryable"}, "never ran"),
    ],
)
def test_what_cannot_be_retried(status: dict[str, str], words: str) -> None:
    with pytest.raises(NotRetryable, match=words):
        check_ended("one", status)


@pytest.mark.parametrize("changed", [{"payload": '{"args":[null],"kwargs":{"a":1}}'}, {"task": "shop.other"}])
def test_a_step_that_is_another_one_cannot_be_taken_over(changed: dict[str, str]) -> None:
    plan = Plan.of(SPEC | {"steps": [SPEC["steps"][0], MAP | changed, *SPEC["steps"][2:]]})
    with pytest.raises(NotRetryable, match="map is another one"):
        taken_over(plan, failed(STEPS))


def test_another_list_makes_another_map() -> None:
    with pytest.raises(NotRetryable, match="map is another one"):
        taken_over(Plan.of(SPEC | {"lists": [{"name": "rows", "items": "[1,2,4]"}]}), failed(STEPS))


def test_a_step_that_failed_may_be_another_one() -> None:
    spec = SPEC | {"steps": [*SPEC["steps"][:2], SPEC["steps"][2] | {"task": "shop.corrected"}]}
    assert set(taken_over(Plan.of(spec), failed(STEPS))) == {"first", "map"}


def test_retries_have_an_end() -> None:
    before = [{"workflow": f"w{n}", "uid": f"u{n}", "indexes": "0"} for n in range(RETRIES_MAX)]
    steps = STEPS | {"map": STEPS["map"] | {"takenOver": before}}
    with pytest.raises(NotRetryable, match="retried 16 times"):
        taken_over(Plan.of(SPEC), failed(steps))


def test_the_spec_of_a_retry_has_no_key_and_is_not_cancelled() -> None:
    spec = SPEC | {"cancel": True, "cancelReason": "x", "idempotencyKey": "k", "enqueuedAt": "then", "queue": "q"}
    # The web app could not create it: https://github.com/argoproj/argo-workflows/issues/11904. And what is of a schedule
    # is waited for.
    spec |= {"returnedBy": {"name": "receipt", "uid": "u", "depth": 1}, "schedule": "nightly"}
    assert retried_spec("one", "uid-one", spec, "now") == SPEC | {
        "queue": "q",
        "enqueuedAt": "now",
        "retryOf": {"name": "one", "uid": "uid-one"},
    }


def test_a_retry_stands_for_the_same_time() -> None:
    """https://github.com/argoproj/argo-workflows/issues/11488: what the tasks see as their time was another one."""
    times = {"schedule": "nightly", "scheduledFor": "2026-11-29T02:00:00Z"}
    assert retried_spec("one", "uid-one", SPEC | times, "now")["scheduledFor"] == times["scheduledFor"]
