"""What metrics have counted, by their labels."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from djangotasks_operator.telemetry.metrics import Metrics


def by_labels(metrics: Metrics, name: str) -> Iterator[tuple[tuple[str, ...], float]]:
    families: list[Metric] = list(text_string_to_metric_families(metrics.text().decode()))
    for sample in (sample for family in families if family.name == name for sample in family.samples):
        order = ("verb", "resource", "kind", "code")
        yield tuple(sample.labels[label] for label in order if label in sample.labels), sample.value
