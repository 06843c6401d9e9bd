"""Images by a container engine that answers to the `docker` command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cluster.providers.commands import run, succeeds
from tests.cluster.providers.settings import setting

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.providers.images import Target
    from tests.cluster.providers.progress import Progress


def answers() -> bool:
    """Tell whether an engine answers: a client without an engine is not one."""
    return succeeds("docker", "info")


def build(target: Target, ref: str, context: Path, progress: Progress) -> None:
    """Build a target of the Dockerfile, unless this very image exists."""
    if succeeds("docker", "image", "inspect", ref):
        progress.say(ref, "built (cached)")
        return
    base = setting("BASE_IMAGE")
    arguments = ("--build-arg", f"BASE={base}") if base else ()
    env = {"DOCKER_BUILDKIT": "1"}
    run("docker", "build", "--target", target.value, "--tag", ref, *arguments, context, env=env)
    progress.say(ref, "built")
