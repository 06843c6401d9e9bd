"""Webhooks and people of the cluster change what the operator has made: labels, and the annotation that names a
container. A task runs once all the same, and is not called ended while it runs."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import Backoff, Policy
from djangotasks_api.names import TASK_PLURAL
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase, Reason
from djangotasks_api.reports import ProgressReport
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.pods.tokens import sign
from djangotasks_operator.pods.views import DEFAULT_CONTAINER_ANNOTATION
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import KEY, NAMESPACE, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.model.calls import run
from tests.unit.operator.model.server import Object, merged

LABELS: Object = {"metadata": {"labels": None}}
OF_JOBS: Object = {**LABELS, "spec": {"template": LABELS}}


def mutated(**changes: Object) -> InMemoryOperator:
    """An operator, and a webhook that applies a merge patch to each object of a kind that is created."""
    operator = make_operator()
    create = operator.server.create

    def mutate(plural: str, body: Object, *, dry_run: bool = False) -> Object:
        return create(plural, merged(body, changes.get(plural, {})), dry_run=dry_run)

    vars(operator.server)["create"] = mutate
    return operator


def start(operator: InMemoryOperator) -> None:
    operator.put_queue()
    operator.drain()
    operator.put_task(make_task())
    operator.drain()


def ended(name: str, code: int) -> dict[str, Any]:
    return {"name": name, "state": {"terminated": {"exitCode": code}}}


def test_a_pod_that_a_webhook_takes_the_labels_of_is_the_attempts() -> None:
    """It runs the task: to look for another name would be to wait for ever, and to forget the one that runs."""
    operator = mutated(pods=LABELS)
    start(operator)
    assert operator.status().reason is None
    operator.relist()
    operator.set_pod_status("receipt-1", {"phase": "Failed", "containerStatuses": [ended("task", 3)]})
    operator.wait(60)
    assert (operator.status().phase, operator.status().attempts[0].exit_code) == (Phase.FAILED, 3)
    assert operator.names("pods") == ["receipt-1"]


def test_a_job_that_a_webhook_takes_the_labels_of_gets_no_pod_and_its_queue_says_why() -> None:
    """No watch delivers the Job, so its attempt would be called lost, and run a second time."""
    operator = mutated(jobs=OF_JOBS)
    start(operator)
    operator.relist()
    operator.wait(60)
    assert (operator.names("jobs"), operator.names("pods")) == (["receipt-1"], [])
    assert (operator.status().phase, operator.status().reason) == (Phase.QUEUED, Reason.JOB_NAME_TAKEN)
    assert "operator's labels" in (operator.status().message or "")
    (ready,) = operator.queue_status().conditions
    assert (ready.status, ready.reason) == ("False", "PodRefused")
    assert "changes the labels of Jobs" in ready.message


@pytest.mark.parametrize("named", ["proxy", "gone", None])
def test_the_annotation_for_kubectl_does_not_decide_which_container_runs_the_task(named: str | None) -> None:
    """A person who wants to see the log of a sidecar may write it. The sidecar's end is not the task's."""
    operator = make_operator()
    containers = [{"name": name, "image": name} for name in ("task", "proxy")]
    operator.put_queue(template={"spec": {"containers": containers}})
    operator.put_task(make_task())
    operator.drain()
    operator.server.update("pods", "receipt-1", {"metadata": {"annotations": {DEFAULT_CONTAINER_ANNOTATION: named}}})
    running = {"name": "task", "state": {"running": {"startedAt": operator.clock.stamp()}}}
    operator.set_pod_status("receipt-1", {"phase": "Running", "containerStatuses": [running, ended("proxy", 1)]})
    operator.wait(30)
    assert (operator.status().phase, operator.names("pods")) == (Phase.RUNNING, ["receipt-1"])
    operator.set_pod_status(
        "receipt-1", {"phase": "Failed", "containerStatuses": [ended("task", 3), ended("proxy", 1)]}
    )
    operator.wait(1)
    assert operator.status().attempts[0].exit_code == 3


GATED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "SchedulingGated",
    "message": "non-empty scheduling gates",
}


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_pod_that_was_deleted_before_it_had_a_node_holds_nothing_up(cancelled: bool) -> None:
    """gitpod#7836: a finalizer, whose controller is away, kept pods that were never scheduled. No node is asked whether
    they have stopped."""
    operator = make_operator()
    start(operator)
    operator.set_pod_status("receipt-1", {"phase": "Pending", "conditions": [GATED]})
    operator.wait(1)
    if cancelled:
        operator.server.update(TASK_PLURAL, "receipt", {"spec": {"cancel": True}})
        operator.relist()
        operator.drain()
    else:
        operator.server.delete("pods", "receipt-1")
    operator.relist()
    operator.wait(5)
    operator.wait(5)
    assert "deletionTimestamp" in operator.server.get("pods", "receipt-1")["metadata"]
    status = operator.status()
    assert status.attempts[0].reason == ("CancelRequested" if cancelled else "PodDeleted")
    assert (status.phase is Phase.CANCELLED, operator.names("pods")[1:]) == (
        cancelled,
        [] if cancelled else ["receipt-2"],
    )
    assert operator.server.get("jobs", "receipt-1")["status"]["failed"] == 1


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_job_that_nobody_can_finish_holds_nothing_up(attempts: int, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody has written its status: the API server never takes another startTime. Its task was neither tried again
    nor deleted, ever."""
    operator = make_operator()
    operator.put_queue()
    backoff = Backoff(initial_seconds=0)
    operator.put_task(make_task(policy=Policy(max_attempts=attempts, backoff=backoff, ttl_seconds_after_finished=60)))
    operator.drain()

    def judge(request: str) -> None:
        if request.startswith("patch jobs"):
            causes = [{"field": "status.startTime", "reason": "FieldValueInvalid"}]
            raise ApiError(422, {"reason": "Invalid", "details": {"causes": causes}})

    operator.api.before_request = judge
    for number in range(1, attempts + 1):
        operator.set_pod_status(f"receipt-{number}", {"phase": "Failed", "containerStatuses": [ended("task", 3)]})
        operator.wait(5)
    assert (operator.status().phase, len(operator.status().attempts)) == (Phase.FAILED, attempts)
    assert operator.api.requests.count("patch jobs receipt-1") == 1
    assert "receipt-1 cannot be finished, and is left alone: 422 Invalid: status.startTime" in caplog.text
    operator.wait(70)
    assert (TASK_PLURAL, "receipt") not in operator.server.objects


def test_standby_pods_that_a_webhook_takes_the_labels_of_do_not_grow_in_number() -> None:
    """No watch delivers them: each would stay, and be made again."""
    operator = mutated(pods=LABELS)
    operator.put_queue(standby={"min": 2})
    for _ in range(30):
        operator.wait(60)
        operator.relist()
    pods = operator.server.list("pods")
    assert 0 < len(pods) < 20, "made later each time"
    assert all("deletionTimestamp" in body["metadata"] for body in pods)
    _, standby = operator.queue_status().conditions
    assert (standby.status, standby.reason) == ("False", "Failing")
    assert "a webhook or a policy" in standby.message


@pytest.mark.parametrize("started", [False, True])
def test_a_404_of_who_knows_no_objects_loses_none(started: bool) -> None:
    """Of a proxy, or of an API server that does not serve a kind yet. The task was forgotten, and stayed so when it was
    there again; an attempt would have been called lost, and run a second time."""
    operator = make_operator()
    operator.put_queue()

    def judge(request: str) -> None:
        if request.startswith("get "):
            raise ApiError(404, {"message": "404 page not found"})

    if started:
        running(operator)
        # Out of the sight of the watch, so it is read.
        operator.server.update("pods", "receipt-1", LABELS)
        operator.api.before_request = judge
        operator.relist()
    else:
        operator.api.before_request = judge
        operator.put_task(make_task())
    operator.wait(60)
    operator.api.before_request = lambda _: None
    operator.relist()
    operator.wait(60)
    assert (operator.names("pods"), operator.status().interruptions) == (["receipt-1"], 0)


DENIED = [
    ApiError(
        422, {"message": "is forbidden: ValidatingAdmissionPolicy 'freeze' with binding 'all' denied request: no"}
    ),
    ApiError(400, {"message": 'admission webhook "freeze" denied the request: no'}),
    ApiError(403, {"message": 'User "operator" cannot patch resource "djangotasks/status" in API group ""'}),
]


def deny_statuses(operator: InMemoryOperator, error: ApiError) -> None:
    def judge(request: str) -> None:
        if request == f"patch {TASK_PLURAL} receipt":
            raise error

    operator.api.before_request = judge


def running(operator: InMemoryOperator, **policy: Any) -> AttemptRef:
    operator.put_queue()
    operator.put_task(make_task(policy=Policy(**policy)))
    operator.drain()
    state = {"running": {"startedAt": operator.clock.stamp()}}
    operator.set_pod_status("receipt-1", {"phase": "Running", "containerStatuses": [{"name": "task", "state": state}]})
    attempt = AttemptRef(Key(NAMESPACE, "receipt"), operator.server.get(TASK_PLURAL, "receipt")["metadata"]["uid"], 1)
    run(operator.recorder.write_start(attempt, operator.clock.now))
    operator.drain()
    return attempt


@pytest.mark.parametrize("error", DENIED, ids=repr)
def test_who_denies_statuses_for_a_minute_costs_no_attempt(error: ApiError) -> None:
    """What has ended leaves its outcome in its pod, which must be there when the status may be written again."""
    operator = make_operator()
    attempt = running(operator)
    deny_statuses(operator, error)
    now = operator.clock.now.isoformat()
    outcome = Outcome(started_at=now, finished_at=now, result="1")
    with pytest.raises(ApiError):
        run(operator.recorder.outcome(attempt, outcome))
    message = outcome.to_termination_message(sign(KEY, NAMESPACE, attempt.uid, 1))
    state = {"terminated": {"exitCode": 0, "message": message}}
    # The phase of a pod follows a moment after the end of its container.
    operator.set_pod_status("receipt-1", {"phase": "Running", "containerStatuses": [{"name": "task", "state": state}]})
    operator.wait(60)
    assert "deletionTimestamp" not in operator.server.get("pods", "receipt-1")["metadata"]
    operator.api.before_request = lambda _: None
    operator.wait(60)
    status = operator.status()
    assert (status.phase, status.result, len(status.attempts)) == (Phase.SUCCEEDED, "1", 1)


@pytest.mark.parametrize("error", DENIED, ids=repr)
def test_heartbeats_that_nobody_may_write_are_not_missed(error: ApiError) -> None:
    operator = make_operator()
    attempt = running(operator, heartbeat_timeout_seconds=30)
    report = ProgressReport(started_at=operator.clock.now.isoformat())
    deny_statuses(operator, error)
    for _ in range(10):
        operator.wait(10)
        with pytest.raises(ApiError):
            run(operator.recorder.write_progress(attempt, report))
    operator.api.before_request = lambda _: None
    operator.wait(20)
    assert operator.status().attempts[0].reason is None
    run(operator.recorder.write_progress(attempt, report))
    operator.wait(20)
    assert (operator.status().phase, operator.status().attempts[0].reason) == (Phase.RUNNING, None)
    operator.wait(15)
    assert operator.status().attempts[0].reason == Reason.HEARTBEAT_TIMEOUT, "what is written again is missed again"
