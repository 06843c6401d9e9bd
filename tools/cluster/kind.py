"""The provider for machines with a container engine: kind, Kubernetes in containers."""

from __future__ import annotations

import base64
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cluster import kwok, programs
from tools.cluster.commands import run, succeeds
from tools.cluster.errors import ProviderError, last_lines
from tools.cluster.images import ROOT, Target, full_name
from tools.cluster.locks import exclusive
from tools.cluster.settings import setting, state_folder

if TYPE_CHECKING:
    from tools.cluster.engine import Engine
    from tools.cluster.progress import Progress

CLUSTER = "djangotasks"
NODE = f"{CLUSTER}-control-plane"
READY_SECONDS = 180
EXEC_SECONDS = 30.0
PATIENCE_SECONDS = 60.0


class KindProvider:
    """A kind cluster of its own, called djangotasks."""

    name = "kind"
    context = f"kind-{CLUSTER}"

    def __init__(self, progress: Progress, engine: Engine | None) -> None:
        if engine is None:
            raise ProviderError(
                "kind needs a container engine, and neither `docker info` nor `podman info` succeeds. Start one, or "
                "set DJANGOTASKS_CLUSTER=native (Linux, root)."
            )
        self._engine = engine
        self._progress = progress
        self._state = state_folder()

    @property
    def kubeconfig(self) -> Path:
        return self._state / "kind.conf"

    def up(self) -> Path:
        wanted = setting("KUBERNETES_VERSION")
        with exclusive(self._state / "kind.lock", self._progress):
            if self._engine.has_container(NODE):
                why = self._why_replace(wanted)
                if not why:
                    self._progress.say("cluster", f"up and healthy, Kubernetes {self._version()} (nothing to do)")
                    return self.kubeconfig
                self._progress.say("cluster", f"{why}, so replaced")
                self._remove()
            self._create(wanted)
        return self.kubeconfig

    def down(self) -> None:
        with exclusive(self._state / "kind.lock", self._progress):
            self._remove()
            self.kubeconfig.unlink(missing_ok=True)
        self._progress.say("cluster", "removed")

    def healthy(self) -> bool:
        return self._is_ours() and self._is_ready()

    def host_address(self) -> str:
        return setting("HOST_ADDRESS") or self._engine.host_address("kind")

    def build_image(self, target: Target, ref: str, context: Path = ROOT) -> None:
        self._engine.build(target, ref, context, self._progress)

    def load_image(self, ref: str) -> None:
        # Not left to kind: it compares the engine's ID of the image with the node's, which differ where the engine
        # keeps images in containerd's store.
        if succeeds(self._engine.program, "exec", NODE, "crictl", "inspecti", "-q", full_name(ref)):
            self._progress.say(ref, "loaded (cached)")
            return
        load(self._engine, self._program("kind"), ref, CLUSTER)
        self._progress.say(ref, "loaded")

    def program(self, name: str) -> Path:
        return self._kubectl() if name == "kubectl" else self._program(name)

    def _create(self, version: str) -> None:
        self._engine.check_can_build()
        image = ("--image", f"kindest/node:v{version}") if version else ()
        self._progress.say("cluster", "kind creates it (pulls the node image at first)")
        self._kind("create", "cluster", "--name", CLUSTER, "--wait", f"{READY_SECONDS}s", *image)
        # When the time is over, kind only warns.
        if not self.healthy():
            raise ProviderError(
                f"the cluster is not ready after {READY_SECONDS} s. The next `make cluster-up` replaces it. Look at it "
                f"with `kubectl --kubeconfig {self.kubeconfig} get nodes,pods -A`:\n{self._state_of_nodes()}"
            )
        self._progress.say("cluster", f"ready, Kubernetes {self._version()}")

    def _remove(self) -> None:
        kwok.end(self._progress)
        if self._engine.has_container(NODE):
            self._kind("delete", "cluster", "--name", CLUSTER)

    def _why_replace(self, wanted: str) -> str:
        """Say why the cluster that is there cannot be used; empty when it can."""
        # Stopped with its engine, or aborted half-way: neither comes back reliably.
        if not self._engine.is_running(NODE) or not self._answers():
            return "does not answer"
        if wanted and self._version() != wanted:
            return f"has Kubernetes {self._version()} and not {wanted}"
        return ""

    def _answers(self) -> bool:
        """Tell whether the cluster is healthy. One that is busy with tests may leave a question unanswered."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.healthy():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.5)
        return True

    def _is_ours(self) -> bool:
        """Tell whether the kubeconfig is of this very cluster: somebody may have replaced the cluster by hand."""
        try:
            authority = self._engine.inside(NODE, "cat", "/etc/kubernetes/pki/ca.crt", seconds=EXEC_SECONDS)
            return base64.b64encode(authority.encode()).decode() in self.kubeconfig.read_text()
        except (ProviderError, OSError):
            return False

    def _is_ready(self) -> bool:
        try:
            self._in_node("wait", "--for=condition=Ready", "node", "--all", "--timeout=5s")
        except ProviderError:
            return False
        return True

    def _state_of_nodes(self) -> str:
        try:
            return last_lines(self._in_node("get", "nodes,pods", "--all-namespaces", "--output=wide"))
        except ProviderError as error:
            return str(error)

    def _in_node(self, *argv: str) -> str:
        """Run the node's own kubectl: it is there, and of the right version."""
        kubectl = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "--request-timeout=5s")
        return self._engine.inside(NODE, *kubectl, *argv, seconds=EXEC_SECONDS)

    def _version(self) -> str:
        """Return the version of Kubernetes in the node, as its image has it."""
        return self._engine.inside(NODE, "cat", "/kind/version", seconds=EXEC_SECONDS).strip().removeprefix("v")

    def _kubectl(self) -> Path:
        """Return a kubectl that fits the cluster: from PATH, or the node's own; built only where neither runs here."""
        if not self._engine.has_container(NODE):
            return programs.find("kubectl", self._state, self._progress)
        version = self._version()
        if (found := programs.on_path("kubectl", version, self._progress)) is not None:
            return found
        copy = self._state / "kind" / version / "kubectl"
        if sys.platform == "linux" and not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=copy.parent) as folder:
                self._engine.copy_out(NODE, "/usr/bin/kubectl", Path(folder) / "kubectl")
                (Path(folder) / "kubectl").rename(copy)
        if programs.is_fitting("kubectl", copy, version):
            return copy
        return programs.build("kubectl", self._state, self._progress, version)

    def _program(self, name: str) -> Path:
        return programs.find(name, self._state, self._progress)

    def _kind(self, *argv: str) -> None:
        run(self._program("kind"), *argv, env=environment(self._engine) | {"KUBECONFIG": str(self.kubeconfig)})


def load(engine: Engine, kind: Path, ref: str, cluster: str) -> None:
    """Load an image into a kind cluster. `kind load docker-image` would ask Docker, whatever the engine is."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "image.tar"
        engine.save(ref, archive)
        run(kind, "load", "image-archive", archive, "--name", cluster, env=environment(engine))


def environment(engine: Engine) -> dict[str, str]:
    """Return what tells kind which engine to use: by itself it takes Docker's client for an engine."""
    return {"KIND_EXPERIMENTAL_PROVIDER": engine.program}
