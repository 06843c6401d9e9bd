"""Names and labels are what Kubernetes takes, whatever a release, a namespace, a version or a label of others is called."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.charts import OPERATOR, VARIANTS, WEB_APP, Values, of_kind, one, render

LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
# Where a mapping has strings alone, and where a field is one.
STRINGS = {"labels", "annotations", "matchLabels", "nodeSelector", "selector"}
NAMES = {"name", "namespace", "secretName", "serviceAccountName", "priorityClassName", "image"}


def mappings(node: Any, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each mapping with the field that it is in. Of a CustomResourceDefinition's schema: none."""
    if isinstance(node, dict):
        yield key, node
    for inner, value in node.items() if isinstance(node, dict) else ((key, value) for value in node):
        if isinstance(value, dict | list) and inner != "openAPIV3Schema":
            yield from mappings(value, inner)


@pytest.mark.parametrize("name", ["2024", "1e3", "0x1f", "true", "null", "on"])
@pytest.mark.parametrize(
    ("chart", "values"),
    [pytest.param(c, v, id=f"{c.name}: {n}") for c, n, v in VARIANTS if n == "all that can be said"],
)
def test_a_release_and_a_namespace_may_have_a_name_that_yaml_takes_for_something_else(
    chart: Path, values: Values, name: str
) -> None:
    more: Values = {
        OPERATOR.name: {"watchNamespaces": [name], "priorityClassName": name, "key": {"existingSecret": name}},
        WEB_APP.name: {
            "serviceAccounts": [name, "cron"],
            "queues": {name: {"template": {}}},
            "schedules": {"sync": True},
        },
    }[chart.name]
    for manifest in render(chart, values | more, "--namespace", name, release=name):
        assert manifest["metadata"].get("namespace", name) == name
        for field, mapping in mappings(manifest):
            strings = mapping.values() if field in STRINGS else (mapping[key] for key in NAMES & mapping.keys())
            assert all(isinstance(value, str | dict) for value in strings), (manifest["kind"], field, mapping)


@pytest.mark.parametrize("chart", [OPERATOR, WEB_APP], ids=lambda chart: chart.name)
@pytest.mark.parametrize("version", ["0.1.0+1d22aa02fbee.1", f"0.1.0-{'a' * 43}-{'b' * 9}+c"])
def test_labels_are_valid_for_each_version(chart: Path, version: str, tmp_path: Path) -> None:
    """Flux adds the digest of a chart to its version: 0.1.0+1d22aa02fbee."""
    other = tmp_path / chart.name
    shutil.copytree(chart, other)
    file = other / "Chart.yaml"
    file.write_text(re.sub("(?m)^(version|appVersion): .*$", rf"\1: {version}", file.read_text()))
    for manifest in render(other):
        for field, mapping in mappings(manifest):
            if field in ("labels", "matchLabels"):
                assert all(LABEL.fullmatch(value) for value in mapping.values()), mapping


TAKEN = {"app.kubernetes.io/name": "shop", "app.kubernetes.io/instance": "shop", "helm.sh/chart": "shop-1", "team": "a"}


def test_labels_that_the_operators_chart_sets_itself_are_not_set_twice() -> None:
    metrics = {name: {"enabled": True, "labels": TAKEN} for name in ("serviceMonitor", "prometheusRule", "dashboard")}
    manifests = render(OPERATOR, {"podLabels": TAKEN, "metrics": metrics})
    pods = one(manifests, "Deployment")["spec"]
    assert pods["selector"]["matchLabels"].items() <= pods["template"]["metadata"]["labels"].items()
    labels = [one(manifests, kind)["metadata"]["labels"] for kind in ("ServiceMonitor", "PrometheusRule", "ConfigMap")]
    for found in (pods["template"]["metadata"]["labels"], *labels):
        assert (found["team"], found["app.kubernetes.io/instance"]) == ("a", "tasks")


def test_labels_that_the_web_apps_chart_sets_itself_are_not_set_twice() -> None:
    app = {"image": "shop:1", "podLabels": TAKEN | {"app.kubernetes.io/component": "web"}}
    manifests = render(WEB_APP, {"app": app, "relay": {"enabled": True}, "schedules": {"sync": True}})
    relay, job = one(manifests, "Deployment")["spec"], one(manifests, "Job")["spec"]
    assert relay["selector"]["matchLabels"].items() <= relay["template"]["metadata"]["labels"].items()
    for found, component in ((relay, "relay"), (job, "schedules")):
        labels = found["template"]["metadata"]["labels"]
        assert (labels["team"], labels["app.kubernetes.io/component"]) == ("a", component)
    assert len(of_kind(manifests, "Job")) == 1
