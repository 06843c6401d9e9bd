"""What a web app writes: tasks, schedules, workflows, and the reports of its pods."""

from __future__ import annotations

from typing import Any

from djangotasks_api.names import API_VERSION, REQUEST_ANNOTATION, TASK_KIND

TASK: dict[str, Any] = {
    "metadata": {
        "name": "receipt",
        "labels": {"a": "b"},
        "annotations": {"a": "b"},
        "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {"f:cancel": {}}}}],
        "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "y"}],
        "finalizers": ["evil.example/x"],
    },
    "spec": {
        "task": "shop.tasks.send",
        "queue": "default",
        "backend": "default",
        "priority": 0,
        "enqueuedAt": "2026-11-23T12:00:00Z",
        "runAfter": "2026-11-23T12:00:00Z",
        "expiresAt": "2026-11-24T12:00:00Z",
        "payload": '{"args":[],"kwargs":{}}',
        "payloadEncoding": "zlib+base64",
        "payloadRef": {"storage": "default", "name": "djangotasks/shop/receipt.x", "size": 1, "sha256": "0" * 64},
        "policy": {
            "maxAttempts": 3,
            "backoff": {"initialSeconds": 1, "factor": 2, "maxSeconds": 10, "jitter": True, "incrementSeconds": 0},
            "retryOn": ["builtins.OSError"],
            "neverRetryOn": ["OOMKilled"],
            "timeoutSeconds": 60,
            "heartbeatTimeoutSeconds": 60,
            "gracePeriodSeconds": 5,
            "startTimeoutSeconds": 60,
            "ttlSecondsAfterFinished": 60,
        },
        "cancel": False,
        "cancelReason": "x",
        "idempotencyKey": "k",
        "retryOf": "other",
        "enqueuedBy": {"name": "parent", "uid": "uid-of-the-parent", "attempt": 1},
        "schedule": "nightly",
        "scheduledFor": "2026-11-23T12:00:00Z",
        "workflow": {"name": "etl", "uid": "uid-of-the-workflow", "step": "load", "index": 0},
        "inputs": [{"into": "/args/0", "step": "extract", "pointer": "/rows"}],
        "chunk": {"size": 3, "only": "0-1"},
        "overrides": {"resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}, "nodeSelector": {"a": "b"}},
    },
    "status": {"phase": "Queued", "interruptions": 0},
}
REPORT: dict[str, Any] = {
    "startedAt": "2026-11-23T12:00:00Z",
    "finishedAt": "2026-11-23T12:00:01Z",
    "result": "1",
    "length": 1,
    "resultRef": {"storage": "default", "name": "djangotasks/shop/receipt.x", "size": 1, "sha256": "0" * 64},
    "reason": "TaskError",
    "error": {"type": "builtins.KeyError", "traceback": "KeyError: 1\n", "message": "KeyError: 1"},
    "retryable": True,
    "truncated": False,
    "retryAfterSeconds": 1,
    "progress": {"startedAt": "2026-11-23T12:00:00Z", "done": 1, "total": 2, "message": "x"},
    "items": {"completed": "0", "failed": "1", "errors": [{"item": 1, "type": "a.B", "message": "x"}], "result": "[1]"},
    "done": 1,
    "total": 2,
    "message": "x",
}

SCHEDULE: dict[str, Any] = {
    "metadata": {"name": "nightly", "labels": {"a": "b"}, "annotations": {"a": "b"}, "managedFields": [{}]},
    "spec": {
        "cron": ["* * * * *", "0 0 29 2 *"],
        "everyMinutes": 5,
        "timeZone": "Europe/Berlin",
        "startAt": "2026-11-23T12:00:00Z",
        "endAt": "2026-11-24T12:00:00Z",
        "jitterSeconds": 3600,
        "suspended": False,
        "concurrencyPolicy": "Replace",
        "catchUp": "All",
        "catchUpLimit": 1000,
        "startingDeadlineSeconds": 10,
        "task": {
            field: TASK["spec"][field]
            for field in ("task", "queue", "backend", "priority", "payload", "payloadEncoding", "policy", "overrides")
        },
    },
    "status": {
        "timing": "5f0c",
        "since": "1999-11-23T12:00:00Z",
        "lastScheduledFor": "1999-11-23T12:00:00Z",
        "pending": "2026-11-23T12:00:00Z",
        "skipped": {"count": 1, "lastFor": "2026-11-23T12:00:00Z", "reason": "Missed"},
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-23T12:00:00Z"}],
    },
}
STEP: dict[str, Any] = {
    "name": "load",
    "task": "shop.tasks.load",
    "payload": '{"args":[null],"kwargs":{}}',
    "inputs": [{"into": "/args/0", "step": "extract", "pointer": "/rows"}],
    "map": {"over": "extract"},
    "after": ["extract"],
    "runs": "OnSuccess",
    "allowFailure": False,
    "maxParallel": 2,
    "maxFailedIndexes": 1,
    "failFast": False,
    "queue": "default",
    "priority": 1,
    "policy": TASK["spec"]["policy"],
    "overrides": TASK["spec"]["overrides"],
}
WORKFLOW: dict[str, Any] = {
    "metadata": {"name": "etl", "labels": {"a": "b"}, "annotations": {"a": "b"}, "finalizers": ["evil.example/x"]},
    "spec": {
        "workflow": "shop.flows.etl",
        "backend": "default",
        "queue": "default",
        "priority": 1,
        "enqueuedAt": "2026-11-23T12:00:00Z",
        "maxParallel": 2,
        "policy": {"timeoutSeconds": 60, "ttlSecondsAfterFinished": 60},
        "idempotencyKey": "k",
        "enqueuedBy": TASK["spec"]["enqueuedBy"],
        "returnedBy": {"name": "parent", "uid": "uid-of-the-parent", "depth": 1},
        "cancel": False,
        "cancelReason": "x",
        "suspended": False,
        "output": {"value": "null", "inputs": [{"into": "", "step": "load", "pointer": ""}]},
        "lists": [{"name": "shops", "items": "[1, 2, 3]"}],
        "steps": [
            {
                "name": "extract",
                "task": "shop.tasks.extract",
                "map": {"list": "shops", "chunk": 2},
                "keepTasks": "OnFailure",
            },
            STEP,
            {"name": "mail", "task": "shop.tasks.mail", "map": {"each": "load"}},
            {"name": "last", "task": "shop.tasks.clean", "runs": "Always", "after": ["mail"]},
        ],
    },
}
SCHEDULE["spec"]["workflow"] = {
    field: WORKFLOW["spec"][field]
    for field in ("workflow", "backend", "queue", "priority", "maxParallel", "policy", "output", "lists", "steps")
}
# It goes no further than its own check: what it retries is not there.
RETRY: dict[str, Any] = WORKFLOW | {
    "spec": WORKFLOW["spec"]
    | {
        "retryOf": {"name": "etl-before", "uid": "uid-of-that"},
        "schedule": "nightly",
        "scheduledFor": "2026-11-23T12:00:00Z",
    }
}
CHILD: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": TASK_KIND,
    "metadata": {"name": "1f0c6c1e-0000-4000-8000-000000000000", "annotations": {REQUEST_ANNOTATION: "x"}},
    "spec": TASK["spec"],
}
