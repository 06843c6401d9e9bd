"""Dashboard and alerts ask for metrics that there are, in PromQL that Prometheus understands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import promql_parser

from djangotasks_operator.cache.store import Store
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from djangotasks_operator.runtime.workqueue import WorkQueue
from djangotasks_operator.telemetry.collector import StateCollector
from djangotasks_operator.telemetry.metrics import Metrics
from tests.support.charts import OPERATOR, one, render

ALL = {"metrics": {name: {"enabled": True} for name in ("serviceMonitor", "prometheusRule", "dashboard")}}


def rules() -> list[dict[str, Any]]:
    (group,) = one(render(OPERATOR, ALL), "PrometheusRule")["spec"]["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def panels() -> list[dict[str, Any]]:
    text = one(render(OPERATOR, ALL), "ConfigMap")["data"]["djangotasks.json"]
    return [panel for panel in json.loads(text)["panels"] if panel["type"] != "row"]


def expressions() -> list[tuple[str, str]]:
    """Rendered by a test, and not while tests are collected: helm may have to be built first."""
    alerts = [(rule["alert"], rule["expr"]) for rule in rules()]
    return alerts + [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]


def names() -> set[str]:
    metrics = Metrics()
    metrics.add(StateCollector(Store(), WorkQueue(), WatchMonitor(), lambda: True, lambda: 0, lambda: 0))
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
    return {
        family.name + suffix for family in metrics.registry.collect() for suffix in suffixes.get(family.type, ("",))
    }


def test_every_expression_can_be_computed() -> None:
    known = names()
    for title, expression in expressions():
        promql_parser.parse(expression.replace("$__rate_interval", "5m"))
        asked = set(re.findall(r"\b(?:djangotasks|process)_\w+", expression))
        assert asked, title
        assert asked <= known, title


def test_an_operator_that_does_not_lead_is_not_hidden_by_one_of_another_namespace() -> None:
    """Both may be releases of the same name, and so have the same job in Prometheus."""
    (expression,) = (rule["expr"] for rule in rules() if rule["alert"] == "DjangoTasksNobodyLeads")
    assert "group by (namespace, job)" in expression


def test_every_alert_says_what_to_do() -> None:
    guide = (Path(__file__).parents[2] / "docs/how-to/alerts.md").read_text()
    assert sorted(re.findall("^### (.*)$", guide, re.MULTILINE)) == sorted(rule["alert"] for rule in rules())
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "description"}


def test_panels_do_not_overlap() -> None:
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels()]
    assert len(set(places)) == len(places) > 10
    assert all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in panels())


def test_the_monitor_finds_the_service_and_keeps_the_tasks_namespace() -> None:
    manifests = render(OPERATOR, ALL)
    monitor, service = one(manifests, "ServiceMonitor"), one(manifests, "Service")
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["honorLabels"] is True
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    # The operator reads the first to tell task pods where to report.
    assert service["spec"]["ports"][0]["name"] == "reports"
