"""`docker` and `kind` for the tutorial on a test cluster: they build and load images by the cluster's provider.

The cluster is there already, and stays. On Debian without an engine there is no `python:3.13-slim` to pull: the
provider's own base image takes its place.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import click

from tools.cluster import ROOT, Target, choose
from tools.cluster.images import ensure_image

FROM = "FROM python:3.13-slim\n"
NAMES = ("docker", "kind")


def write(folder: Path) -> None:
    """Write the two programs into a folder that is to come first on PATH.

    They themselves run with the PATH of today: the provider is to find the machine's engine and kind, and not these,
    which would call themselves without end.
    """
    environment = f"PATH={shlex.quote(os.environ['PATH'])} PYTHONPATH={shlex.quote(str(ROOT))}"
    for name in NAMES:
        command = f'{environment} exec {shlex.quote(sys.executable)} -m tests.docs.stand_in {name} "$@"'
        (folder / name).write_text(f"#!/bin/sh\n{command}\n")
        (folder / name).chmod(0o755)


@click.group()
def main() -> None:
    pass


@main.group()
def docker() -> None:
    pass


@docker.command()
@click.option("--target")
@click.option("--tag", required=True)
@click.argument("context", type=click.Path(path_type=Path))
def build(target: str | None, tag: str, context: Path) -> None:
    """With a target it is the project's own image. Without one it is the reader's."""
    provider = choose()
    if target is not None:
        assert ensure_image(provider, target, load=False) == tag
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(context, Path(folder) / "context", ignore=shutil.ignore_patterns(".venv"))
        text = (copy / "Dockerfile").read_text()
        assert text.startswith(FROM)
        base = f"ARG BASE=python:3.13-slim\nFROM ${{BASE}} AS {Target.EXAMPLE.value}\n"
        (copy / "Dockerfile").write_text(base + text.removeprefix(FROM))
        provider.build_image(Target.EXAMPLE, tag, copy)


@main.group()
def kind() -> None:
    pass


@kind.command()
@click.argument("what", type=click.Choice(["cluster"]))
@click.option("--name", required=True)
def create(what: str, name: str) -> None:
    """It is there."""


@kind.command()
@click.argument("what", type=click.Choice(["cluster"]))
@click.option("--name", required=True)
def delete(what: str, name: str) -> None:
    """It stays: others use it."""


@kind.command()
@click.argument("what", type=click.Choice(["docker-image"]))
@click.argument("images", nargs=-1, required=True)
@click.option("--name", required=True)
def load(what: str, images: tuple[str, ...], name: str) -> None:
    for image in images:
        choose().load_image(image)


if __name__ == "__main__":
    main()
