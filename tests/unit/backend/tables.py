"""Tables as the API server makes them: in the order of names, with the columns of the CustomResourceDefinition."""

import re
from collections.abc import Iterable
from typing import Any

from django_tasks_kubernetes.codec.resource import Resource
from djangotasks_api.crd import Column
from djangotasks_api.definitions import task_definition

COLUMNS = task_definition().columns
AGE = "5m20s"


class FakeTables:
    """A client that lists these tasks, and what was asked for."""

    namespace = "shop"

    def __init__(
        self,
        *resources: Resource,
        columns: Iterable[str] | None = None,
        everywhere: bool = False,
        known: Iterable[Column] = COLUMNS,
    ) -> None:
        """`columns`: of an older CustomResourceDefinition. `everywhere`: rows say their namespace. `known`: of another
        kind."""
        self.resources = resources
        self.columns = [c for c in known if columns is None or c.name in columns]
        self.everywhere = everywhere
        self.asked: list[dict[str, Any]] = []

    def table_page(self, *, fields: str = "", labels: str = "", limit: int, token: str | None = None) -> dict[str, Any]:
        self.asked.append({"fields": fields, "labels": labels, "limit": limit, "token": token})
        matching = sorted(
            (r for r in self.resources if _has_labels(r, labels) and _has_fields(r, fields)),
            key=lambda r: (r["metadata"].get("namespace", ""), r["metadata"]["name"]),
        )
        start = int(token or 0)
        page, left = matching[start : start + limit], len(matching) - start - limit
        metadata: dict[str, Any] = {"resourceVersion": "7"}
        if left > 0:
            # The server counts them where it need not look at each.
            metadata |= {"continue": str(start + limit)} | ({} if fields or labels else {"remainingItemCount": left})
        return {
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "columnDefinitions": [{"name": name} for name in ("Name", *(column.name for column in self.columns))],
            "rows": [self._row(resource) for resource in page],
        }

    def _row(self, resource: Resource) -> dict[str, Any]:
        cells = [AGE if column.type == "date" else _field(resource, column.path) for column in self.columns]
        name, namespace = resource["metadata"]["name"], resource["metadata"].get("namespace")
        found = {"metadata": {"name": name, "namespace": namespace}} if self.everywhere else None
        return {"cells": [name, *cells], "object": found}


def _field(resource: Resource, path: str) -> Any:
    found: Any = resource
    for name in path.replace("[-1:]", ".-1").removeprefix(".").split("."):
        found = (found or [None])[-1] if name == "-1" else (found or {}).get(name)
    return found


def _has_labels(resource: Resource, selector: str) -> bool:
    labels = resource["metadata"].get("labels") or {}
    return all(_has_label(labels, term) for term in selector.split(",") if term)


def _has_label(labels: dict[str, str], term: str) -> bool:
    name, given, value = term.removeprefix("!").partition("=")
    if name.endswith("!"):
        return labels.get(name.removesuffix("!")) != value
    return (name in labels) is not term.startswith("!") and (not given or labels.get(name) == value)


def _has_fields(resource: Resource, selector: str) -> bool:
    terms = [re.fullmatch(r"([\w.]+)(!?)=(.*)", term) for term in selector.split(",") if term]
    return all(term and (_field(resource, f".{term[1]}") == term[3]) != bool(term[2]) for term in terms)
