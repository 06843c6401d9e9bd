"""Tasks in memory, listed as the API server lists a table: for `LocalBackend` on a laptop, and for `in_memory()`."""

from collections.abc import Iterator
from typing import Any

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.rows import row
from django_tasks_kubernetes.presentation.tables import Page


def memory_page(store: Any, *, fields: str, labels: str, limit: int, token: str | None) -> Page:
    """See Place.page."""
    found = sorted(
        (resource for resource in store.find(fields) if all(_has(resource, term) for term in _terms(labels))),
        key=lambda resource: str(resource["metadata"]["name"]),
    )
    start = int(token or 0)
    end = start + limit
    left = max(len(found) - end, 0)
    return Page(
        rows=[row(resource) for resource in found[start:end]],
        token=str(end) if left else None,
        remaining=None if left and (fields or labels) else left,
    )


def _terms(labels: str) -> Iterator[str]:
    return (term for term in labels.split(",") if term)


def _has(resource: Resource, term: str) -> bool:
    found = resource["metadata"].get("labels") or {}
    if term.startswith("!"):
        return term[1:] not in found
    key, given, value = term.partition("=")
    return key in found and (not given or found[key] == value)
