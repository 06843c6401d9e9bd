"""What the guides and the reference tell people to write: the API server, helm, Python and bash read it."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.docs.markdown import Block, blocks
from tests.support.charts import CHARTS, completed
from tests.support.fixtures import cluster, kubectl, namespace
from tools.cluster import ROOT
from tools.cluster.cluster import Cluster

if TYPE_CHECKING:
    from tools.kubectl import Kubectl

__all__ = ["cluster", "kubectl", "namespace"]

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Kinds of other projects, which the test cluster does not have.
FOREIGN = {"argoproj.io", "helm.toolkit.fluxcd.io"}


def found(*languages: str) -> list[Any]:
    return [
        pytest.param(block, id=f"{page.relative_to(ROOT)}:{block.line}")
        for page in PAGES
        for block in blocks(page.read_text())
        if block.language in languages
    ]


@pytest.mark.parametrize("block", found("python"))
def test_it_is_python(block: Block) -> None:
    ast.parse(block.text)


@pytest.mark.parametrize("block", found("sh"))
def test_it_is_shell(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.cluster
@pytest.mark.parametrize("block", found("yaml"))
def test_kubernetes_or_helm_take_it(block: Block, cluster: Cluster, kubectl: Kubectl, tmp_path: Path) -> None:
    for document in yaml.safe_load_all(block.text):
        match document:
            case {"apiVersion": str(version), "kind": str()}:
                if version.partition("/")[0] not in FOREIGN:
                    dry_run(kubectl, document)
            case {"spec": dict(spec), **rest} if not rest:
                dry_run(kubectl, queue(**spec))
            case {"policy": dict()} | {"command": list()}:
                dry_run(kubectl, queue(podTemplateFrom={"deployment": "web"}, **document))
            case {"groups": list()}:
                continue  # rules of Prometheus
            case {"queues": dict()} | {"app": dict()}:
                render(cluster, "djangotasks-web-app", document, tmp_path)
            case _:
                render(cluster, "djangotasks", document, tmp_path)


def queue(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskQueue",
        "metadata": {"name": "of-the-docs"},
        "spec": spec,
    }


def dry_run(kubectl: Kubectl, document: dict[str, Any]) -> None:
    """Strict: a misspelt field is an error."""
    metadata = {name: value for name, value in document["metadata"].items() if name != "namespace"}
    arguments = ("create", "--dry-run=server", "--validate=strict", "-f", "-")
    kubectl(*arguments, stdin=json.dumps(document | {"metadata": metadata}))
    if document["kind"] == "DjangoTaskQueue" and "template" in document["spec"]:
        dry_run_pod(kubectl, document["spec"]["template"])


def dry_run_pod(kubectl: Kubectl, template: dict[str, Any]) -> None:
    """The CRD leaves the template open. A fragment gets the container that it leaves out."""
    spec = {"containers": [{"name": "task", "image": "example.com/task:1"}]} | template.get("spec", {})
    pod = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "of-the-docs"}}
    pod["template"] = template | {"spec": spec}
    kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(pod))


def render(cluster: Cluster, chart: str, values: dict[str, Any], folder: Path) -> None:
    """Helm refuses values that the chart's schema does not have."""
    path = folder / "values.yaml"
    path.write_text(json.dumps(completed(CHARTS / chart, values)))
    cluster.helm("template", "docs", str(CHARTS / chart), "--values", str(path))
