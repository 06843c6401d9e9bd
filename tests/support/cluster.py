"""The test cluster as the stories use it: brought up once, with images loaded when first asked for."""

from __future__ import annotations

import secrets
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.providers import Target, choose, image_ref
from tests.support.kubectl import Kubectl

if TYPE_CHECKING:
    from tests.cluster.providers.base import Provider

ROOT = Path(__file__).parents[2]
# Every namespace that tests make begins so: what an aborted run left can be told, and deleted.
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

    def helm(self, *arguments: str) -> str:
        program = self.provider.program("helm")
        done = subprocess.run(
            [str(program), "--kubeconfig", str(self.kubeconfig), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == 0, f"helm {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def new_namespace(self) -> str:
        name = PREFIX + secrets.token_hex(4)
        self.kubectl(name).apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}
        )
        return name

    def delete_namespace(self, name: str) -> None:
        """Does not wait for it to be gone: nothing else has its name."""
        self.kubectl("default")("delete", "namespace", name, "--wait=false", "--ignore-not-found")
