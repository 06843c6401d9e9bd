"""The pool of a queue: filled, replaced, emptied, and what its condition says when it cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_operator.controllers.work_queues import STANDBY_DEBOUNCE_SECONDS
from tests.support.builders import make_task
from tests.unit.operator.harness import InMemoryOperator
from tests.unit.operator.standby_stage import ask, condition, idle, live, make_warm, waiting

TEMPLATE: dict[str, Any] = {"spec": {"containers": [{"name": "task", "image": "shop:2"}]}}


def end(operator: InMemoryOperator, name: str, code: int, message: str = "") -> None:
    """The pod ends while it waits."""
    state = {"terminated": {"exitCode": code, "message": message, "reason": "Error"}}
    operator.set_pod_status(name, {"phase": "Failed", "containerStatuses": [{"name": "task", "state": state}]})
    operator.wait(STANDBY_DEBOUNCE_SECONDS)


def test_there_are_as_many_as_the_least() -> None:
    operator = make_warm(standby={"min": 3})
    assert len(live(operator)) == 3
    found = condition(operator)
    assert found is not None
    assert (found.status, found.reason) == ("True", "Ready")
    status = operator.queue_status().standby
    assert status is not None
    assert (status.ready, status.starting) == (3, 0)


def test_another_is_made_at_once_when_a_task_takes_one() -> None:
    operator = make_warm()
    operator.wait(60)
    before = set(live(operator))
    operator.put_task(make_task())
    operator.drain()
    assert len(waiting(operator).delivered) == 1
    assert len(live(operator)) == len(before)
    assert set(live(operator)) != before


def test_a_queue_without_them_has_none_and_says_nothing() -> None:
    operator = make_warm()
    operator.put_queue()
    operator.server.update("djangotaskqueues", "default", {"spec": {"standby": None}})
    operator.relist()
    operator.wait(5)
    assert live(operator) == []
    assert condition(operator) is None
    assert operator.queue_status().standby is None


def test_one_that_is_claimed_is_replaced_when_the_task_is_on_its_way() -> None:
    operator = make_warm(standby={"min": 1, "max": 1})
    operator.put_task(make_task())
    operator.drain()
    operator.wait(1)
    assert len(live(operator)) == 1
    assert len(waiting(operator).delivered) == 1


def test_a_deploy_replaces_all() -> None:
    operator = make_warm()
    before = set(live(operator))
    operator.put_queue(standby={"min": 2}, template=TEMPLATE)
    operator.wait(1)
    assert len(live(operator)) == 2
    assert not before & set(live(operator))


def test_what_no_pod_is_made_of_replaces_none() -> None:
    operator = make_warm()
    before = live(operator)
    operator.put_queue(standby={"min": 2, "max": 20}, concurrency=50, weight=3)
    operator.wait(1)
    assert live(operator) == before


def test_an_old_one_goes_when_another_is_ready() -> None:
    operator = make_warm(standby={"min": 1, "max": 1, "max_age_seconds": 60})
    (old,) = live(operator)
    operator.wait(70)
    assert old in live(operator)
    assert len(live(operator)) == 2
    ask(operator)
    operator.wait(6)
    assert old not in live(operator)
    assert len(live(operator)) == 1


FIELD = {"fieldRef": {"fieldPath": "metadata.labels['djangotasks.dev/task']"}}
TASK_ID = {"name": "task", "image": "shop:1", "env": [{"name": "TASK_ID", "valueFrom": FIELD}]}
QUEUES: dict[str, tuple[dict[str, Any], str]] = {
    "suspended": ({"suspended": True}, "Suspended"),
    "Kueue": ({"template": TEMPLATE | {"metadata": {"labels": {"kueue.x-k8s.io/queue-name": "q"}}}}, "NotAllowed"),
    "a label of the task": ({"template": {"spec": {"containers": [TASK_ID]}}}, "NotAllowed"),
}


@pytest.mark.parametrize(("spec", "reason"), QUEUES.values(), ids=QUEUES)
def test_there_are_none(spec: dict[str, Any], reason: str) -> None:
    operator = make_warm()
    operator.put_queue(standby={"min": 2}, **spec)
    operator.wait(1)
    assert live(operator) == []
    found = condition(operator)
    assert found is not None
    assert (found.status, found.reason) == ("False", reason)


@pytest.mark.parametrize("broken", [{"containers": "x"}, {"containers": [{"image": "shop:1"}], "volumes": {}}])
def test_a_broken_template_says_so_and_keeps_what_is_there(broken: dict[str, Any]) -> None:
    operator = make_warm()
    operator.put_queue(standby={"min": 2}, template={"spec": broken})
    operator.wait(1)
    assert len(live(operator)) == 2
    found = condition(operator)
    assert found is not None
    assert found.reason == "InvalidTemplate"


BROKEN = {"spec": {"containers": "x"}}


@pytest.mark.parametrize("spec", [{"standby": {"min": 2}, "suspended": True}, {"standby": None}])
def test_there_are_none_whatever_the_template_is(spec: dict[str, Any]) -> None:
    operator = make_warm()
    operator.server.update("djangotaskqueues", "default", {"spec": spec | {"template": BROKEN}})
    operator.relist()
    operator.wait(5)
    assert live(operator) == []


def test_a_queue_that_is_being_deleted_has_none() -> None:
    """A finalizer may keep it for long."""
    operator = make_warm()
    operator.server.update("djangotaskqueues", "default", {"metadata": {"deletionTimestamp": operator.clock.stamp()}})
    operator.relist()
    operator.wait(5)
    assert live(operator) == []


def test_what_was_wrong_is_over_when_all_wait() -> None:
    operator = make_warm()
    template = operator.server.get("djangotaskqueues", "default")["spec"]["template"]
    following = {"template": None, "podTemplateFrom": {"deployment": "web"}}
    operator.server.update("djangotaskqueues", "default", {"spec": following})
    operator.relist()
    operator.wait(5)
    found = condition(operator)
    assert found is not None
    assert found.reason == "DeploymentNotFound"
    own = {"template": template, "podTemplateFrom": None}
    operator.server.update("djangotaskqueues", "default", {"spec": own})
    operator.relist()
    operator.wait(5)
    found = condition(operator)
    assert found is not None
    assert found.reason == "Ready"


def test_those_that_fail_are_made_again_later_each_time() -> None:
    operator = make_warm(standby={"min": 1, "max": 1})
    made: list[float] = []
    for _ in range(6):
        (name,) = live(operator)
        end(operator, name, 1, "ImproperlyConfigured")
        began = operator.clock.seconds()
        while not live(operator):
            operator.wait(0.5)
        made.append(operator.clock.seconds() - began)
    assert made == sorted(made)
    assert made[-1] >= 32
    found = condition(operator)
    assert found is not None
    assert (found.status, found.reason) == ("False", "Failing")
    assert "ImproperlyConfigured" in found.message
    ask(operator)
    found = condition(operator)
    assert found is not None
    assert found.status == "True"


def test_an_image_that_knows_none_is_named() -> None:
    operator = make_warm(standby={"min": 1, "max": 1})
    end(operator, live(operator)[0], 2)
    found = condition(operator)
    assert found is not None
    assert found.reason == "Unsupported"


def test_a_queue_that_is_gone_is_forgotten() -> None:
    operator = make_warm()
    operator.server.remove("djangotaskqueues", "default")
    operator.server.collect()
    operator.relist()
    operator.wait(10)
    assert live(operator) == []


def test_new_ones_import_what_the_queue_ran_last() -> None:
    operator = make_warm(standby={"min": 1, "max": 1})
    operator.put_task(make_task())
    operator.drain()
    operator.wait(1)
    variables = {one["name"]: one["value"] for one in idle(operator)[0]["spec"]["containers"][0]["env"]}
    assert '"preload":["shop.tasks"]' in variables["DJANGOTASKS_STANDBY"]


def test_no_more_are_made_than_can_be_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("djangotasks_operator.cache.standby_pods.HELD_OF_NAMESPACE", 3)
    operator = make_warm(standby={"min": 5})
    operator.wait(10)
    assert len(live(operator)) == 3
    found = condition(operator)
    assert found is not None
    assert found.reason == "TooMany"
    monkeypatch.undo()
    operator.wait(10)
    ask(operator)
    assert len(live(operator)) == 5
    found = condition(operator)
    assert found is not None
    assert found.reason == "Ready"
