"""The test cluster in use: with the CRDs of this tree, and with images that are built and loaded when asked for."""

from __future__ import annotations

import secrets
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cluster.choose import choose
from tools.cluster.images import ROOT, Target, image_ref
from tools.kubectl import Kubectl

if TYPE_CHECKING:
    from tools.cluster.base import Provider

# Every namespace that tests make begins with it, so that leftovers of an aborted run can be found and deleted.
PREFIX = "djt-"
# All task pods must pass it, so every test namespace enforces it.
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@dataclass(frozen=True)
class Cluster:
    provider: Provider

    @classmethod
    def ready(cls) -> Cluster:
        """Up, with the CRDs of this tree."""
        cluster = cls(choose())
        cluster.provider.up()
        cluster.kubectl("default")("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
        return cluster

    @property
    def kubeconfig(self) -> Path:
        return self.provider.kubeconfig

    @cached_property
    def kubectl_program(self) -> Path:
        return self.provider.program("kubectl")

    def kubectl(self, namespace: str) -> Kubectl:
        return Kubectl(self.kubectl_program, self.kubeconfig, namespace)

    def image(self, target: Target) -> str:
        """The image of this tree, built and loaded unless it is there."""
        ref = image_ref(target)
        self.provider.build_image(target, ref)
        self.provider.load_image(ref)
        return ref

    def image_with_user(self, target: Target, user: str) -> str:
        """The same image, whose USER is another one: by number, by name."""
        base = self.image(target)
        ref = f"{base}-user-{user}"
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "Dockerfile").write_text(f"FROM {base} AS {target.value}\nUSER {user}\n")
            self.provider.build_image(target, ref, Path(folder))
        self.provider.load_image(ref)
        return ref

    def helm(self, *arguments: str) -> str:
        program = self.provider.program("helm")
        done = subprocess.run(
            [str(program), "--kubeconfig", str(self.kubeconfig), *arguments],
            capture_output=True,
            text=True,
            check=False,
            # Longer than its own timeout, by default 300 s.
            timeout=700,
        )
        assert done.returncode == 0, f"helm {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def new_namespace(self, *, restricted: bool = True) -> str:
        name = PREFIX + secrets.token_hex(4)
        labels = RESTRICTED if restricted else {}
        self.kubectl(name).apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        )
        return name

    def delete_namespace(self, name: str) -> None:
        """Does not wait for it to be gone: nothing else has its name."""
        self.kubectl("default")("delete", "namespace", name, "--wait=false", "--ignore-not-found")
