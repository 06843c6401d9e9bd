"""What a Pod's state says."""

from __future__ import annotations

import pytest

from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Reason
from djangotasks_api.stored import TextRef
from djangotasks_operator.observed import Pod
from djangotasks_operator.pods import death, reported_outcome, start_problem
from tests.support.builders import make_pod, make_terminated, make_waiting


@pytest.mark.parametrize(
    ("pod", "reason", "words", "exit_code"),
    [
        (make_pod(exit_code=3), Reason.PROCESS_EXITED, "exit code 3", 3),
        (make_pod(exit_code=137), Reason.PROCESS_EXITED, "SIGKILL", 137),
        (make_pod(exit_code=139), Reason.PROCESS_EXITED, "SIGSEGV", 139),
        (make_pod(exit_code=255), Reason.PROCESS_EXITED, "exit code 255", 255),
        (make_pod(terminated=make_terminated(1, message="MemoryError")), Reason.PROCESS_EXITED, "MemoryError", 1),
        (make_pod(terminated=make_terminated(137, reason="OOMKilled")), Reason.OOM_KILLED, "memory limit", 137),
        (make_pod(terminated=make_terminated(128, reason="StartError", message="no such file")),
         Reason.CONTAINER_CONFIG_ERROR, "no such file", 128),
        (make_pod(exit_code=143, disruption="EvictionByEvictionAPI"), Reason.EVICTED, "disrupted", None),
        (make_pod(exit_code=143, disruption="PreemptionByScheduler"), Reason.PREEMPTED, "disrupted", None),
        (make_pod(phase="Failed", disruption="DeletionByTaintManager"), Reason.NODE_LOST, "disrupted", None),
        (make_pod(exit_code=143, disruption="SomethingNew"), Reason.EVICTED, "SomethingNew", None),
        (make_pod(phase="Failed", reason="Evicted", message="low on memory"), Reason.EVICTED, "low on memory", None),
        (make_pod(phase="Failed", reason="OutOfmemory", message="no room"), Reason.EVICTED, "no room", None),
        (make_pod(exit_code=143, deleting=True), Reason.POD_DELETED, "deleted", None),
        (make_pod(phase="Failed"), Reason.INIT_CONTAINER_FAILED, "init container", None),
    ],
)  # fmt: skip
def test_death(pod: Pod, reason: Reason, words: str, exit_code: int | None) -> None:
    cause = death(pod)
    assert (cause.reason, cause.exit_code) == (reason, exit_code)
    assert words in cause.message


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        (make_pod(), None),
        (make_pod(waiting=make_waiting("SomethingNew")), None),
        (make_pod(waiting=make_waiting("ErrImagePull")), Reason.IMAGE_PULL_FAILED),
        (make_pod(waiting=make_waiting("CreateContainerConfigError")), Reason.CONTAINER_CONFIG_ERROR),
        (make_pod(waiting=make_waiting("InvalidImageName")), Reason.INVALID_IMAGE_NAME),
        (make_pod(unschedulable="0/1 nodes are available"), Reason.UNSCHEDULABLE),
    ],
)
def test_start_problem(pod: Pod, reason: Reason | None) -> None:
    problem = start_problem(pod)
    assert (problem.reason if problem else None) is reason


def test_reported_outcome() -> None:
    outcome = Outcome(started_at=None, finished_at="2026-11-23T12:00:00Z", result="1")
    ended = make_terminated(0, message=outcome.to_termination_message())
    assert reported_outcome(make_pod(terminated=ended)) == outcome
    for message in ("", "Killed", "{", "{}", '{"finishedAt": 3}'):
        assert reported_outcome(make_pod(terminated=make_terminated(0, message=message))) is None
    assert reported_outcome(make_pod()) is None


def test_a_reported_file_must_be_the_tasks_own() -> None:
    def reported(name: str) -> Outcome | None:
        ref = TextRef(storage="tasks", name=name, size=1, sha256="0" * 64)
        outcome = Outcome(started_at=None, finished_at="2026-11-23T12:00:00Z", result_ref=ref)
        found = reported_outcome(make_pod(terminated=make_terminated(0, message=outcome.to_termination_message())))
        assert found in (None, outcome)
        return found

    assert reported("djangotasks/shop/receipt.result-1.0.json") is not None
    assert reported("djangotasks/shop/other.result-1.0.json") is None
    assert reported("secrets/passwords.json") is None
