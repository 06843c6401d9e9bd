"""The provider for a cluster that is there already: the current context, when it is a test cluster."""

from __future__ import annotations

import json
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cluster import allowlist, engine, kind, kwok, programs
from tools.cluster.commands import run, succeeds
from tools.cluster.errors import ProviderError
from tools.cluster.images import ROOT, Target
from tools.cluster.settings import setting, state_folder

if TYPE_CHECKING:
    from tools.cluster.engine import Engine
    from tools.cluster.progress import Progress


class CurrentProvider:
    """Uses a cluster, never creates or removes it."""

    name = "current"

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._state = state_folder()

    @property
    def kubeconfig(self) -> Path:
        return Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")

    @cached_property
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
        kwok.end(self._progress)
        self._progress.say("cluster", "left as it is: it was not made here")

    def healthy(self) -> bool:
        ready = ("--context", self.context, "--request-timeout=5s", "get", "--raw", "/readyz")
        return succeeds(self._any_kubectl, "--kubeconfig", self.kubeconfig, *ready)

    def host_address(self) -> str:
        address = setting("HOST_ADDRESS")
        if not address:
            raise ProviderError(
                "set DJANGOTASKS_HOST_ADDRESS to an address of this machine that pods of the cluster reach."
            )
        return address

    def build_image(self, target: Target, ref: str, context: Path = ROOT) -> None:
        self._engine.build(target, ref, context, self._progress)

    def load_image(self, ref: str) -> None:
        load(self._engine, self.context, ref, registry=setting("REGISTRY"))
        self._progress.say(ref, "loaded")

    def program(self, name: str) -> Path:
        return self._fitting_kubectl if name == "kubectl" else programs.find(name, self._state, self._progress)

    @cached_property
    def _engine(self) -> Engine:
        found = engine.find()
        if found is None:
            raise ProviderError(
                "a container engine builds the images, and neither `docker info` nor `podman info` succeeds: start one."
            )
        return found

    @cached_property
    def _any_kubectl(self) -> Path:
        """A kubectl of whatever version: kubeconfigs and simple requests are the same for all."""
        return programs.on_path("kubectl", "", self._progress) or programs.build("kubectl", self._state, self._progress)

    @cached_property
    def _fitting_kubectl(self) -> Path:
        """A kubectl that fits the cluster's own version."""
        version = self._server_version()
        if not version or programs.is_fitting("kubectl", self._any_kubectl, version):
            return self._any_kubectl
        return programs.find("kubectl", self._state, self._progress, version)

    def _server_version(self) -> str:
        """Return the cluster's version, without what a vendor adds; empty when it does not answer."""
        try:
            said = self._kubectl("--context", self.context, "--request-timeout=5s", "version", "--output=json")
        except ProviderError:
            return ""
        git_version: str = json.loads(said).get("serverVersion", {}).get("gitVersion", "")
        return programs.plain_version(git_version)

    def _flattened(self, context: str) -> Path:
        path = self._state / "current.conf"
        text = self._kubectl("--context", context, "config", "view", "--minify", "--flatten")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    def _kubectl(self, *argv: str) -> str:
        return run(self._any_kubectl, "--kubeconfig", self.kubeconfig, *argv)


def load(engine: Engine, context: str, ref: str, *, registry: str) -> None:
    """Bring an image into the cluster of a context.

    Raises ProviderError where no way is known.
    """
    match context.partition("-"):
        case _ if registry:
            engine.push(ref)
        case ("kind", _, cluster) if cluster:
            kind.load(engine, Path("kind"), ref, cluster)
        case ("k3d", _, cluster) if cluster:
            run("k3d", "image", "import", ref, "--cluster", cluster)
        case ("minikube", _, _):
            run("minikube", "image", "load", ref)
        case _:
            raise ProviderError(
                f"no way is known to load images into the cluster of context {context!r}: set "
                "DJANGOTASKS_REGISTRY to a registry that it pulls from and you may push to."
            )
