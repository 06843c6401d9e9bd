"""Links to other systems, such as a log store or Grafana: OPTIONS["ADMIN_LINKS"]. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from string import Formatter
from typing import Any
from urllib.parse import quote

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.text import moment


def links(wanted: Iterable[tuple[str, str]], values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Title and address of those whose placeholders are all known. What a task says is a value in the address, and
    cannot be another part of it."""
    known = {name: quote(value, safe="") for name, value in values.items() if value}
    found = []
    for title, address in wanted:
        names = [name for _, name, *_rest in Formatter().parse(address) if name]
        if all(name in known for name in names):
            found.append((title, address.format_map(known)))
    return found


def of_task(resource: Resource, namespace: str, now: datetime) -> dict[str, str]:
    """What is known of a task. It is in the log store from when it was enqueued."""
    spec, status = resource["spec"], resource.get("status") or {}
    attempts: list[Mapping[str, Any]] = status.get("attempts") or []
    begin = moment(spec.get("enqueuedAt") or resource["metadata"].get("creationTimestamp"))
    return {
        "namespace": namespace,
        "queue": spec.get("queue", "default"),
        "task": spec["task"],
        "id": resource["metadata"]["name"],
        "pod": str(attempts[-1].get("pod") or "") if attempts else "",
        "from": _milliseconds(begin),
        "to": _milliseconds(moment(status.get("finishedAt")) or now),
    }


def _milliseconds(at: datetime | None) -> str:
    return "" if at is None else str(int(at.timestamp() * 1000))
