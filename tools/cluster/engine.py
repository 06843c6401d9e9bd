"""The container engine: Docker, or Podman, which understands the same commands."""

from __future__ import annotations

import json
import re
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.cluster.commands import find_program, run, succeeds
from tools.cluster.errors import ProviderError
from tools.cluster.images import CERTIFICATES_SECRET, build_arguments, certificates, full_name
from tools.cluster.settings import setting

if TYPE_CHECKING:
    from pathlib import Path

    from tools.cluster.images import Target
    from tools.cluster.progress import Progress

ANSWER_SECONDS = 30
# The first Docker whose `docker build` is a plugin, in a package of its own at some distributions.
BUILDX_SINCE = 23
WAY_OUT = (
    "Set DJANGOTASKS_HOST_ADDRESS to an address at which containers reach this machine "
    "(with Docker Desktop, host.docker.internal)."
)


@dataclass(frozen=True)
class Engine:
    """An engine that answers."""

    program: str
    """`docker` or `podman`, also the name that kind has for it."""

    def build(self, target: Target, ref: str, context: Path, progress: Progress) -> None:
        """Build a target of the Dockerfile, unless this very image exists."""
        name = full_name(ref)
        if succeeds(self.program, "image", "inspect", name):
            progress.say(ref, "built (cached)")
            return
        self.check_can_build()
        base = setting("BASE_IMAGE")
        arguments = build_arguments() | ({"BASE": base} if base else {})
        bundle = certificates()
        run(
            *(self.program, "build", "--target", target.value, "--tag", name),
            *(word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")),
            *(("--secret", f"id={CERTIFICATES_SECRET},src={bundle}") if bundle else ()),
            context,
            env={"DOCKER_BUILDKIT": "1"},
        )
        progress.say(ref, "built")

    def check_can_build(self) -> None:
        """Raise ProviderError where `docker build` lacks its plugin."""
        if self.program != "docker" or succeeds("docker", "buildx", "version"):
            return
        client = re.search(r"(\d+)\.", run("docker", "--version"))
        if client is not None and int(client[1]) >= BUILDX_SINCE:
            raise ProviderError(
                "`docker buildx version` fails, and this Docker builds images with buildx: install it "
                "(the package docker-buildx or docker-buildx-plugin)."
            )

    def save(self, ref: str, archive: Path) -> None:
        """Write an image into a file that kind and containerd read."""
        run(self.program, "save", "--output", archive, full_name(ref))

    def push(self, ref: str) -> None:
        """Push an image to the registry that its name begins with."""
        run(self.program, "push", ref)

    def inside(self, container: str, *argv: str, seconds: float | None = None) -> str:
        """Run a program in a container and return its stdout."""
        return run(self.program, "exec", container, *argv, seconds=seconds)

    def has_container(self, name: str) -> bool:
        """Tell whether there is a container of this name, running or not."""
        return succeeds(self.program, "container", "inspect", name)

    def is_running(self, name: str) -> bool:
        """Tell whether the container of this name runs."""
        return run(self.program, "container", "inspect", "--format", "{{.State.Running}}", name).strip() == "true"

    def copy_out(self, container: str, path: str, target: Path) -> None:
        """Copy a file out of a container."""
        run(self.program, "cp", f"{container}:{path}", target)

    def host_address(self, network: str) -> str:
        """Return the address at which containers of a network reach servers on this machine.

        Raises ProviderError where that cannot be known.
        """
        if sys.platform != "linux":
            # The engine runs in a virtual machine, whose gateway is not this machine.
            return "host.docker.internal" if self.program == "docker" else "host.containers.internal"
        address = gateway(json.loads(run(self.program, "network", "inspect", network)))
        if address is None:
            raise ProviderError(f"the network `{network}` has no IPv4 gateway; is the cluster up? {WAY_OUT}")
        if not is_own_address(address):
            raise ProviderError(
                f"the gateway of the network `{network}`, {address}, is no address of this machine: the engine runs "
                f"in a virtual machine or in a network of its own (Docker Desktop, WSL, rootless). {WAY_OUT}"
            )
        return address


def find() -> Engine | None:
    """Return the engine that answers, Docker before Podman: a client without an engine is not one."""
    for program in ("docker", "podman"):
        if succeeds(program, "info", seconds=ANSWER_SECONDS):
            # The package podman-docker calls Podman `docker` too. Then Podman's own name is there as well.
            is_podman = run(program, "--version").startswith("podman")
            return Engine("podman" if is_podman and find_program("podman") else program)
    return None


def gateway(networks: list[dict[str, Any]]) -> str | None:
    """Return the IPv4 gateway from `network inspect`: Docker has it in IPAM.Config, Podman in subnets."""
    docker = [config.get("Gateway") for network in networks for config in network.get("IPAM", {}).get("Config") or ()]
    podman = [subnet.get("gateway") for network in networks for subnet in network.get("subnets") or ()]
    return next((address for address in (*docker, *podman) if address and "." in address), None)


def is_own_address(address: str) -> bool:
    """Tell whether a server on this machine can listen at an address."""
    with socket.socket() as server:
        try:
            server.bind((address, 0))
        except OSError:
            return False
    return True
