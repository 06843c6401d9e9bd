"""The provider for a cluster that is there already: the current context, when it is a test cluster."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.providers import allowlist, docker, programs
from tests.cluster.providers.commands import run, succeeds
from tests.cluster.providers.errors import ProviderError
from tests.cluster.providers.images import ROOT, Target
from tests.cluster.providers.settings import setting, state_folder

if TYPE_CHECKING:
    from tests.cluster.providers.progress import Progress


class CurrentProvider:
    """Uses a cluster, never creates or removes it."""

    name = "current"

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._state = state_folder()

    @property
    def kubeconfig(self) -> Path:
        return Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")

    @property
    def context(self) -> str:
        return setting("CLUSTER_CONTEXT") or self._kubectl("config", "current-context").strip()

    def up(self) -> Path:
        if not self.kubeconfig.exists():
            raise ProviderError(f"there is no kubeconfig at {self.kubeconfig}: set KUBECONFIG to a file.")
        context = self.context
        allowlist.check(context, force=setting("CLUSTER_FORCE") == "1")
        if not self.healthy():
            raise ProviderError(f"the cluster of context {context!r} does not answer: start it first.")
        self._progress.say("cluster", f"using context {context}")
        if setting("CLUSTER_CONTEXT"):
            # Tests get a KUBECONFIG and nothing else: hand them one in which the context is the current one.
            return self._flattened(context)
        return self.kubeconfig

    def down(self) -> None:
        self._progress.say("cluster", "left as it is: it was not made here")

    def healthy(self) -> bool:
        kubectl = self.program("kubectl")
        ready = ("--context", self.context, "--request-timeout=5s", "get", "--raw", "/readyz")
        return succeeds(kubectl, "--kubeconfig", self.kubeconfig, *ready)

    def host_address(self) -> str:
        address = setting("HOST_ADDRESS")
        if not address:
            raise ProviderError(
                "set DJANGOTASKS_HOST_ADDRESS to an address of this machine that pods of the cluster reach."
            )
        return address

    def build_image(self, target: Target, ref: str, context: Path = ROOT) -> None:
        docker.build(target, ref, context, self._progress)

    def load_image(self, ref: str) -> None:
        command = load_command(self.context, ref, registry=setting("REGISTRY"))
        run(*command)
        self._progress.say(ref, f"loaded by `{' '.join(command)}`")

    def program(self, name: str) -> Path:
        return programs.find(name, self._state, self._progress)

    def _flattened(self, context: str) -> Path:
        path = self._state / "current.conf"
        text = self._kubectl("--context", context, "config", "view", "--minify", "--flatten")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    def _kubectl(self, *argv: str) -> str:
        return run(self.program("kubectl"), "--kubeconfig", self.kubeconfig, *argv)


def load_command(context: str, ref: str, *, registry: str) -> tuple[str, ...]:
    """Return the command that brings an image into the cluster of a context."""
    if registry:
        return ("docker", "push", ref)
    match context.partition("-"):
        case ("kind", _, cluster) if cluster:
            return ("kind", "load", "docker-image", ref, "--name", cluster)
        case ("k3d", _, cluster) if cluster:
            return ("k3d", "image", "import", ref, "--cluster", cluster)
        case ("minikube", _, _):
            return ("minikube", "image", "load", ref)
        case _:
            raise ProviderError(
                f"no way is known to load images into the cluster of context {context!r}: set "
                "DJANGOTASKS_REGISTRY to a registry that it pulls from and you may push to."
            )
