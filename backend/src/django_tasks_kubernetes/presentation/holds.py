"""A hold as people read it, as a row of a table, and as an object for programs. Pure.

Read leniently, as tasks are: a missing field must not hide the rest.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.text import age, moment, safe


def effect(spec: Mapping[str, Any]) -> str:
    """What a hold does."""
    most = spec.get("concurrency", 0)
    return f"at most {most:,} at once" if most else "nothing starts"


def said(hold: Resource) -> str:
    """Who holds the queue, since when, until when, and why. As one line."""
    spec = hold["spec"]
    words = [f"by {safe(spec.get('by') or '?')}"]
    if since := hold["metadata"].get("creationTimestamp"):
        words.append(f"since {since}")
    if until := spec.get("until"):
        words.append(f"until {safe(until)}")
    reason = safe(spec.get("reason") or "")
    return " ".join(words) + (f": {reason}" if reason else "")


def is_over(hold: Resource, now: datetime) -> bool:
    """Whether its time is over: it holds nothing any more, and the operator is about to delete it."""
    until = moment(hold["spec"].get("until"))
    return until is not None and until <= now


def state(hold: Resource, now: datetime, queues: set[tuple[str, str]] | None) -> str:
    """`queues`: None where they may not be known."""
    if is_over(hold, now):
        return "over"
    metadata = hold["metadata"]
    if queues is not None and (metadata.get("namespace", ""), metadata["name"]) not in queues:
        return "no such queue"
    return "held"


def columns(hold: Resource, state: str, now: datetime, *, namespaces: bool) -> dict[str, str]:
    """The cells of a table by their headings."""
    metadata, spec = hold["metadata"], hold["spec"]
    cells = {"NAMESPACE": metadata.get("namespace", "")} if namespaces else {}
    return cells | {
        "QUEUE": metadata["name"],
        "STATE": state,
        "CONCURRENCY": str(spec.get("concurrency", 0)),
        "UNTIL": safe(spec.get("until") or ""),
        "LEFT": age(now, moment(spec.get("until"))),
        "AGE": age(moment(metadata.get("creationTimestamp")), now),
        "BY": safe(spec.get("by") or ""),
        "REASON": safe(spec.get("reason") or ""),
    }


def record(hold: Resource, state: str) -> dict[str, Any]:
    """The hold as JSON values. Times are RFC 3339; unknown values are None."""
    metadata, spec = hold["metadata"], hold["spec"]
    return {
        "queue": metadata["name"],
        "namespace": metadata.get("namespace", ""),
        "state": state,
        "concurrency": spec.get("concurrency", 0),
        "since": metadata.get("creationTimestamp"),
        "until": spec.get("until"),
        "by": spec.get("by"),
        "reason": spec.get("reason") or None,
    }
