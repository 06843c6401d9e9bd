"""The API server takes what the charts render: known fields only, and pods that the restricted standard admits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.charts import VARIANTS, Manifest, Values, render
from tools.kubectl import Kubectl, StepFailed

# Kinds that other projects define; tests/charts checks their contents.
FOREIGN = {"ServiceMonitor", "PrometheusRule"}


def validate(kubectl: Kubectl, manifests: list[Manifest]) -> None:
    """As if they were applied to the namespace; a warning, such as of Pod Security, is an error."""
    for manifest in manifests:
        if "namespace" in manifest["metadata"]:
            manifest["metadata"]["namespace"] = kubectl.namespace
    body = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    options = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "--warnings-as-errors")
    kubectl("apply", *options, "-f", "-", stdin=body)


@pytest.mark.parametrize(("chart", "values"), [pytest.param(c, v, id=f"{c.name}: {n}") for c, n, v in VARIANTS])
def test_the_server_takes_it(kubectl: Kubectl, chart: Path, values: Values) -> None:
    validate(kubectl, [manifest for manifest in render(chart, values) if manifest["kind"] not in FOREIGN])


def test_a_field_that_does_not_exist_is_noticed(kubectl: Kubectl) -> None:
    manifests = [m for m in render(VARIANTS[0][0]) if m["kind"] == "Deployment"]
    manifests[0]["spec"]["replica"] = 3
    with pytest.raises(StepFailed, match="replica"):
        validate(kubectl, manifests)
