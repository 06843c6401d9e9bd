"""The leader dies, or is held up and replaced, at every request of a claim: an attempt has one pod, a pod one attempt.

Each case stops the first leader at one point, with what may have become of the chosen pod meanwhile. A second one takes
over, and brings the task on its way; then the first goes on where it was, where it was only held up. It has no fence
here: that its lease is over, it may find out too late.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from djangotasks_api.names import STANDBY_LABEL
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.pods.views import Body
from tests.support.builders import NAMESPACE, make_task
from tests.unit.operator.harness import InMemoryOperator
from tests.unit.operator.model.calls import Running
from tests.unit.operator.standby_stage import ask, idle, make_warm, waiting

pytestmark = pytest.mark.thorough

# Each request stops before the server has it, and after: read the task, create the Job, patch the Pod.
STOPS = 6


def nothing(operator: InMemoryOperator) -> None:
    """Nobody touches the pods."""


def deleted(operator: InMemoryOperator) -> None:
    """Somebody deletes the pods that wait."""
    for body in idle(operator):
        operator.server.delete("pods", body["metadata"]["name"])


def gone(operator: InMemoryOperator) -> None:
    """Their node is gone, and they with it."""
    for body in idle(operator):
        operator.server.remove("pods", body["metadata"]["name"])


def redeployed(operator: InMemoryOperator) -> None:
    """Another image is deployed."""
    operator.put_queue(standby={"min": 2}, template={"spec": {"containers": [{"name": "task", "image": "shop:2"}]}})


def taken(operator: InMemoryOperator) -> None:
    """Another attempt has taken them."""
    for body in idle(operator):
        owner = {"kind": "Job", "name": "other-1", "uid": "other", "controller": True}
        operator.server.update("pods", body["metadata"]["name"], {"metadata": {"ownerReferences": [owner]}})


MEANWHILE: tuple[Callable[[InMemoryOperator], None], ...] = (nothing, deleted, gone, redeployed, taken)


def attempts_pods(operator: InMemoryOperator) -> list[Body]:
    """Those that the Job of the attempt owns."""
    job = operator.server.get("jobs", "receipt-1")["metadata"]["uid"]
    pods: list[Body] = operator.server.list("pods")
    return [pod for pod in pods if any(owner["uid"] == job for owner in pod["metadata"]["ownerReferences"])]


def runs(*operators: InMemoryOperator) -> set[str]:
    """The pods that run the attempt: a pod of its own, and those that it was delivered to."""
    delivered = {pod for operator in operators for pod, _ in waiting(operator).delivered}
    cold = {pod["metadata"]["name"] for pod in attempts_pods(operators[0])
            if STANDBY_LABEL not in pod["metadata"]["labels"]}  # fmt: skip
    return delivered | cold


def started(operator: InMemoryOperator) -> Running:
    """The reconcile that starts the attempt."""
    operator.put_task(make_task())
    operator.reconcile()
    return Running("start", operator.term.tasks.reconcile(Key(NAMESPACE, "receipt")))


def test_a_claim_is_three_requests() -> None:
    operator = make_warm()
    operator.api.requests.clear()
    start, stops = started(operator), 0
    operator.api.requests.clear()
    while not start.step():
        stops += 1
    chosen = waiting(operator).delivered[0][0]
    assert operator.api.requests == ["get djangotasks receipt", "create jobs receipt-1", f"patch pods {chosen}"]
    assert stops == STOPS


@pytest.mark.parametrize("meanwhile", MEANWHILE, ids=lambda check: check.__name__)
@pytest.mark.parametrize("held_up", [False, True], ids=["killed", "held up"])
@pytest.mark.parametrize("stop", range(1, STOPS + 1))
def test_an_attempt_has_one_pod(stop: int, held_up: bool, meanwhile: Callable[[InMemoryOperator], None]) -> None:
    first = make_warm()
    start = started(first)
    for _ in range(stop):
        assert not start.step()
    if not held_up:
        start.coroutine.close()
    meanwhile(first)
    second = make_warm(first.api)
    second.wait(1)
    ask(second)
    if held_up:
        while not start.step():
            pass
        first.drain()
        # A request that came too late may have left a pod to each: those that ask, ask the new leader.
        second.relist()
        ask(second)
        second.drain()
    ask(second)
    assert len(runs(first, second)) == 1, runs(first, second)
    assert first.names("jobs") == ["receipt-1"]
    live = [pod["metadata"]["name"] for pod in attempts_pods(first) if "deletionTimestamp" not in pod["metadata"]]
    assert set(live) == runs(first, second)
    assert {assignment.attempt for _, assignment in waiting(second).delivered} <= {1}


def test_two_attempts_never_have_one_pod() -> None:
    """A former leader, held up, has named the pod that the new one gives to another task."""
    first = make_warm(standby={"min": 1, "max": 1})
    start = started(first)
    for _ in range(3):
        # The Job is not there yet.
        assert not start.step()
    second = make_warm(first.api)
    second.put_task(make_task("urgent", uid="another"))
    second.drain()
    while not start.step():
        pass
    owners = [owner["name"] for pod in first.server.list("pods") for owner in pod["metadata"]["ownerReferences"]]
    assert sorted(name for name in owners if name != "default") == ["receipt-1", "urgent-1"]
