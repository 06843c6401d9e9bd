"""Builds images with buildah and gives them to the node's containerd, without an engine or a registry."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cluster.commands import run, succeeds
from tools.cluster.images import SYSTEM_CERTIFICATES, build_arguments, certificates, full_name
from tools.cluster.locks import exclusive
from tools.cluster.native.node import ctr
from tools.cluster.settings import setting

if TYPE_CHECKING:
    from tools.cluster.images import Target
    from tools.cluster.native.layout import Layout, Node
    from tools.cluster.progress import Progress

SUITE = "trixie"
PACKAGES = "python3,python3-venv,ca-certificates"
BASE = f"localhost/djangotasks-base:{SUITE}-1"
# `oci` isolation runs build steps by runc, in namespaces; the default, chroot, lacks /proc as a step may want it.
ENVIRONMENT = {"STORAGE_DRIVER": "overlay", "BUILDAH_ISOLATION": "oci"}


def build(layout: Layout, target: Target, ref: str, context: Path, progress: Progress) -> None:
    """Build a target of the Dockerfile, unless this very image exists."""
    with exclusive(layout.state / "images.lock", progress):
        if _exists(layout, ref):
            progress.say(ref, "built (cached)")
            return
        base = setting("BASE_IMAGE") or _ensure_base(layout, progress)
        arguments = {"BASE": base, **build_arguments()}
        bundle = certificates()
        # For every step of every Dockerfile, also of one that asks for no secret.
        volumes = ("-v", f"{bundle}:{SYSTEM_CERTIFICATES}:ro") if bundle else ()
        _buildah(
            layout,
            *("bud", "--layers", "--network", "host", "--target", target.value, "--tag", ref, *volumes),
            *(word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")),
            str(context),
        )
    progress.say(ref, "built")


def load(layout: Layout, node: Node, ref: str, progress: Progress) -> None:
    """Import an image into the node's containerd, unless it is there."""
    storage = exclusive(layout.state / "images.lock", progress)
    with storage, tempfile.TemporaryDirectory(dir=layout.state) as folder:
        if full_name(ref) in run(*ctr(layout, node), "images", "ls", "-q").split():
            progress.say(ref, "loaded (cached)")
            return
        archive = Path(folder) / "image.tar"
        _buildah(layout, "push", "-q", ref, f"docker-archive:{archive}:{ref}")
        run(*ctr(layout, node), "images", "import", "--local", archive)
    progress.say(ref, "loaded")


def _ensure_base(layout: Layout, progress: Progress) -> str:
    """Make the base image from Debian's packages: a Python of the same version as python:3.13-slim has."""
    if _exists(layout, BASE):
        return BASE
    progress.say(BASE, "making it from Debian packages: about 40 s")
    with tempfile.TemporaryDirectory(dir=layout.state) as folder:
        run("mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, f"{folder}/base.tar")
        (Path(folder) / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
        _buildah(layout, "bud", "--tag", BASE, folder)
    progress.say(BASE, "made")
    return BASE


def _exists(layout: Layout, ref: str) -> bool:
    with_storage = ("buildah", *_storage(layout), "inspect", "--type", "image", "--format", "{{.FromImageID}}")
    return succeeds(*with_storage, ref)


def _buildah(layout: Layout, *argv: str) -> str:
    return run("buildah", *_storage(layout), *argv, env=ENVIRONMENT)


def _storage(layout: Layout) -> tuple[str, ...]:
    """Return flags for a storage of our own, so that the machine's own images are not touched."""
    folder = layout.state / "images"
    return ("--root", f"{folder}/root", "--runroot", f"{folder}/run", "--storage-driver", "overlay")
