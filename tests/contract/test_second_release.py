"""A second operator in a cluster: what helm says when both releases want the CustomResourceDefinitions, or a namespace."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.charts import OPERATOR
from tools.cluster.cluster import Cluster

# The kinds of the cluster are every test's: these are this test's own.
CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.example.com}}
spec:
  group: example.com
  scope: Namespaced
  names: {{kind: {kind}, plural: {plural}, singular: {singular}}}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {{openAPIV3Schema: {{type: object}}}}
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """The operator's chart with another kind in place of its own."""
    chart = tmp_path / "djangotasks"
    shutil.copytree(OPERATOR, chart)
    crds = chart / "files" / "crds"
    shutil.rmtree(crds)
    crds.mkdir()
    word = f"djt{secrets.token_hex(4)}"
    (crds / "kind.yaml").write_text(CRD.format(kind=word.capitalize(), singular=word, plural=f"{word}s"))
    return chart


@pytest.fixture
def other(cluster: Cluster) -> Iterator[str]:
    name = cluster.new_namespace()
    yield name
    cluster.delete_namespace(name)


def test_the_second_release_names_the_first_and_the_way_out(
    cluster: Cluster, namespace: str, other: str, chart: Path
) -> None:
    def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = [str(cluster.provider.program("helm")), "--kubeconfig", str(cluster.kubeconfig)]
        return subprocess.run([*program, *arguments], capture_output=True, text=True, check=False, timeout=300)

    def install(release: str, where: str, *options: str) -> subprocess.CompletedProcess[str]:
        values = (f"--set=watchNamespaces={{{where}}}", "--set=replicas=0", "--set=crds.keep=false")
        return helm("upgrade", "--install", release, str(chart), "--namespace", where, *values, *options)

    first = install("first", namespace)
    assert first.returncode == 0, first.stderr
    try:
        second = install("second", other)
        assert second.returncode != 0
        assert f"by the release first in the namespace {namespace}" in second.stderr
        assert "--set crds.enabled=false" in second.stderr
        shared = install("second", other, "--set=crds.enabled=false", f"--set=watchNamespaces={{{other},{namespace}}}")
        assert shared.returncode != 0
        assert f"The namespace {namespace} is watched already, by the release first in the namespace" in shared.stderr
        advised = install("second", other, "--set=crds.enabled=false")
        assert advised.returncode == 0, advised.stderr
        assert helm("uninstall", "second", "--namespace", other).returncode == 0
        # Its own CustomResourceDefinitions are no obstacle to the first.
        assert install("first", namespace).returncode == 0
    finally:
        helm("uninstall", "first", "--namespace", namespace, "--ignore-not-found")
