"""The charts, rendered by helm, and the settings with which all tests of them render."""

from __future__ import annotations

import functools
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from tools.cluster import programs
from tools.cluster.progress import Progress
from tools.cluster.settings import state_folder

CHARTS = Path(__file__).parents[2] / "charts"
OPERATOR, WEB_APP = CHARTS / "djangotasks", CHARTS / "djangotasks-web-app"
Values = dict[str, Any]
Manifest = dict[str, Any]

PEER = {"namespaceSelector": {"matchLabels": {"team": "observers"}}}
# Values with which everything there is gets rendered, and each choice both ways.
VARIANTS: list[tuple[Path, str, Values]] = [
    (OPERATOR, "all namespaces", {"watchAllNamespaces": True}),
    (OPERATOR, "some namespaces", {"watchNamespaces": ["shop", "bank"]}),
    (OPERATOR, "one replica", {"replicas": 1}),
    (OPERATOR, "own key, no policy", {"key": {"existingSecret": "mine"}, "networkPolicy": {"enabled": False}}),
    (OPERATOR, "nobody reads metrics", {"networkPolicy": {"metricsFrom": []}}),
    (
        OPERATOR,
        "all that can be said",
        {
            "watchNamespaces": ["shop"],
            "host": "fd00::1",
            "service": {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4"]},
            "aggregatedRoles": {"enabled": False},
            "admissionPolicy": {"enabled": False},
            "replicas": 3,
            "image": {"repository": "registry.example.com/op", "tag": "1", "digest": "sha256:" + "0" * 64},
            "imagePullSecrets": [{"name": "pull"}],
            "crds": {"keep": False},
            "logFormat": "json",
            "verbose": True,
            "networkPolicy": {"metricsFrom": [PEER]},
            "metrics": {
                "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
                "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
                "dashboard": {"enabled": True},
            },
            "serviceAccountAnnotations": {"a": "1"},
            "podAnnotations": {"a": "1"},
            "podLabels": {"team": "shop"},
            "priorityClassName": "system-cluster-critical",
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {}}
            ],
        },
    ),
    (WEB_APP, "one account", {"serviceAccounts": ["web"]}),
    (
        WEB_APP,
        "all that can be said",
        {
            "serviceAccounts": ["web", "cron"],
            "queues": {
                "default": {"podTemplateFrom": {"deployment": "web"}},
                "reports": {
                    "template": {"spec": {"containers": [{"name": "task", "image": "shop:1"}]}},
                    "container": "task",
                    "command": ["python", "-m", "django_tasks_kubernetes.runner"],
                    "concurrency": 10,
                    "policy": {"maxAttempts": 3, "backoff": {"initialSeconds": 2}, "timeoutSeconds": 60},
                },
            },
            "admin": {
                "queues": True,
                "holds": True,
                "schedules": True,
                "delete": True,
                "logs": True,
                "serviceAccounts": ["backoffice"],
            },
            "networkPolicy": {"enabled": True, "egress": [{"to": [PEER], "ports": [{"port": 5432}]}]},
            "app": {
                "image": "registry.example.com/shop:1",
                "imagePullPolicy": "IfNotPresent",
                "imagePullSecrets": [{"name": "pull"}],
                "command": ["python", "-m", "django"],
                "settingsModule": "shop.settings",
                "env": [{"name": "DATABASE_HOST", "value": "postgres"}],
                "envFrom": [{"secretRef": {"name": "shop"}}],
                "serviceAccount": "cron",
                "volumes": [{"name": "ca", "configMap": {"name": "ca"}}],
                "volumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
                "podSecurityContext": {"runAsUser": 1000},
                "podAnnotations": {"a": "1"},
                "podLabels": {"team": "shop"},
                "priorityClassName": "system-cluster-critical",
                "nodeSelector": {"disk": "ssd"},
                "tolerations": [{"operator": "Exists"}],
                "affinity": {"nodeAffinity": {}},
            },
            "relay": {"enabled": True, "replicas": 2, "args": ["--interval", "1"]},
            "watcher": {"enabled": True, "resources": {"limits": {"memory": "1Gi"}}},
        },
    ),
]


@functools.cache
def helm_program() -> Path:
    return programs.find("helm", state_folder(), Progress())


def completed(chart: Path, values: Values | None = None) -> Values:
    """The values, with those that the chart asks for."""
    values = values or {}
    if chart.name == WEB_APP.name:
        return {"serviceAccounts": ["web"]} | values
    return values if values.get("watchNamespaces") else {"watchAllNamespaces": True} | values


def helm(
    command: str, chart: Path, values: Values, *options: str, release: str = "tasks"
) -> subprocess.CompletedProcess[str]:
    """A command about a release in the namespace operators, with these values and no others."""
    words = [helm_program(), command, release, chart, "--namespace", "operators", "--values", "-", *options]
    return subprocess.run(
        [str(word) for word in words], input=json.dumps(values), capture_output=True, text=True, check=False
    )


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that a mapping has twice, as Flux and kustomize do. Helm does not."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise ConstructorError(None, None, f"more than once: {twice}", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def render(chart: Path, values: Values | None = None, *options: str, release: str = "tasks") -> list[Manifest]:
    """What `helm template` makes of the completed values."""
    done = helm("template", chart, completed(chart, values), *options, release=release)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.load_all(done.stdout, StrictLoader) if document]


def notes(chart: Path, values: Values | None = None) -> str:
    """What `helm install` says at its end."""
    done = helm("install", chart, completed(chart, values), "--dry-run=client")
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("\nNOTES:\n")[2]


def one(manifests: list[Manifest], kind: str) -> Manifest:
    (found,) = of_kind(manifests, kind)
    return found


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]
