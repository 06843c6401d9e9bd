"""What a queue refuses, and what it changes in the pod template."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from djangotasks_api.models import Ceilings, Overrides, Policy, Resources
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.decide.actions import AwaitAdmission, WriteStatus
from djangotasks_operator.decide.checks import decide
from djangotasks_operator.pods.overrides import apply
from djangotasks_operator.scheduling.limits import resolve
from djangotasks_operator.scheduling.validation import quantity, refusal
from tests.support.builders import NOW, make_queue, make_snapshot, make_task

BIG = Overrides(resources=Resources(requests={"cpu": "500m"}, limits={"memory": "4Gi"}))
SSD = Overrides(node_selector={"disk": "ssd"})
BOTH = ["resources", "nodeSelector"]


@pytest.mark.parametrize(
    ("queue", "task", "words"),
    [
        ({}, {}, None),
        ({}, {"overrides": BIG}, "does not let tasks set their resources. Have its spec.allowedOverrides name it"),
        ({"allowed_overrides": ["resources"]}, {"overrides": BIG}, None),
        ({"allowed_overrides": ["resources"]}, {"overrides": SSD}, "does not let tasks set their nodeSelector"),
        ({"allowed_overrides": BOTH}, {"overrides": SSD}, None),
        ({"ceilings": Ceilings(timeout_seconds=600)}, {"policy": Policy(timeout_seconds=600)}, None),
        ({"ceilings": Ceilings(timeout_seconds=600)}, {"policy": Policy(timeout_seconds=601)},
         "The queue 'default' allows timeoutSeconds of at most 600; the task asks for 601."),
        ({"ceilings": Ceilings(max_attempts=3)}, {"policy": Policy(max_attempts=4)}, "allows maxAttempts of at most 3"),
        ({"ceilings": Ceilings(heartbeat_timeout_seconds=60)}, {"policy": Policy(heartbeat_timeout_seconds=61)},
         "heartbeatTimeoutSeconds of at most 60; the task asks for 61"),
        ({"ceilings": Ceilings(heartbeat_timeout_seconds=60)}, {}, None),
        ({"ceilings": Ceilings(grace_period_seconds=0)}, {"policy": Policy(grace_period_seconds=1)}, "gracePeriodSeconds"),
        ({"ceilings": Ceilings(start_timeout_seconds=9)}, {"policy": Policy(start_timeout_seconds=10)}, "startTimeout"),
        ({"ceilings": Ceilings(ttl_seconds_after_finished=0)}, {"policy": Policy(ttl_seconds_after_finished=1)}, "ttl"),
        ({"ceilings": Ceilings(priority=0)}, {"priority": 1}, "a priority of at most 0; the task asks for 1"),
        ({"ceilings": Ceilings(priority=0)}, {"priority": 0}, None),
        ({"ceilings": Ceilings(resources={"memory": "4Gi"}), "allowed_overrides": BOTH}, {"overrides": BIG}, None),
        ({"ceilings": Ceilings(resources={"memory": "4095Mi"}), "allowed_overrides": BOTH}, {"overrides": BIG},
         "allows limits of memory of at most 4095Mi; the task asks for 4Gi"),
        ({"ceilings": Ceilings(resources={"cpu": "0.4"}), "allowed_overrides": BOTH}, {"overrides": BIG}, "requests of cpu"),
    ],
)  # fmt: skip
def test_refusals(queue: dict[str, Any], task: dict[str, Any], words: str | None) -> None:
    found = refusal(made := make_task(**task), of := make_queue(**queue))
    assert found is None if words is None else found and words in found
    decision = decide(make_snapshot(made, queue=of), NOW)
    if words is None:
        assert decision == AwaitAdmission()
    else:
        assert isinstance(decision, WriteStatus)
        assert (decision.status.phase, decision.status.reason) == (Phase.FAILED, Reason.NOT_ALLOWED)


@pytest.mark.parametrize(
    ("resource", "amount", "refused"),
    [
        ("memory", "0", True),
        ("memory", "0.0", True),
        ("memory", "0Gi", True),
        ("cpu", "0e5", True),
        ("cpu", "0m", True),
        ("ephemeral-storage", "0", True),
        ("cpu", "1m", False),
        # Of what a node has a number of, 0 is none.
        ("nvidia.com/gpu", "0", False),
        # Without a ceiling there is nothing to get around.
        ("hugepages-2Mi", "0", False),
    ],
)
def test_a_limit_of_zero_which_is_none_is_no_way_around_a_ceiling(resource: str, amount: str, refused: bool) -> None:
    """With a request of 0 beside it, the API server takes it, and the kubelet limits nothing."""
    most = {"memory": "4Gi", "cpu": "2", "ephemeral-storage": "1Gi", "nvidia.com/gpu": "1"}
    queue = make_queue(ceilings=Ceilings(resources=most), allowed_overrides=["resources"])
    resources = Resources(requests={resource: amount}, limits={resource: amount})
    found = refusal(make_task(overrides=Overrides(resources=resources)), queue)
    if refused:
        assert found == (
            f"The queue 'default' allows limits of {resource} of at most {most[resource]}; the task asks for {amount}, "
            "which is no limit."
        )
    else:
        assert found is None


def test_the_ceiling_is_the_timeout_of_what_has_none() -> None:
    queue = make_queue(ceilings=Ceilings(timeout_seconds=600))
    for policy, seconds in ((None, 600), (Policy(timeout_seconds=5), 5)):
        timeout = resolve(policy, queue).timeout
        assert timeout is not None
        assert timeout.total_seconds() == seconds


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", "1"), ("0.5", "0.5"), ("500m", "0.5"), ("1k", "1000"), ("2Ki", "2048"), ("1Gi", "1073741824"), ("3E", "3e18"),
     ("1e3", "1000"), ("2E2", "200")],
)  # fmt: skip
def test_quantities(text: str, number: str) -> None:
    assert quantity(text) == Decimal(number)


def test_the_template_is_changed_where_the_task_says_so() -> None:
    resources = {"requests": {"cpu": "1", "memory": "1Gi"}, "claims": []}
    other: dict[str, Any] = {"name": "sidecar"}
    spec: dict[str, Any] = {"containers": [other, {"name": "task", "resources": resources}], "nodeSelector": {"a": "b"}}
    task = make_task(overrides=Overrides(resources=BIG.resources, node_selector={"disk": "ssd"}))
    queue = make_queue(priority_class_name="batch")
    apply(task.spec, queue, resolve(Policy(grace_period_seconds=0), queue), {"spec": spec}, "task")
    assert spec["containers"] == [
        {"name": "sidecar"},
        {"name": "task", "resources": {
            "requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "4Gi"}, "claims": []}},
    ]  # fmt: skip
    assert (spec["nodeSelector"], spec["priorityClassName"]) == ({"a": "b", "disk": "ssd"}, "batch")
    assert spec["terminationGracePeriodSeconds"] == 0
    plain: dict[str, Any] = {"containers": [{"name": "task"}]}
    apply(make_task().spec, make_queue(), resolve(None, None), {"spec": plain}, "task")
    assert plain == {"containers": [{"name": "task"}]}
