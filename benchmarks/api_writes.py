"""Writes as the API server counts them (`apiserver_request_total` of its /metrics): by verb and resource. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

METRIC = "apiserver_request_total"
VERBS = frozenset({"POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"})
# Leases are renewed, and nodes report, by the clock. Reviews are questions in the shape of a POST: nothing is stored.
IGNORED_GROUPS = frozenset({"coordination.k8s.io", "authentication.k8s.io", "authorization.k8s.io"})
IGNORED_RESOURCES = frozenset({"nodes"})
LINE = re.compile(rf"^{METRIC}\{{(.*)\}} ([0-9.e+]+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')

Writes = Counter[str]
# What nothing but a running task or Job creates here, or a test beside it: how often, is known.
CREATED = ("POST djangotasks", "POST jobs", "POST pods")
# The operator's: its tasks' Jobs and Pods are made by it alone, a Job with managedBy has no other status, and
# the built-in controllers write the status of a Job with PUT.
OPERATOR = ("POST jobs", "POST pods", "PATCH djangotasks/status", "PATCH jobs/status", "DELETE pods")


def parse(metrics: str) -> Writes:
    """Successful writes since the server started: `POST pods/binding` → count."""
    writes: Writes = Counter()
    for labels_text, value in LINE.findall(metrics):
        labels = dict(LABEL.findall(labels_text))
        if (
            labels["verb"] in VERBS
            and labels["code"].startswith("2")
            and not labels.get("dry_run")
            and labels["group"] not in IGNORED_GROUPS
            and labels["resource"] not in IGNORED_RESOURCES
        ):
            subresource = f"/{labels['subresource']}" if labels["subresource"] else ""
            writes[f"{labels['verb']} {labels['resource']}{subresource}"] += round(float(value))
    return writes


def difference(after: Writes, before: Writes) -> Writes:
    return Counter({name: count for name in after if (count := after[name] - before[name])})


def disturbance(writes: Writes, expected: Mapping[str, int]) -> str:
    """What of the writes is not of this run: something was deleted, or more was created than it created."""
    deletions = sum(count for name, count in writes.items() if name.startswith("DELETE"))
    strange = [f"{deletions} deletions"] if deletions else []
    strange += [
        f"{writes[name]} {name} instead of {expected.get(name, 0)}"
        for name in CREATED
        if writes[name] != expected.get(name, 0)
    ]
    return ", ".join(strange)


def per_task(writes: Writes, idle: Writes, share: float, tasks: int) -> dict[str, float]:
    """Writes for each task, without `share` times the idle interval's."""
    names = sorted(writes.keys() | idle.keys())
    figures = {name: max(0.0, writes[name] - idle[name] * share) / tasks for name in names}
    return {name: figure for name, figure in figures.items() if round(figure, 2)}


def operator_part(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: figures[name] for name in OPERATOR if name in figures}
