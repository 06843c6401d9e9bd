"""What is there of an attempt: its Job and its Pod, which others may edit."""

from __future__ import annotations

from typing import Any

from djangotasks_api.names import ATTEMPT_LABEL, QUEUE_LABEL, STANDBY_LABEL, TASK_LABEL, TASK_UID_LABEL

JOB: dict[str, Any] = {
    "metadata": {
        "name": "receipt-1",
        "labels": {TASK_LABEL: "receipt", TASK_UID_LABEL: "u", ATTEMPT_LABEL: "1"},
        "annotations": {"djangotasks.dev/created-at": "x", "djangotasks.dev/heartbeat-timeout": "5"},
        "ownerReferences": [{"kind": "DjangoTask", "name": "receipt", "uid": "u", "controller": True}],
        "deletionTimestamp": "2026-11-23T12:00:00Z",
    },
    "spec": {"template": {"metadata": {"labels": {}}}},
    "status": {"conditions": [{"type": "Complete", "status": "True"}]},
}
POD: dict[str, Any] = {
    **JOB,
    "spec": {"containers": [{"name": "task", "image": "a", "resources": {"limits": {"memory": "1Mi"}}}]},
    "status": {
        "phase": "Running",
        "reason": "Evicted",
        "startTime": "2026-11-23T12:00:00Z",
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-23T12:00:00Z"}],
        "containerStatuses": [
            {"name": "task", "state": {"running": {"startedAt": "2026-11-23T12:00:00Z"}}},
            {
                "name": "x",
                "state": {"terminated": {"exitCode": 1, "message": "{}", "finishedAt": "2026-11-23T12:00:00Z"}},
            },
        ],
        "initContainerStatuses": [{"name": "i", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
    },
}
STANDBY: dict[str, Any] = {
    **POD,
    "metadata": {
        "name": "default-0a",
        "labels": {STANDBY_LABEL: "hash", QUEUE_LABEL: "default"},
        "annotations": {"kubectl.kubernetes.io/default-container": "task"},
        "ownerReferences": [{"kind": "DjangoTaskQueue", "name": "default", "uid": "q", "controller": True}],
    },
}
