"""The charts, rendered by helm, and the settings with which all tests of them render."""

from __future__ import annotations

import functools
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.providers import programs
from tests.cluster.providers.progress import Progress
from tests.cluster.providers.settings import state_folder

CHARTS = Path(__file__).parents[2] / "charts"
OPERATOR, WEB_APP = CHARTS / "djangotasks", CHARTS / "djangotasks-web-app"
Values = dict[str, Any]
Manifest = dict[str, Any]

PEER = {"namespaceSelector": {"matchLabels": {"team": "observers"}}}
# Values with which everything there is gets rendered, and each choice both ways.
VARIANTS: list[tuple[Path, str, Values]] = [
    (OPERATOR, "defaults", {}),
    (OPERATOR, "some namespaces", {"watchNamespaces": ["shop", "bank"]}),
    (OPERATOR, "one replica", {"replicas": 1}),
    (OPERATOR, "own key, no policy", {"key": {"existingSecret": "mine"}, "networkPolicy": {"enabled": False}}),
    (OPERATOR, "nobody reads metrics", {"networkPolicy": {"metricsFrom": []}}),
    (
        OPERATOR,
        "all that can be said",
        {
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
    (WEB_APP, "defaults", {}),
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


def template(chart: Path, values: Values | None = None, *options: str) -> subprocess.CompletedProcess[str]:
    """`helm template` of a release called tasks, in the namespace operators."""
    command = [helm_program(), "template", "tasks", chart, "--namespace", "operators", "--values", "-", *options]
    return subprocess.run(
        [str(word) for word in command], input=json.dumps(values or {}), capture_output=True, text=True, check=False
    )


def render(chart: Path, values: Values | None = None, *options: str) -> list[Manifest]:
    done = template(chart, values, *options)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def one(manifests: list[Manifest], kind: str) -> Manifest:
    (found,) = of_kind(manifests, kind)
    return found


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]
