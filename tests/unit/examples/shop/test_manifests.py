"""The manifests: pods that the restricted Pod Security Standard admits, and no right too many."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from shop import settings

from djangotasks_api.models import DjangoTaskQueue
from tools.cluster.images import ROOT

FOLDER = ROOT / "examples" / "shop" / "k8s"
OBJECTS: list[dict[str, Any]] = [
    document
    for name in yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    for document in yaml.safe_load_all((FOLDER / name).read_text())
]


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [found for found in OBJECTS if found["kind"] == kind]


def pod_specs(value: Any) -> Iterator[dict[str, Any]]:
    """Every pod spec, at whatever depth its kind has it."""
    if isinstance(value, dict):
        if "containers" in value:
            yield value
        for inner in value.values():
            yield from pod_specs(inner)


PODS = [pytest.param(spec, id=f"{o['kind']}-{o['metadata']['name']}") for o in OBJECTS for spec in pod_specs(o)]


@pytest.mark.parametrize("pod", PODS)
def test_pods_are_restricted_and_limited(pod: dict[str, Any]) -> None:
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    for container in pod["containers"]:
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert container["imagePullPolicy"] == "IfNotPresent"
        assert container["resources"]["limits"]["memory"]


def test_all_pods_are_seen() -> None:
    assert len(PODS) == len(of_kind("Deployment")) + len(of_kind("CronJob")) + 1  # and the template of `reports`


def test_the_web_app_may_use_tasks_and_nothing_else() -> None:
    assert rules("web") == [
        {
            "apiGroups": ["djangotasks.dev"],
            "resources": ["djangotasks", "djangotaskworkflows"],
            "verbs": ["create", "get", "list", "watch", "patch"],
        }
    ]
    assert not of_kind("ClusterRole")
    (binding,) = (one for one in of_kind("RoleBinding") if {"kind": "ServiceAccount", "name": "web"} in one["subjects"])
    assert binding["roleRef"]["name"] == "web"


def rules(role: str) -> list[dict[str, Any]]:
    (found,) = (one for one in of_kind("Role") if one["metadata"]["name"] == role)
    rules: list[dict[str, Any]] = found["rules"]
    return rules


def test_each_queue_of_the_settings_is_a_valid_queue_of_the_cluster() -> None:
    queues = [DjangoTaskQueue.model_validate(queue) for queue in of_kind("DjangoTaskQueue")]
    assert sorted(queue.metadata.name for queue in queues) == sorted(settings.TASKS["default"]["QUEUES"])
    deployments = {deployment["metadata"]["name"] for deployment in of_kind("Deployment")}
    assert {q.spec.pod_template_from.deployment for q in queues if q.spec.pod_template_from} <= deployments
