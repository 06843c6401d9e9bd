"""The operator in the cluster, from this tree's chart and image."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tools.cluster import ROOT, Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl

CHART = ROOT / "charts" / "djangotasks"
RELEASE = "tasks"
# What the chart calls everything of this release.
NAME = "tasks-djangotasks"
ROLLOUT_SECONDS = 300


@dataclass(frozen=True)
class Installation:
    """`kubectl`: in the operator's own namespace. `watched`: the other one's name."""

    cluster: Cluster
    kubectl: Kubectl
    watched: str

    def upgrade(self, values: Mapping[str, str] | None = None, *, chart: Path = CHART) -> None:
        """`helm upgrade --install`, and waits until all of its replicas serve, and no earlier one does."""
        repository, _, tag = self.cluster.image(Target.OPERATOR).rpartition(":")
        # The CRDs are the whole cluster's, and other tests' too: these come from kubectl.
        fixed = {"image.repository": repository, "image.tag": tag, "watchNamespaces[0]": self.watched}
        settings = [f"--set-string={name}={value}" for name, value in (fixed | dict(values or {})).items()]
        where = ("--namespace", self.kubectl.namespace, "--set=crds.enabled=false")
        self.cluster.helm("upgrade", "--install", RELEASE, str(chart), *where, *settings)
        self._wait()

    def rollback(self, revision: int) -> None:
        self.cluster.helm("rollback", RELEASE, str(revision), "--namespace", self.kubectl.namespace)
        self._wait()

    def test(self) -> str:
        """`helm test`: what it said."""
        return self.cluster.helm(
            "test", RELEASE, "--namespace", self.kubectl.namespace, "--logs", f"--timeout={ROLLOUT_SECONDS}s"
        )

    def _wait(self) -> None:
        self.kubectl.roll_out(NAME, seconds=ROLLOUT_SECONDS, selector=f"app.kubernetes.io/instance={RELEASE}")

    def uninstall(self, *options: str) -> None:
        self.cluster.helm("uninstall", RELEASE, "--namespace", self.kubectl.namespace, *options)

    def pods(self) -> list[str]:
        selector = f"app.kubernetes.io/instance={RELEASE}"
        names = self.kubectl("get", "pods", "-l", selector, "-o", "jsonpath={.items[*].metadata.name}")
        return names.split()

    def outcomes_taken(self) -> float:
        """How many outcomes came by the Service, to whichever replica."""
        taken = 0.0
        for pod in self.pods():
            path = f"/api/v1/namespaces/{self.kubectl.namespace}/pods/{pod}:8081/proxy/metrics"
            for family in text_string_to_metric_families(self.kubectl("get", "--raw", path)):
                for sample in family.samples:
                    if sample.name == "djangotasks_reports_total" and sample.labels == {
                        "kind": "outcome",
                        "code": "200",
                    }:
                        taken += sample.value
        return taken

    def keys(self) -> dict[str, bytes]:
        """`key`, and after a rotation `previous`."""
        data: dict[str, str] = self.kubectl.get("secret", f"{NAME}-key")["data"]
        return {name: base64.b64decode(value) for name, value in data.items()}
