"""What a Pod's state says."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import INTERRUPTIONS, Reason
from djangotasks_api.stored import TextRef
from djangotasks_operator.pods.diagnosis import end_cause, memory_in_bytes, reported_outcome, start_problem
from djangotasks_operator.pods.tokens import sign
from djangotasks_operator.pods.views import Pod, Terminated
from tests.support.builders import KEY, NAMESPACE, UID, make_pod, make_reported, make_terminated, make_waiting


@pytest.mark.parametrize(
    ("terminated", "remedy"),
    [
        (make_terminated(128, reason="StartError", message='failed to create shim task: exec: "python": executable file not found in $PATH'),
         "must begin with a program of the image"),
        (make_terminated(127, reason="ContainerCannotRun", message='exec: "/venv/bin/python": stat /venv/bin/python: no such file or directory'),
         "must begin with a program of the image"),
        (make_terminated(1, message="/usr/bin/python3: No module named django_tasks_kubernetes"), "name the python that has it"),
        (make_terminated(1, message="(ModuleNotFoundError: No module named 'django_tasks_kubernetes')"), "name the python that has it"),
        (make_terminated(2, message="There is no task to run here ('DJANGOTASKS_ASSIGNMENT')"), "must keep the environment"),
        (make_terminated(1, message="No module named 'shop'"), None),
    ],
)  # fmt: skip
def test_of_a_container_that_has_no_runner_it_says_what_to_do(terminated: Terminated, remedy: str | None) -> None:
    message = end_cause(make_pod(terminated=terminated)).message
    assert terminated.message in message
    assert ("queue's command" in message) == (remedy is not None)
    assert (remedy or "") in message
    assert "$PATH The" not in message


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
    cause = end_cause(pod)
    assert (cause.reason, cause.exit_code) == (reason, exit_code)
    assert words in cause.message


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ", Reason.PROCESS_EXITED),
        ('Container task exceeded its local ephemeral storage limit "1Gi". ', Reason.PROCESS_EXITED),
        ('Usage of EmptyDir volume "scratch" exceeds the limit "1Gi". ', Reason.PROCESS_EXITED),
        ("The node was low on resource: ephemeral-storage. Container task was using 2Gi, request is 0", Reason.EVICTED),
        ("The node had condition: [DiskPressure]. ", Reason.EVICTED),
    ],
)
def test_a_pod_that_fills_its_own_disk_has_failed(message: str, reason: Reason) -> None:
    """kubernetes#93649: it was started again without end. One on a node that is full has not failed."""
    cause = end_cause(make_pod(exit_code=137, reason="Evicted", message=message))
    assert (cause.reason, cause.reason in INTERRUPTIONS) == (reason, reason is Reason.EVICTED)
    assert message.strip() in cause.message


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "."),
        ({"disruption_message": "preempting to accommodate pod x"}, ": preempting to accommodate pod x"),
        # The kubelet's own words say more.
        (
            {"disruption_message": "a condition", "message": "The node was low on memory"},
            ": The node was low on memory",
        ),
    ],
)
def test_who_disrupts_a_pod_and_for_what_is_reported(fields: dict[str, Any], words: str) -> None:
    cause = end_cause(make_pod(phase="Failed", disruption="PreemptionByScheduler", **fields))
    assert cause.message == f"The pod was disrupted: PreemptionByScheduler{words}"


def test_an_init_container_that_failed_is_named() -> None:
    """tektoncd/pipeline#5646, buildkite/agent-stack-k8s#441."""
    failed = "its init container 'istio-init' ended with exit code 1."
    message = end_cause(make_pod(phase="Failed", failed_init=failed)).message
    assert message == f"The pod failed before the task's container started: {failed}"


@pytest.mark.parametrize(
    ("limit", "used", "words"),
    [
        ("512Mi", 512 * 2**20, "its memory limit of 512Mi and was"),
        (None, None, "its memory limit and was"),
        ("1e999999", None, "its memory limit of 1e999999 and was"),
    ],
)
def test_memory_of_a_container_that_went_over_its_limit(limit: str | None, used: int | None, words: str) -> None:
    cause = end_cause(make_pod(terminated=make_terminated(137, reason="OOMKilled"), memory_limit=limit))
    assert cause.memory_limit_bytes == used
    assert words in cause.message


@pytest.mark.parametrize(
    ("amount", "number"),
    [
        ("1073741824", 2**30), ("1Gi", 2**30), ("1.5G", 1_500_000_000), ("128e6", 128_000_000), ("500m", 0),
        ("0", 0), ("-1", None), ("1e30", None), ("Gi", None), ("NaN", None), ("Infinity", None), ("x", None), ("", None),
    ],
)  # fmt: skip
def test_amounts_of_memory(amount: str, number: int | None) -> None:
    assert memory_in_bytes(amount) == number


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


OUTCOME = Outcome(started_at=None, finished_at="2026-11-23T12:00:00Z", result='{"paid": true}')
SIGNED = make_reported(OUTCOME).message


def test_an_outcome_that_the_runner_left() -> None:
    pod = make_pod(terminated=make_reported(OUTCOME))
    assert reported_outcome(pod, [KEY]) == OUTCOME
    # While the operator's key is changed, the pod's token is of the one before.
    assert reported_outcome(pod, [b"new", KEY]) == OUTCOME
    assert reported_outcome(pod, [b"new"]) is None
    assert reported_outcome(make_pod(), [KEY]) is None


def test_an_outcome_outlives_the_operators_key() -> None:
    """The operator was installed again. The pod still has the token that it was given."""
    token = sign(KEY, NAMESPACE, UID, 1)
    pod = make_pod(terminated=make_reported(OUTCOME), token=token)
    assert reported_outcome(pod, [b"new"]) == OUTCOME
    assert reported_outcome(make_pod(terminated=make_reported(OUTCOME), token="another"), [b"new"]) is None
    assert token not in repr(pod)


@pytest.mark.parametrize("exit_code", [0, 1, 3, 137, 143])
@pytest.mark.parametrize(
    "message",
    [
        "", "Killed", "{", "{}", '{"finishedAt": 3}', SIGNED[:-1], f" {SIGNED}", f"{SIGNED}\n",
        # A line that the task has printed, and the kubelet shows where the process has died.
        OUTCOME.to_json(),
        f"user said: {OUTCOME.to_json()}",
        f"{SIGNED.partition(' ')[0]} {OUTCOME.to_json().replace('true', 'false')}",
    ],
)  # fmt: skip
def test_what_a_task_prints_is_no_outcome(message: str, exit_code: int) -> None:
    assert reported_outcome(make_pod(terminated=make_terminated(exit_code, message=message)), [KEY]) is None


@pytest.mark.parametrize("change", [{"attempt": 2}, {"task_uid": "another"}, {"namespace": "other"}], ids=str)
def test_an_outcome_of_another_attempt_is_none_of_this_one(change: dict[str, Any]) -> None:
    assert reported_outcome(make_pod(terminated=make_reported(OUTCOME), **change), [KEY]) is None


def test_a_reported_file_must_be_the_tasks_own() -> None:
    def reported(name: str) -> Outcome | None:
        ref = TextRef(storage="tasks", name=name, size=1, sha256="0" * 64)
        outcome = Outcome(started_at=None, finished_at="2026-11-23T12:00:00Z", result_ref=ref)
        found = reported_outcome(make_pod(terminated=make_reported(outcome)), [KEY])
        assert found in (None, outcome)
        return found

    assert reported("djangotasks/shop/receipt.result-1.0.json") is not None
    assert reported("djangotasks/shop/other.result-1.0.json") is None
    assert reported("secrets/passwords.json") is None


@pytest.mark.parametrize(("reason", "exit_code"), [("Unknown", 255), ("ContainerStatusUnknown", 137)])
def test_a_node_that_restarted_is_an_interruption(reason: str, exit_code: int) -> None:
    """Not the task's own failure, whose exit code may be the same."""
    pod = make_pod(terminated=make_terminated(exit_code, reason=reason), phase="Failed")
    assert (end_cause(pod).reason in INTERRUPTIONS, end_cause(pod).exit_code) == (True, exit_code)
    own = make_pod(terminated=make_terminated(exit_code, reason="Error"), phase="Failed")
    assert end_cause(own).reason is Reason.PROCESS_EXITED
