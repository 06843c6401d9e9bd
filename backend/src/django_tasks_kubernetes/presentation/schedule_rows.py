"""A schedule as a row of a table, and as an object for programs. Pure.

Read leniently, as tasks are: a missing field must not hide the rest.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.text import age, moment, safe
from djangotasks_api.names import DECLARED_BY_LABEL


def timing_of(spec: Mapping[str, Any]) -> str:
    """When it is due, as people read it."""
    if (minutes := spec.get("everyMinutes")) is not None:
        return f"every {minutes} min"
    return safe(", ".join(spec.get("cron") or ()))


def ready_of(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its condition Ready; empty before the operator has seen it."""
    found: Mapping[str, Any] = next((c for c in status.get("conditions") or () if c.get("type") == "Ready"), {})
    return found


def template_of(spec: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The path of its task, or workflow, and what it says of that."""
    workflow = spec.get("workflow")
    if workflow is not None:
        return workflow.get("workflow") or "", workflow
    task = spec.get("task") or {}
    return task.get("task") or "", task


def columns(resource: Resource, now: datetime, *, wide: bool, namespaces: bool) -> dict[str, str]:
    """The cells of a table by their headings: those of `kubectl get djangotaskschedules`."""
    metadata, spec, status = resource["metadata"], resource["spec"], resource.get("status") or {}
    (path, task), ready = template_of(spec), ready_of(status)
    cells = {"NAMESPACE": metadata.get("namespace", "")} if namespaces else {}
    cells |= {
        "NAME": metadata["name"],
        "SCHEDULE": timing_of(spec),
        "ZONE": "" if spec.get("everyMinutes") else safe(spec.get("timeZone", "UTC")),
        "SUSPENDED": "true" if spec.get("suspended") else "false",
        "ACTIVE": str(status.get("active", 0)),
        "LAST": age(moment(status.get("lastScheduledFor")), now),
        "NEXT": safe(status.get("nextScheduledFor") or ""),
    }
    if wide:
        cells |= {
            "TASK": safe(path),
            "QUEUE": safe(task.get("queue", "default")),
            "POLICY": spec.get("concurrencyPolicy", "Forbid"),
            "LAST-TASK": safe(status.get("lastTask") or ""),
            "SKIPPED": str((status.get("skipped") or {}).get("count", "")),
            "READY": ready.get("status", ""),
        }
    reason = safe(ready.get("reason") or "")
    return cells | {"REASON": "" if reason == "Ready" else reason}


def agenda(resource: Resource, times: Sequence[datetime], now: datetime) -> list[dict[str, str]]:
    """A row for each of the next times. `times`: in its zone."""
    name, zone = resource["metadata"]["name"], resource["spec"].get("timeZone", "UTC")
    return [
        {"NAME": name, "AT": at.isoformat(timespec="minutes"), "ZONE": safe(zone), "IN": age(now, at)} for at in times
    ]


def record(resource: Resource, times: Sequence[datetime]) -> dict[str, Any]:
    """The schedule as JSON values. Times are RFC 3339; unknown values are None."""
    metadata, spec, status = resource["metadata"], resource["spec"], resource.get("status") or {}
    (path, task), ready, skipped = template_of(spec), ready_of(status), status.get("skipped") or {}
    return {
        "name": metadata["name"],
        "namespace": metadata.get("namespace", ""),
        "declared_by": (metadata.get("labels") or {}).get(DECLARED_BY_LABEL),
        "task": path,
        "is_workflow": spec.get("workflow") is not None,
        "queue": task.get("queue", "default"),
        "backend": task.get("backend", "default"),
        "cron": spec.get("cron"),
        "every_minutes": spec.get("everyMinutes"),
        "time_zone": spec.get("timeZone", "UTC"),
        "suspended": bool(spec.get("suspended")),
        "concurrency_policy": spec.get("concurrencyPolicy", "Forbid"),
        "catch_up": spec.get("catchUp", "Latest"),
        "active": status.get("active", 0),
        "last_scheduled_for": status.get("lastScheduledFor"),
        "last_task": status.get("lastTask"),
        "next_scheduled_for": status.get("nextScheduledFor"),
        "next": [at.isoformat() for at in times],
        "skipped": skipped.get("count", 0),
        "skipped_reason": skipped.get("reason"),
        "ready": ready.get("status"),
        "reason": ready.get("reason"),
        "message": ready.get("message"),
    }
