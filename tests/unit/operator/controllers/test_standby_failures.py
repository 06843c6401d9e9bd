"""Pods of a pool that fail, or are too many: how soon they are made again, and what is remembered of them."""

from __future__ import annotations

import pytest

from djangotasks_api.names import STANDBY_LABEL
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers.work_queues import STANDBY_DEBOUNCE_SECONDS
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import NAMESPACE, make_task
from tests.unit.operator.controllers.many_tasks import fail
from tests.unit.operator.controllers.test_standby_controller import TEMPLATE, end
from tests.unit.operator.harness import InMemoryOperator
from tests.unit.operator.standby_stage import ask, condition, idle, live, make_warm, waiting

pytestmark = pytest.mark.thorough


def made_within(operator: InMemoryOperator, seconds: int) -> int:
    """How many pods are made."""
    before, made = set(operator.names("pods")), set[str]()
    for _ in range(seconds):
        operator.wait(1)
        made |= set(operator.names("pods")) - before
    return len(made)


def gone(operator: InMemoryOperator) -> None:
    """Somebody deletes all pods, at once."""
    for name in operator.names("pods"):
        operator.server.remove("pods", name)
    operator.relist()


def test_those_that_are_deleted_before_they_wait_are_made_later_each_time() -> None:
    operator = make_warm(standby={"min": 1, "max": 1})
    gone(operator)
    made = 0
    for _ in range(60):
        made += made_within(operator, 1)
        gone(operator)
    assert made < 10
    found = condition(operator)
    assert found is not None
    assert found.reason == "Failing"


def test_those_that_nobody_takes_for_standby_pods_have_an_end() -> None:
    """A policy of the cluster takes their label away."""
    operator = make_warm(standby={"min": 1, "max": 1})
    gone(operator)

    def unlabelled() -> None:
        for body in idle(operator):
            operator.server.update("pods", body["metadata"]["name"], {"metadata": {"labels": {STANDBY_LABEL: None}}})
        operator.relist()

    made = 0
    for _ in range(60):
        made += made_within(operator, 1)
        unlabelled()
    assert made < 10


def test_a_request_without_an_answer_leaves_nothing() -> None:
    operator = make_warm(standby={"min": 1, "max": 1})
    gone(operator)
    fail(operator, "create pods", ApiError(503, {"message": "the server is away"}))
    for _ in range(30):
        operator.wait(10)
    assert operator.term.claims._pools.of(Key(NAMESPACE, "default")).created_at == {}
    assert live(operator) == []


def test_many_that_fail_at_once_fail_once() -> None:
    """Such as of a database that was away while they were set up."""
    operator = make_warm(standby={"min": 10, "max": 10})
    for _ in range(10):
        operator.wait(1)
    for name in live(operator):
        end(operator, name, 1)
    assert made_within(operator, 20) >= 10


def test_a_deploy_is_tried_at_once() -> None:
    operator = make_warm(standby={"min": 1, "max": 1})
    for _ in range(8):
        while not live(operator):
            operator.wait(10)
        end(operator, live(operator)[0], 1)
    operator.put_queue(standby={"min": 1, "max": 1}, template=TEMPLATE)
    operator.wait(1)
    assert len(live(operator)) == 1


def test_a_module_that_ends_its_pod_is_imported_no_more() -> None:
    operator = make_warm(standby={"min": 1, "max": 1})
    operator.put_task(make_task())
    operator.drain()
    operator.wait(1)
    end(operator, live(operator)[0], 139, "Segmentation fault")
    operator.wait(5)
    (pod,) = (pod for pod in idle(operator) if pod["metadata"]["name"] in live(operator))
    assert "shop.tasks" not in str(pod["spec"])


def test_a_policy_that_refuses_claims_is_named_while_others_start() -> None:
    operator = make_warm(standby={"min": 2})
    operator.put_queue(standby={"min": 3})
    operator.wait(1)
    fail(operator, "patch pods", ApiError(403, {"message": "denied by policy"}))
    operator.put_task(make_task())
    operator.drain()
    ask(operator)
    assert made_within(operator, 200) == 0
    found = condition(operator)
    assert found is not None
    assert found.reason == "ClaimRefused"


def test_a_lower_max_holds_at_once() -> None:
    operator = make_warm(standby={"min": 6, "max": 6})
    for _ in range(10):
        operator.wait(1)
    ask(operator)
    assert len(live(operator)) == 6
    operator.put_queue(standby={"min": 1, "max": 2})
    operator.wait(1)
    assert len(live(operator)) == 2


def runs(operator: InMemoryOperator, name: str) -> None:
    state = {"running": {"startedAt": operator.clock.stamp()}}
    operator.set_pod_status(name, {"phase": "Running", "containerStatuses": [{"name": "task", "state": state}]})


def test_a_module_that_hangs_is_imported_no_more() -> None:
    """Its pod runs, and would never be ready, nor any after it. See https://github.com/xiaods/k8e/pull/610."""
    operator = make_warm(standby={"min": 1, "max": 1})
    operator.put_task(make_task())
    operator.drain()
    operator.wait(1)
    (hangs,) = live(operator)
    runs(operator, hangs)
    for _ in range(28):
        operator.wait(10)
    assert live(operator) == [hangs]
    for _ in range(4):
        operator.wait(10)
    (name,) = live(operator)
    assert name != hangs
    (pod,) = (pod for pod in idle(operator) if pod["metadata"]["name"] == name)
    assert "shop.tasks" not in str(pod["spec"])
    found = condition(operator)
    assert found is not None
    assert found.reason == "Failing"
    assert "hang" in found.message
    runs(operator, name)
    ask(operator)
    for _ in range(60):
        operator.wait(10)
    assert live(operator) == [name], "it waits"
    found = condition(operator)
    assert found is not None
    assert found.status == "True"


def test_pods_that_run_and_never_ask_are_named() -> None:
    """A NetworkPolicy keeps them from the operator's pods."""
    operator = make_warm(standby={"min": 1, "max": 1})
    (name,) = live(operator)
    waiting(operator).asking.clear()
    runs(operator, name)
    for _ in range(14):
        operator.wait(10)
    found = condition(operator)
    assert found is not None
    assert (found.status, found.reason) == ("False", "Starting")
    assert "NetworkPolicy" in found.message
    ask(operator)
    operator.wait(STANDBY_DEBOUNCE_SECONDS)
    found = condition(operator)
    assert found is not None
    assert found.status == "True"


def test_a_quota_that_has_room_for_some_keeps_those() -> None:
    operator = make_warm(standby={"min": 2})
    operator.server.quotas = {"pods": 3}
    operator.put_queue(standby={"min": 5})
    operator.wait(1)
    kept = live(operator)
    assert len(kept) == 3
    for _ in range(60):
        operator.wait(10)
        ask(operator)
    assert live(operator) == kept
    found = condition(operator)
    assert found is not None
    assert found.reason == "QuotaExceeded"


@pytest.mark.parametrize("name", ["a.b", "a" * 64])
def test_a_queue_that_no_task_can_name_has_none(name: str) -> None:
    operator = make_warm()
    operator.put_queue(name, standby={"min": 2})
    operator.wait(5)
    assert not [pod for pod in operator.names("pods") if pod.startswith("a")]


def test_none_gets_too_old_where_a_quota_has_no_room_for_another() -> None:
    operator = make_warm(standby={"min": 2, "max_age_seconds": 600})
    operator.server.quotas = {"pods": 2}
    before = set(live(operator))
    for _ in range(200):
        operator.wait(10)
        for pod in idle(operator):
            if "deletionTimestamp" in pod["metadata"]:
                operator.server.remove("pods", pod["metadata"]["name"])
        ask(operator)
    assert not before & set(live(operator))
    assert len(live(operator)) == 2
