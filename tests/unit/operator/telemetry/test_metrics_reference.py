"""docs/reference/metrics.md lists every metric, and names follow Prometheus' conventions."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import Metric

from djangotasks_operator.cache.store import Store
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from djangotasks_operator.runtime.workqueue import WorkQueue
from djangotasks_operator.telemetry.collector import StateCollector
from djangotasks_operator.telemetry.metrics import Metrics

REFERENCE = Path(__file__).parents[4] / "docs/reference/metrics.md"


def families() -> list[Metric]:
    metrics = Metrics()
    metrics.add(StateCollector(Store(), WorkQueue(), WatchMonitor(), lambda: True, lambda: 0, lambda: 0))
    return [family for family in metrics.registry.collect() if family.name.startswith("djangotasks")]


def test_every_metric_is_in_the_reference_and_none_else() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \| ([^|]+) \|$", REFERENCE.read_text(), re.MULTILINE)
    documented = {name: (kind, tuple(re.findall(r"`(\w+)`", words))) for name, kind, words, _ in rows}
    defined = {full_name(family): (family.type, label_names(family)) for family in families()}
    assert documented == defined
    assert all(text.strip().endswith(".") for *_, text in rows)


def full_name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def label_names(family: Metric) -> tuple[str, ...]:
    """From the definition, because a metric without a value has no sample to look at."""
    for value in vars(Metrics()).values():
        if getattr(value, "_name", None) == family.name:
            names: tuple[str, ...] = value._labelnames
            return names
    return LOOKED_UP.get(family.name, ())


LOOKED_UP = {
    "djangotasks_build_info": ("version",),
    "djangotasks_namespace_readable": ("namespace",),
    "djangotasks_tasks": ("namespace", "queue", "phase"),
    "djangotasks_queue_ready": ("namespace", "queue"),
    "djangotasks_queue_oldest_waiting_timestamp_seconds": ("namespace", "queue"),
    "djangotasks_queue_free_slots": ("namespace", "queue"),
    "djangotasks_queue_held": ("namespace", "queue"),
    "djangotasks_queue_held_without_end_timestamp_seconds": ("namespace", "queue"),
    "djangotasks_standby_pods": ("namespace", "queue", "state"),
    "djangotasks_workflows": ("namespace", "phase"),
    "djangotasks_workflows_refused": ("namespace",),
    "djangotasks_schedules": ("namespace", "state"),
    "djangotasks_watch_age_seconds": ("resource",),
}


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
def test_names_follow_the_conventions(family: Metric) -> None:
    assert family.documentation.endswith(".")
    assert "milli" not in family.name
    if family.type == "histogram":
        assert family.name.endswith("_seconds")
    allowed = {
        "namespace",
        "queue",
        "phase",
        "state",
        "reason",
        "cause",
        "verb",
        "resource",
        "code",
        "kind",
        "result",
        "version",
    }
    assert set(label_names(family)) <= allowed


def test_expected_waits_have_buckets() -> None:
    metrics = Metrics()
    bounds = {h._name: h._upper_bounds[:-1] for h in vars(metrics).values() if hasattr(h, "_upper_bounds")}
    assert bounds
    assert all(bound == sorted(bound) for bound in bounds.values())
    assert bounds["djangotasks_queue_wait_seconds"][0] == timedelta(milliseconds=10).total_seconds()
    assert bounds["djangotasks_run_seconds"][-1] == timedelta(hours=12).total_seconds()
