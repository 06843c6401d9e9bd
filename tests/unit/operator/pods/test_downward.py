"""What the environment takes from labels that do not come along."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_operator.pods.downward import label_of_task
from tests.unit.operator.pods.test_follow import follow


def env(path: str) -> dict[str, Any]:
    return {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.labels['app']", "web"),
        # A webhook may set it, and the operator its own.
        ("metadata.labels['none']", None),
        ("metadata.annotations['k8s.v1.cni.cncf.io/network-status']", None),
        ("metadata.labels['djangotasks.dev/queue']", None),
        ("metadata.annotations['prometheus.io/path']", "/$$(A)"),
        ("metadata.labels['team']", None),
        ("metadata.annotations['kept']", None),
        ("metadata.name", None),
        ("status.podIP", None),
    ],
)
def test_the_environment_says_of_labels_what_the_web_app_reads(path: str, value: str | None) -> None:
    """By its value, where the task's pod has no such label or annotation."""
    containers = [{"name": name, "image": "shop", "env": [env(path)]} for name in ("web", "proxy")]
    annotations = {"prometheus.io/path": "/$(A)", "kept": "1"}
    made = follow({"containers": containers}, annotations, copyLabels=["team"])
    expected = env(path) if value is None else {"name": "A", "value": value}
    assert [container["env"] for container in made.manifest["spec"]["containers"]] == [[expected], [expected]]


def test_a_variable_of_the_label_of_a_replica_set_is_said_to_be_empty() -> None:
    variables = [env("metadata.labels['app']"), env("metadata.labels['pod-template-hash']")]
    made = follow({"containers": [{"name": "web", "image": "shop", "env": variables}]})
    assert made.notes == ("Empty in tasks: spec.containers[0].env (A), as their pods have no label pod-template-hash.",)


def file(path: str) -> dict[str, Any]:
    return {"items": [{"path": "f", "fieldRef": {"fieldPath": path}}]}


TASK = "metadata.labels['djangotasks.dev/task']"
JOB = "metadata.labels['batch.kubernetes.io/job-name']"


@pytest.mark.parametrize(
    ("spec", "label"),
    [
        ({"containers": [{"name": "web", "env": [env(TASK)]}]}, "djangotasks.dev/task"),
        ({"containers": [{"name": "web"}], "initContainers": [{"env": [env(JOB)]}]}, "batch.kubernetes.io/job-name"),
        ({"volumes": [{"name": "v", "downwardAPI": file(TASK)}]}, "djangotasks.dev/task"),
        ({"volumes": [{"name": "v", "projected": {"sources": [{"downwardAPI": file(TASK)}]}}]}, "djangotasks.dev/task"),
        ({"containers": [{"env": [env("metadata.labels['djangotasks.dev/queue']"), env("metadata.name")]}]}, None),
        ({"containers": [{"env": [env("metadata.annotations['djangotasks.dev/task']"), {"name": "B"}]}]}, None),
        ({}, None),
    ],
)
def test_which_label_of_its_task_a_pod_reads_when_it_starts(spec: dict[str, Any], label: str | None) -> None:
    assert label_of_task(spec) == label
