"""Which pods of a soak wait, whose the others are, and what they may not be."""

from __future__ import annotations

from typing import Any

from benchmarks.soak.standbys import QUEUE, attempt_of, idle, more_than_one_pod, task_of
from djangotasks_api.names import ATTEMPT_LABEL, QUEUE_LABEL, STANDBY_LABEL, TASK_LABEL, TASK_UID_LABEL


def pod(name: str, task: str | None = None, phase: str = "Running") -> dict[str, Any]:
    labels = {QUEUE_LABEL: QUEUE, STANDBY_LABEL: "hash"}
    claimed = {} if task is None else {TASK_LABEL: task, TASK_UID_LABEL: f"uid of {task}", ATTEMPT_LABEL: "1"}
    return {"metadata": {"name": name, "labels": labels | claimed}, "status": {"phase": phase}}


def test_a_pod_that_waits_is_of_no_task() -> None:
    pods = [pod("standby-0a"), pod("standby-0b", "a"), pod("standby-0c", phase="Failed")]
    assert idle(pods) == ["standby-0a"]
    assert [task_of(one) for one in pods] == [None, "a", None]
    assert [attempt_of(one) for one in pods] == [None, ("uid of a", 1), None]


def test_a_pod_of_its_own_is_named_after_its_task() -> None:
    assert task_of({"metadata": {"name": "a-b-12", "labels": {}}, "status": {}}) == "a-b"


def test_an_attempt_with_two_pods_is_a_problem() -> None:
    assert more_than_one_pod({"x": {("a", 1)}, "y": {("a", 2)}}) == []
    assert len(more_than_one_pod({"x": {("a", 1)}, "y": {("a", 1)}})) == 1
