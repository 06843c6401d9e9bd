"""What an administrator of a namespace writes: queues, and the Deployments that they follow."""

from __future__ import annotations

from typing import Any

from djangotasks_api.names import API_VERSION
from tests.unit.operator.hostile.tasks import TASK

POD_TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}, "annotations": {"a": "b"}},
    "spec": {
        "containers": [
            {
                "name": "web",
                "image": "shop:1",
                "env": [{"name": "A", "value": "b"}],
                "envFrom": [{"secretRef": {"name": "s"}}],
                "ports": [{"containerPort": 80}],
                "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}},
                "securityContext": {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}},
                "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                "lifecycle": {"preStop": {"exec": {"command": ["x"]}}},
                "livenessProbe": {"httpGet": {"port": 80}},
            },
            {"name": "proxy", "image": "p", "ports": [{"hostPort": 80}]},
        ],
        "initContainers": [{"name": "migrate", "image": "shop:1", "restartPolicy": "Always"}],
        "volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}],
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "k"}]}},
        "topologySpreadConstraints": [{"maxSkew": 1, "labelSelector": {"matchLabels": {"app": "web"}}}],
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "k"}],
        "securityContext": {"runAsNonRoot": False},
        "serviceAccountName": "web",
        "automountServiceAccountToken": True,
        "hostNetwork": True,
    },
}
QUEUE: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "metadata": {"name": "default", "labels": {"a": "b"}, "annotations": {"a": "b"}, "managedFields": [{}]},
    "spec": {
        "template": POD_TEMPLATE,
        "container": "web",
        "command": ["python", "-m", "django_tasks_kubernetes.runner"],
        "securityDefaults": "Restricted",
        "concurrency": 5,
        "standby": {"min": 1, "max": 5, "idleSeconds": 60, "maxAgeSeconds": 600, "preload": ["shop.tasks"]},
        "policy": TASK["spec"]["policy"],
        "ceilings": {
            "priority": 1,
            "resources": {"cpu": "1"},
            "maxAttempts": 3,
            "timeoutSeconds": 60,
            "heartbeatTimeoutSeconds": 60,
            "gracePeriodSeconds": 5,
            "startTimeoutSeconds": 60,
            "ttlSecondsAfterFinished": 60,
        },
        "allowedOverrides": ["resources", "nodeSelector"],
        "suspended": False,
        "rateLimit": {"starts": 1, "periodSeconds": 60},
        "weight": 1,
        "ageingSeconds": 600,
        "priorityClassName": "high",
        "keepLog": "Always",
        "taskAccess": "Own",
        "returnedWorkflows": "Allowed",
        "podTtlSecondsAfterFinished": 60,
        "successfulTasksHistoryLimit": 1,
        "failedTasksHistoryLimit": 1,
    },
}
HOLD: dict[str, Any] = {
    "metadata": {"name": "default", "labels": {"a": "b"}, "annotations": {"a": "b"}, "finalizers": ["evil.example/x"]},
    "spec": {"concurrency": 0, "until": "2026-11-23T12:00:00Z", "by": "jane", "reason": "prices are wrong"},
}
FOLLOWING: dict[str, Any] = {
    "deployment": "web",
    "metadata": {"labels": {"team": "a"}, "annotations": {"a": "b"}},
    "copyLabels": ["app"],
    "sidecars": ["proxy"],
    "initContainers": ["migrate"],
    "automountServiceAccountToken": True,
}
# During a rollout, whose ReplicaSets are read.
DEPLOYMENT: dict[str, Any] = {
    "metadata": {"name": "web", "generation": 2, "annotations": {"deployment.kubernetes.io/revision": "2"}},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": POD_TEMPLATE},
    "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "readyReplicas": 1},
}
REPLICA_SET: dict[str, Any] = {
    "metadata": {
        "name": "web-1",
        "labels": {"app": "web"},
        "annotations": {"deployment.kubernetes.io/revision": "1"},
        "ownerReferences": [{"kind": "Deployment", "name": "web", "uid": "u", "controller": True}],
    },
    "spec": {"replicas": 1, "template": POD_TEMPLATE},
    "status": {"replicas": 1, "readyReplicas": 1},
}
