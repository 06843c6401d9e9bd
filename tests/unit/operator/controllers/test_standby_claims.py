"""Which attempts get a standby pod, what its Job and Pod say then, and what a pod is answered that asks."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.assignment import Assignment
from djangotasks_api.models import Overrides, Policy, Resources
from djangotasks_api.names import TASK_PLURAL
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.waiting_standbys import Gone
from djangotasks_operator.pods.parsing import parse_pod
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.scheduling.standby_pool import Arrivals
from tests.support.builders import NAMESPACE, make_task
from tests.unit.operator.controllers.many_tasks import fail
from tests.unit.operator.harness import InMemoryOperator
from tests.unit.operator.model.calls import Running, run
from tests.unit.operator.standby_stage import ask, idle, make_warm, waiting


def enqueue(operator: InMemoryOperator, **spec: Any) -> None:
    operator.put_task(make_task(**spec))
    operator.drain()


def missed(operator: InMemoryOperator) -> bool:
    return "receipt-1" in operator.names("pods")


def test_the_pod_becomes_the_jobs() -> None:
    operator = make_warm()
    enqueue(operator)
    (name, assignment), job = waiting(operator).delivered[0], operator.server.get("jobs", "receipt-1")
    metadata = operator.server.get("pods", name)["metadata"]
    assert job["metadata"]["annotations"] == {"djangotasks.dev/pod": name}
    assert [(o["kind"], o["name"], o["uid"]) for o in metadata["ownerReferences"]] == [
        ("Job", "receipt-1", job["metadata"]["uid"])
    ]
    labels = metadata["labels"]
    assert job["spec"]["template"]["metadata"]["labels"].items() <= labels.items(), "kubectl logs job/… goes by them"
    assert "djangotasks.dev/standby" in labels, "NetworkPolicies go by it, and would cut what is open"
    assert "cluster-autoscaler.kubernetes.io/safe-to-evict" not in metadata["annotations"]
    assert (assignment.worker_id, assignment.id, assignment.attempt) == (name, "receipt", 1)
    assert not missed(operator)


def test_a_template_says_whether_its_pods_may_be_evicted() -> None:
    operator = make_warm()
    key = "cluster-autoscaler.kubernetes.io/safe-to-evict"
    template = {
        "metadata": {"annotations": {key: "false"}},
        "spec": {"containers": [{"name": "task", "image": "shop:1"}]},
    }
    operator.put_queue(standby={"min": 1}, template=template)
    operator.wait(1)
    ask(operator)
    assert [
        body["metadata"]["annotations"][key] for body in idle(operator) if not body["metadata"].get("deletionTimestamp")
    ] == ["true"]
    enqueue(operator)
    name, _ = waiting(operator).delivered[0]
    assert operator.server.get("pods", name)["metadata"]["annotations"][key] == "false"


MISSES: dict[str, dict[str, Any]] = {
    "its own memory": {"overrides": Overrides(resources=Resources(limits={"memory": "1Gi"}))},
    "its own grace period": {"policy": Policy(grace_period_seconds=5)},
}


@pytest.mark.parametrize("spec", MISSES.values(), ids=MISSES)
def test_a_task_with_wishes_gets_a_pod_of_its_own(spec: dict[str, Any]) -> None:
    operator = make_warm()
    operator.put_queue(standby={"min": 2}, allowed_overrides=["resources"])
    enqueue(operator, **spec)
    assert missed(operator)
    assert len(idle(operator)) == 2


def test_a_pod_that_does_not_ask_is_not_given_a_task() -> None:
    operator = make_warm()
    waiting(operator).asking.clear()
    enqueue(operator)
    assert missed(operator)


def test_no_pod_of_an_old_image_is_given_a_task() -> None:
    operator = make_warm()
    template = {"spec": {"containers": [{"name": "task", "image": "shop:2"}]}}
    # Before the pool knows: the start compares by itself.
    operator.server.update("djangotaskqueues", "default", {"spec": {"template": template}})
    run(operator.reflectors.list())
    operator.put_task(make_task())
    operator.reconcile()
    operator.reconcile()
    assert missed(operator)


def test_a_policy_that_refuses_the_patch_costs_the_pod_and_not_the_task() -> None:
    operator = make_warm()
    fail(operator, "patch pods", ApiError(403, {"message": "denied the request: owners may not change"}))
    enqueue(operator)
    assert missed(operator)
    pods = operator.server.list("pods")
    assert sum("deletionTimestamp" in pod["metadata"] for pod in pods) == 1
    operator.wait(10)
    condition = next(c for c in operator.queue_status().conditions if c.type == "StandbyReady")
    assert (condition.status, condition.reason) == ("False", "ClaimRefused")
    assert "owners may not change" in condition.message


def test_the_attempt_names_the_pod() -> None:
    operator = make_warm()
    enqueue(operator)
    name, _ = waiting(operator).delivered[0]
    operator.set_pod_status(name, {"phase": "Succeeded"})
    operator.drain()
    operator.wait(60)
    assert (operator.status().attempts[0].job, operator.status().attempts[0].pod) == ("receipt-1", name)


def test_the_attempt_names_a_pod_that_was_gone_before_anything_was_written() -> None:
    operator = make_warm()
    enqueue(operator)
    name, _ = waiting(operator).delivered[0]
    operator.server.update(TASK_PLURAL, "receipt", {"spec": {"cancel": True}})
    operator.server.remove("pods", name)
    operator.relist()
    operator.drain()
    assert [attempt.pod for attempt in operator.status().attempts] == [name]


# What is counted


def counted(operator: InMemoryOperator) -> dict[str, float]:
    """The starts of the queue by what became of them."""
    samples = next(iter(operator.metrics.standby_claims.collect())).samples
    return {
        sample.labels["result"]: sample.value
        for sample in samples
        if sample.labels["queue"] == "default" and sample.name.endswith("_total")
    }


def difference(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    return {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}


@pytest.mark.parametrize("request_", ["create jobs", "create pods", "get djangotasks"])
def test_a_start_that_is_tried_again_counts_once(request_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arrivals: list[float] = []
    monkeypatch.setattr(Arrivals, "note", lambda _, now: arrivals.append(now))
    operator = make_warm(standby={"min": 0, "max": 1})
    before, failures = counted(operator), iter(range(3))

    def fails(request: str) -> None:
        if request.startswith(request_) and "receipt" in request and next(failures, None) is not None:
            raise ApiError(503, {"message": "away"})

    operator.api.before_request = fails
    enqueue(operator)
    for _ in range(5):
        operator.wait(10)
    assert missed(operator)
    assert (len(arrivals), difference(counted(operator), before)) == (1, {"empty": 1})


def test_a_claim_whose_answer_is_lost_is_a_hit() -> None:
    operator = make_warm()
    before = counted(operator)
    operator.put_task(make_task())
    operator.reconcile()
    start = Running("start", operator.term.tasks.reconcile(Key(NAMESPACE, "receipt")))
    while not any(request.startswith("patch pods") for request in operator.api.requests):
        start.step()
    # The server has it.
    assert start.step(TimeoutError())
    for _ in range(5):
        operator.wait(10)
    assert not missed(operator)
    assert difference(counted(operator), before) == {"hit": 1}


# What a pod is answered


def test_a_pod_that_asks_again_gets_the_same() -> None:
    operator = make_warm()
    enqueue(operator)
    name, assignment = waiting(operator).delivered[0]
    ask(operator)
    assert waiting(operator).delivered == [(name, assignment)] * 2


def begun(operator: InMemoryOperator) -> None:
    operator.server.update(
        "djangotasks",
        "receipt",
        {"status": {"phase": "Running", "attempts": [
            {"number": 1, "job": "receipt-1", "pod": "x", "startedAt": operator.clock.stamp()}]}},
    )  # fmt: skip


def cancelled(operator: InMemoryOperator) -> None:
    operator.server.update("djangotasks", "receipt", {"spec": {"cancel": True}})


def task_deleted(operator: InMemoryOperator) -> None:
    operator.server.remove("djangotasks", "receipt")


def pod_deleted(operator: InMemoryOperator) -> None:
    operator.server.delete("pods", waiting(operator).delivered[0][0])


@pytest.mark.parametrize("what", [begun, cancelled, task_deleted, pod_deleted], ids=lambda what: what.__name__)
def test_an_attempt_that_is_over_or_has_begun_is_delivered_to_nobody(what: Any) -> None:
    operator = make_warm()
    enqueue(operator)
    name, _ = waiting(operator).delivered[0]
    what(operator)
    operator.relist()
    uid = operator.server.get("djangotaskqueues", "default")["metadata"]["uid"]
    with pytest.raises(Gone):
        run(operator.term.claims.task_of(Key(NAMESPACE, name), uid))


def test_an_idle_pod_is_answered_nothing_yet_and_others_are_sent_away() -> None:
    operator = make_warm()
    name = idle(operator)[0]["metadata"]["name"]
    uid = operator.server.get("djangotaskqueues", "default")["metadata"]["uid"]
    assert run(operator.term.claims.task_of(Key(NAMESPACE, name), uid)) is None
    for pod, queue in ((name, "another-queue"), ("default-0000000000", uid)):
        with pytest.raises(Gone):
            run(operator.term.claims.task_of(Key(NAMESPACE, pod), queue))


def test_a_task_without_an_own_pod_is_no_standby() -> None:
    operator = make_warm()
    waiting(operator).asking.clear()
    enqueue(operator)
    uid = operator.server.get("djangotaskqueues", "default")["metadata"]["uid"]
    with pytest.raises(Gone):
        run(operator.term.claims.task_of(Key(NAMESPACE, "receipt-1"), uid))


def claimed(operator: InMemoryOperator) -> Key:
    """An attempt claims a pod, and the answer is lost."""
    enqueue(operator)
    return Key(NAMESPACE, waiting(operator).delivered.pop()[0])


def of_queue(operator: InMemoryOperator, pod: Key) -> Assignment | None:
    """What the pod is answered."""
    queue = operator.server.get("djangotaskqueues", "default")["metadata"]["uid"]
    return run(operator.term.claims.task_of(pod, queue))


def test_a_leader_that_has_not_seen_the_job_yet_reads_it() -> None:
    first = make_warm()
    second = make_warm(first.api)
    pod = claimed(first)
    found = parse_pod(first.server.get("pods", pod.name))
    assert found is not None
    second.store.put_pod(found)
    assignment = of_queue(second, pod)
    assert assignment is not None
    assert assignment.id == "receipt"


def test_a_pod_that_could_not_ask_for_long_gets_its_task() -> None:
    """After some time without a report the attempt counts as begun, lest it has no timeout."""
    operator = make_warm()
    pod = claimed(operator)
    state = {"running": {"startedAt": operator.clock.stamp()}}
    operator.set_pod_status(pod.name, {"phase": "Running", "containerStatuses": [{"name": "task", "state": state}]})
    for _ in range(20):
        operator.wait(10)
    assert operator.status().reason == "NoReport"
    assert operator.status().attempts[0].started_at is not None
    assert of_queue(operator, pod) is not None


def test_a_node_whose_clock_is_ahead_begins_no_attempt() -> None:
    operator = make_warm()
    pod = claimed(operator)
    state = {"running": {"startedAt": operator.clock.beside(3600).stamp()}}
    operator.set_pod_status(pod.name, {"phase": "Running", "containerStatuses": [{"name": "task", "state": state}]})
    operator.wait(1)
    assert of_queue(operator, pod) is not None
