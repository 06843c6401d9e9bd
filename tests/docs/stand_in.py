"""`docker` and `kind` for the tutorial on a test cluster: they build and load images by the cluster's provider.

The cluster is there already, and stays. On Debian without an engine there is no `python:3.13-slim` to pull: the
provider's own base image takes its place.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from tests.cluster.providers import Target, choose
from tests.cluster.providers.images import ensure_image

FROM = "FROM python:3.13-slim\n"


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
