"""Tasks in memory, listed as the API server lists a table: for `LocalBackend` on a laptop, and for `in_memory()`."""

import re
from collections.abc import Mapping
from typing import Any

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.rows import row
from django_tasks_kubernetes.presentation.tables import Page


def memory_page(store: Any, *, fields: str, labels: str, limit: int, token: str | None) -> Page:
    """See Place.page."""
    found = sorted(
        (resource for resource in store.find(fields) if has_labels(resource, labels)),
        key=lambda resource: str(resource["metadata"]["name"]),
    )
    # An address may have anything in the place of a token, and begins with the first page then.
    start = int(token) if token and re.fullmatch("[0-9]{1,9}", token) else 0
    end = start + limit
    left = max(len(found) - end, 0)
    return Page(
        rows=[row(resource) for resource in found[start:end]],
        token=str(end) if left else None,
        remaining=None if left and (fields or labels) else left,
    )


def has_labels(resource: Resource, selector: str) -> bool:
    """Whether it has the labels that a selector asks for: `a`, `!a`, `a=b` and `a!=b`."""
    found: Mapping[str, str] = resource["metadata"].get("labels") or {}
    return all(_has(found, term) for term in selector.split(",") if term)


def _has(labels: Mapping[str, str], term: str) -> bool:
    key, given, value = term.removeprefix("!").partition("=")
    is_not = term.startswith("!") or key.endswith("!")
    key = key.removesuffix("!")
    return (key in labels and (not given or labels[key] == value)) is not is_not
