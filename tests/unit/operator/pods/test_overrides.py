"""What a task, and its queue, change of the pod template."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import TaskSpec
from djangotasks_operator.pods.overrides import apply
from djangotasks_operator.scheduling.limits import resolve
from tests.support.builders import make_queue


def applied(spec: dict[str, Any], overrides: dict[str, Any] | None = None, **queue: Any) -> dict[str, Any]:
    """The spec of the template then."""
    task = TaskSpec.model_validate({"task": "a.b", "overrides": overrides})
    template = {"spec": {"containers": [{"name": "proxy"}, {"name": "task"}], **spec}}
    made = make_queue(**queue)
    apply(task, made, resolve(task.policy, made), template, "task")
    return template["spec"]


@pytest.mark.parametrize(
    ("spec", "queue", "expected"),
    [
        ({}, {}, {}),
        ({"priority": 7}, {}, {"priority": 7}),
        ({"priority": 7, "priorityClassName": "low"}, {"priority_class_name": "high"}, {"priorityClassName": "high"}),
        ({"preemptionPolicy": "Never"}, {"priority_class_name": "high"}, {"priorityClassName": "high"}),
        ({"preemptionPolicy": "Never"}, {}, {"preemptionPolicy": "Never"}),
        ({"terminationGracePeriodSeconds": 5}, {"policy": {"gracePeriodSeconds": 90}}, {"terminationGracePeriodSeconds": 90}),
        ({"terminationGracePeriodSeconds": 5}, {}, {"terminationGracePeriodSeconds": 5}),
    ],
)  # fmt: skip
def test_what_the_queue_says_replaces_what_the_template_says(
    spec: dict[str, Any], queue: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = applied(spec, **queue)
    assert {key: value for key, value in found.items() if key != "containers"} == expected


@pytest.mark.parametrize(
    ("spec", "selector", "expected"),
    [
        ({}, {"gpu": "yes"}, {"gpu": "yes"}),
        ({"nodeSelector": None}, {"gpu": "yes"}, {"gpu": "yes"}),
        ({"nodeSelector": {"gpu": "no", "zone": "a"}}, {"gpu": "yes"}, {"gpu": "yes", "zone": "a"}),
    ],
)
def test_a_tasks_labels_of_nodes_are_added(spec: dict[str, Any], selector: dict[str, str], expected: Any) -> None:
    assert applied(spec, {"nodeSelector": selector})["nodeSelector"] == expected


def test_a_tasks_resources_are_those_of_its_container_alone() -> None:
    containers = [
        {"name": "proxy"},
        {"name": "task", "resources": {"requests": {"cpu": "1"}, "limits": None, "claims": [{"name": "gpu"}]}},
    ]
    found = applied(
        {"containers": containers}, {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "4Gi"}}}
    )
    proxy, task = found["containers"]
    assert "resources" not in proxy
    assert task["resources"] == {
        "requests": {"cpu": "1", "memory": "2Gi"},
        "limits": {"memory": "4Gi"},
        "claims": [{"name": "gpu"}],
    }
