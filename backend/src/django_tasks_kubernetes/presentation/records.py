"""A task as an object for programs. Pure."""

from collections.abc import Mapping
from typing import Any

from django_tasks_kubernetes.codec.resource import Resource, payload_of
from django_tasks_kubernetes.presentation.rows import row
from django_tasks_kubernetes.presentation.text import DATA_MAX_CHARS, cut
from djangotasks_api.phases import Phase


def record(resource: Resource, *, whole: bool = False, payload: bool = False) -> dict[str, Any]:
    """Returns the task as JSON values, under the names of Django's TaskResult where it has them. Times are RFC 3339;
    unknown values are None.

    `whole`: with its attempts. `payload`: with its payload and its result.
    """
    spec, status, shown = resource["spec"], resource.get("status") or {}, row(resource)
    progress = status.get("progress") or {}
    found: dict[str, Any] = {
        "id": shown.id,
        "namespace": shown.namespace,
        "task": spec["task"],
        "queue": shown.queue,
        "backend": spec.get("backend", "default"),
        "status": str(shown.status),
        "phase": status.get("phase") or Phase.QUEUED,
        "reason": status.get("reason"),
        "message": status.get("message"),
        "priority": spec.get("priority", 0),
        "attempts": shown.attempts,
        "interruptions": status.get("interruptions", 0),
        "progress": {name: progress.get(name) for name in ("done", "total", "message")} if progress else None,
        "pod": shown.pod or None,
        "enqueued_at": spec.get("enqueuedAt") or resource["metadata"].get("creationTimestamp"),
        "run_after": spec.get("runAfter"),
        "started_at": status.get("startedAt"),
        "finished_at": status.get("finishedAt"),
        "next_attempt_at": status.get("nextAttemptAt"),
        "retry_of": spec.get("retryOf"),
        "workflow": shown.workflow or None,
        "step": (spec.get("workflow") or {}).get("step"),
        "index": (spec.get("workflow") or {}).get("index"),
        "schedule": shown.schedule or None,
        "scheduled_for": spec.get("scheduledFor"),
        "enqueued_by": (spec.get("enqueuedBy") or {}).get("name"),
        "cancel": bool(spec.get("cancel")),
    }
    if whole:
        found["attempt_list"] = [_attempt_record(attempt) for attempt in status.get("attempts") or ()]
        found["log_tail"] = status.get("logTail")
        found["payload_ref"], found["result_ref"] = spec.get("payloadRef"), status.get("resultRef")
        found["inputs"] = spec.get("inputs")
    if payload:
        for name, text in (("payload", payload_of(spec)), ("result", status.get("result"))):
            found[name] = cut(text) if text is not None else None
            found[f"{name}_is_cut"] = text is not None and len(text) > DATA_MAX_CHARS
    return found


def _attempt_record(attempt: Mapping[str, Any]) -> dict[str, Any]:
    error, usage = attempt.get("error") or {}, attempt.get("usage") or {}
    return {
        "number": attempt.get("number"),
        "pod": attempt.get("pod"),
        "image": attempt.get("image"),
        "node": attempt.get("node"),
        "started_at": attempt.get("startedAt"),
        "finished_at": attempt.get("finishedAt"),
        "exit_code": attempt.get("exitCode"),
        "memory_bytes": usage.get("memoryBytes"),
        "memory_limit_bytes": usage.get("memoryLimitBytes"),
        "cpu_seconds": usage.get("cpuSeconds"),
        "reason": attempt.get("reason"),
        "message": attempt.get("message"),
        "exception": error.get("type"),
        "traceback": error.get("traceback"),
    }
