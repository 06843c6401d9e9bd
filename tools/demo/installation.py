"""Installs the CRDs and the operator, as a user does: with the Helm chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cluster.commands import run
from tools.cluster.images import ROOT
from tools.kubectl import Kubectl

if TYPE_CHECKING:
    from tools.cluster import Provider

CHART = ROOT / "charts" / "djangotasks"
NAMESPACE = "djangotasks-system"
RELEASE = "djangotasks"
ROLLOUT_SECONDS = 120


def install_operator(provider: Provider, image: str, *, watch: str) -> None:
    """Installs or upgrades; nothing restarts when nothing changed.

    `image`: already in the cluster. `watch`: the one namespace to work in, which must exist; the tests have
    operators of their own in theirs.
    """
    repository, _, tag = image.rpartition(":")
    release = (RELEASE, CHART, "--kubeconfig", provider.kubeconfig, "--namespace", NAMESPACE, "--create-namespace")
    values = {"image.repository": repository, "image.tag": tag, "watchNamespaces[0]": watch}
    settings = [word for name, value in values.items() for word in ("--set-string", f"{name}={value}")]
    # The tests install the same CRDs with kubectl.
    adopt = ("--take-ownership", "--force-conflicts")
    run(provider.program("helm"), "upgrade", "--install", *release, *adopt, *settings)
    kubectl = Kubectl(provider.program("kubectl"), provider.kubeconfig, NAMESPACE)
    kubectl.roll_out(RELEASE, seconds=ROLLOUT_SECONDS, selector=f"app.kubernetes.io/instance={RELEASE}")
