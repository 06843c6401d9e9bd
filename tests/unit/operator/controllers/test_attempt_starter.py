"""An attempt starts with a Job and a Pod, or its start says why not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from djangotasks_api.assignment import ASSIGNMENT_VARIABLE, INPUTS_ENCODING
from djangotasks_api.bounds import PAYLOAD_MAX_BYTES
from djangotasks_api.models import Input, Policy
from djangotasks_api.names import TASK_PLURAL
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers.start_results import Blocked, Stale, Started, StartResult
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import NAMESPACE, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.model.calls import run

KEY = Key(NAMESPACE, "receipt")


def ready(**spec: Any) -> InMemoryOperator:
    """An operator with a queue, and a task that is ready to start."""
    operator = make_operator()
    operator.put_queue(**spec)
    operator.put_task(make_task())
    return operator


def start(operator: InMemoryOperator) -> StartResult:
    snapshot = operator.store.snapshot(KEY)
    assert snapshot is not None
    return run(operator.term.starter.start(snapshot, 1))


def test_a_start_creates_the_job_and_its_pod() -> None:
    operator = ready()
    assert start(operator) == Started()
    assert (operator.names("jobs"), operator.names("pods")) == (["receipt-1"], ["receipt-1"])


def test_a_second_start_takes_what_exists() -> None:
    operator = ready()
    start(operator)
    operator.api.requests.clear()
    assert start(operator) == Started()
    assert operator.api.requests[-2:] == ["create pods receipt-1", "get pods receipt-1"]


def test_a_job_that_has_lost_its_owner_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """By a policy that strips ownerReferences. Nothing else tells that it stays when its task goes."""
    operator = ready()
    start(operator)
    assert not caplog.records
    operator.server.update("jobs", "receipt-1", {"metadata": {"ownerReferences": []}})
    operator.server.remove("pods", "receipt-1")
    assert start(operator) == Started()
    assert "left behind when its task is deleted" in caplog.text


def test_a_task_that_has_changed_is_not_started() -> None:
    operator = ready()
    operator.server.update(TASK_PLURAL, "receipt", {"spec": {"cancel": True}})
    assert start(operator) == Stale()
    assert operator.names("jobs") == []


def test_a_job_of_another_task_blocks_the_start() -> None:
    operator = ready()
    operator.server.create("jobs", {"metadata": {"name": "receipt-1"}, "spec": {"template": {}}})
    result = start(operator)
    assert isinstance(result, Blocked)
    assert result.reason is Reason.JOB_NAME_TAKEN


def test_a_missing_deployment_blocks_the_start() -> None:
    operator = ready(template=None, pod_template_from={"deployment": "web"})
    assert start(operator) == Blocked(
        Reason.DEPLOYMENT_NOT_FOUND, "The queue follows the Deployment 'web', and there is none in 'shop'."
    )


def test_a_template_without_containers_blocks_the_start() -> None:
    operator = ready(template={"spec": {}})
    assert start(operator) == Blocked(
        Reason.INVALID_TEMPLATE, "The queue 'default': the pod template has no spec.containers."
    )


@pytest.mark.parametrize(
    ("refusal", "phase", "reason"),
    [
        ("exceeded quota: narrow", Phase.QUEUED, Reason.QUOTA_EXCEEDED),
        ("violates PodSecurity", Phase.QUEUED, Reason.POD_REFUSED),
    ],
    ids=["quota", "policy"],
)
def test_a_refused_pod_shows_in_the_status(refusal: str, phase: Phase, reason: Reason) -> None:
    operator = ready()
    operator.server.refusal = refusal
    operator.drain()
    status = operator.status()
    assert (status.phase, status.reason, status.message) == (phase, reason, refusal)


def test_a_payload_that_no_pod_can_take_fails_the_task() -> None:
    operator = make_operator()
    operator.put_queue()
    operator.put_task(make_task(payload="x" * PAYLOAD_MAX_BYTES))
    body = operator.server.get(TASK_PLURAL, "receipt")
    operator.server.update(TASK_PLURAL, "receipt", {"spec": {"payload": body["spec"]["payload"] + "x"}})
    operator.relist()
    operator.drain()
    assert (operator.status().phase, operator.status().reason) == (Phase.FAILED, Reason.INVALID_PAYLOAD)


INPUTS = (Input(into="/args/0", step="extract"),)


def test_a_pod_knows_that_its_payload_lacks_inputs() -> None:
    operator = make_operator()
    operator.put_queue()
    operator.put_task(make_task(inputs=INPUTS))
    operator.drain()
    (pod,) = operator.server.list("pods")
    (container,) = pod["spec"]["containers"]
    variables = {each["name"]: each.get("value", "") for each in container["env"]}
    assert json.loads(variables[ASSIGNMENT_VARIABLE])["payload_encoding"] == INPUTS_ENCODING


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"payloadEncoding": "zlib+base64"},
        {"payloadRef": {"storage": "tasks", "name": "djangotasks/shop/receipt.x", "size": 1, "sha256": "0" * 64}},
    ],
)
def test_inputs_of_a_payload_that_is_elsewhere_fail_the_task(elsewhere: dict[str, Any]) -> None:
    """They would be left out."""
    operator = make_operator()
    operator.put_queue()
    operator.put_task(make_task(inputs=INPUTS))
    operator.server.update(TASK_PLURAL, "receipt", {"spec": elsewhere})
    operator.relist()
    operator.drain()
    assert (operator.status().phase, operator.status().reason) == (Phase.FAILED, Reason.INVALID_PAYLOAD)


def test_a_burst_reads_its_deployment_once() -> None:
    operator = make_operator()
    operator.put_queue(template=None, pod_template_from={"deployment": "web"})
    pod_spec = {"containers": [{"name": "web", "image": "shop:1"}]}
    operator.server.create("deployments", {"metadata": {"name": "web"}, "spec": {"template": {"spec": pod_spec}}})
    operator.drain()
    operator.api.requests.clear()
    operator.clock.advance(10)
    for name in "abc":
        operator.put_task(make_task(name))
    operator.drain()
    assert operator.names("pods") == ["a-1", "b-1", "c-1"]
    assert operator.api.requests.count("get deployments web") == 1


def refuse_tasks(operator: InMemoryOperator, error: ApiError) -> None:
    """Refuse the Jobs of tasks, and not that of a dry run."""

    def judge(request: str) -> None:
        if request.startswith("create jobs receipt"):
            raise error

    operator.api.before_request = judge


TOO_MUCH = ApiError(422, {"message": "requests: Invalid value: must be less than or equal to memory limit of 2Gi"})


def test_a_wish_that_no_pod_can_have_fails_that_task_alone() -> None:
    operator = make_operator()
    operator.put_queue(allowed_overrides=["resources"])
    refuse_tasks(operator, TOO_MUCH)
    operator.put_task(make_task(overrides={"resources": {"requests": {"memory": "4Gi"}}}))
    operator.put_task(make_task("other", uid="other"))
    operator.drain()
    assert (operator.status().phase, operator.status().reason) == (Phase.FAILED, Reason.INVALID_SPEC)
    assert "memory limit of 2Gi" in (operator.status().message or "")
    assert operator.names("pods") == ["other-1"]
    assert operator.queue_status().conditions[0].status == "True"


NO_RIGHT = (
    'jobs.batch is forbidden: User "system:serviceaccount:tasks:operator" cannot create resource "jobs" in API group'
)
MENDED = [
    (403, 'jobs "receipt-1" is forbidden: violates PodSecurity "restricted:latest"', 1),
    (422, "jobs is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no", 1),
    (403, NO_RIGHT, 3),
]


@pytest.mark.parametrize(("status", "message", "times"), MENDED)
def test_what_is_mended_before_the_dry_run_fails_no_task(status: int, message: str, times: int) -> None:
    """A task with overrides was failed for good by a policy, or a Role that was not there, which was mended in the very
    moment between its refusal and the dry run."""
    operator = make_operator()
    operator.put_queue(allowed_overrides=["resources"])
    operator.drain()
    left = times

    def judge(request: str) -> None:
        nonlocal left
        if request.startswith("create jobs receipt") and left:
            left -= 1
            raise ApiError(status, {"message": message})

    operator.api.before_request = judge
    operator.put_task(make_task(overrides={"resources": {"requests": {"memory": "4Gi"}}}))
    operator.drain()
    for _ in range(2 * (times - 1)):
        operator.wait(60)
    assert operator.names("pods") == ["receipt-1"]


def test_a_task_that_alone_is_refused_fails_after_its_start_timeout() -> None:
    """A policy may know what is wrong with it, or be wrong itself for a while."""
    operator = make_operator()
    operator.put_queue()
    refuse_tasks(operator, ApiError(403, {"message": "denied"}))
    operator.put_task(make_task(policy=Policy(start_timeout_seconds=100)))
    operator.drain()
    for _ in range(3):
        operator.wait(30)
        assert (operator.status().phase, operator.status().reason) == (Phase.QUEUED, Reason.POD_REFUSED)
    operator.wait(70)
    assert (operator.status().phase, operator.status().reason) == (Phase.FAILED, Reason.POD_REFUSED)


DOWN = 'Internal error occurred: failed calling webhook "validate.kyverno.svc-fail": no endpoints available'


def test_a_webhook_that_is_down_shows_and_costs_no_task() -> None:
    """apache/airflow#57054, kubernetes#78796: tasks failed, or waited without a word. And it may be back for the dry
    run, which says nothing of the task then."""
    operator = make_operator()
    operator.put_queue(allowed_overrides=["resources"])
    refuse_tasks(operator, ApiError(500, {"message": DOWN}))
    operator.put_task(make_task(overrides={"resources": {"requests": {"memory": "4Gi"}}}))
    for _ in range(4):
        operator.wait(150)
        status = operator.status()
        assert (status.phase, status.reason, status.message) == (Phase.QUEUED, Reason.POD_REFUSED, DOWN)
    operator.api.before_request = lambda _: None
    operator.wait(60)
    assert operator.names("pods") == ["receipt-1"]


@pytest.mark.thorough
def test_a_policy_that_is_wrong_for_a_minute_costs_no_task() -> None:
    operator = make_operator()
    operator.put_queue()
    for number in range(20):
        operator.put_task(make_task(f"t{number:02}", uid=f"u{number}"))
    operator.server.refusal = 'violates PodSecurity "restricted:latest"'
    operator.drain()
    for _ in range(30):
        operator.wait(20)
    (ready,) = operator.queue_status().conditions
    assert (ready.status, ready.reason) == ("False", "PodRefused")
    operator.server.refusal = None
    operator.wait(60)
    assert len(operator.names("pods")) == 20, "all of them start when it is repaired"
