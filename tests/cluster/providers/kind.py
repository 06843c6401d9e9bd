"""The provider for machines with a container engine: kind, Kubernetes in containers."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tests.cluster.providers import docker, programs
from tests.cluster.providers.commands import find_program, run, succeeds
from tests.cluster.providers.errors import ProviderError
from tests.cluster.providers.golang.builder import Builder
from tests.cluster.providers.golang.recipes import recipes
from tests.cluster.providers.images import ROOT, Target
from tests.cluster.providers.locks import exclusive
from tests.cluster.providers.settings import setting, state_folder, versions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.providers.progress import Progress

CLUSTER = "djangotasks"


class KindProvider:
    """A kind cluster of its own, called djangotasks."""

    name = "kind"
    context = f"kind-{CLUSTER}"

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._state = state_folder()

    @property
    def kubeconfig(self) -> Path:
        return self._state / "kind.conf"

    def up(self) -> Path:
        if not docker.answers():
            raise ProviderError(
                "`docker info` fails: kind needs a container engine. Start it, or set "
                "DJANGOTASKS_CLUSTER=native (Linux, root)."
            )
        with exclusive(self._state / "kind.lock", self._progress):
            if self.healthy():
                self._progress.say("cluster", "up and healthy (nothing to do)")
                return self.kubeconfig
            if self._exists():
                # Stopped with its engine, or aborted half-way: neither comes back reliably.
                self._progress.say("cluster", "does not answer, so replaced")
                self._kind("delete", "cluster", "--name", CLUSTER)
            kubernetes = setting("KUBERNETES_VERSION")
            node = ("--image", f"kindest/node:v{kubernetes}") if kubernetes else ()
            self._progress.say("cluster", "kind creates it (pulls the node image at first)")
            self._kind("create", "cluster", "--name", CLUSTER, "--wait", "180s", *node)
            self._progress.say("cluster", "ready")
        return self.kubeconfig

    def down(self) -> None:
        with exclusive(self._state / "kind.lock", self._progress):
            if self._exists():
                self._kind("delete", "cluster", "--name", CLUSTER)
            self.kubeconfig.unlink(missing_ok=True)
        self._progress.say("cluster", "removed")

    def healthy(self) -> bool:
        if not self.kubeconfig.exists():
            return False
        kubectl = self.program("kubectl")
        ready = ("--request-timeout=5s", "wait", "--for=condition=Ready", "node", "--all", "--timeout=5s")
        return succeeds(kubectl, "--kubeconfig", self.kubeconfig, *ready)

    def host_address(self) -> str:
        if sys.platform != "linux":
            # The engine runs in a virtual machine, whose gateway is not this machine.
            return "host.docker.internal"
        networks = json.loads(run("docker", "network", "inspect", "kind"))
        address = gateway(networks)
        if address is None:
            raise ProviderError("the docker network `kind` has no IPv4 gateway; is the cluster up?")
        return address

    def build_image(self, target: Target, ref: str, context: Path = ROOT) -> None:
        docker.build(target, ref, context, self._progress)

    def load_image(self, ref: str) -> None:
        # kind itself leaves out the nodes that have the image.
        self._kind("load", "docker-image", ref, "--name", CLUSTER)
        self._progress.say(ref, "loaded")

    def program(self, name: str) -> Path:
        return programs.find(name, self._state, self._progress)

    def _exists(self) -> bool:
        return CLUSTER in self._kind("get", "clusters").split()

    def _kind(self, *argv: str | Path) -> str:
        found = find_program("kind")
        if found is None:
            builder = Builder(self._state, self._progress)
            builder.ensure(recipes(versions())["kind"])
            found = str(builder.bin / "kind")
        return run(found, *argv, env={"KUBECONFIG": str(self.kubeconfig)})


def gateway(networks: list[dict[str, Any]]) -> str | None:
    """Return the IPv4 gateway from `docker network inspect`: the machine's own address in that network."""
    configs = [config for network in networks for config in network.get("IPAM", {}).get("Config") or []]
    gateways = [config.get("Gateway", "") for config in configs]
    return next((address for address in gateways if "." in address), None)
