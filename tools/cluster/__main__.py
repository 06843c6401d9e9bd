"""The command line of the test cluster: `python -m tools.cluster up`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tools.cluster import kwok, programs
from tools.cluster.choose import choose
from tools.cluster.errors import ProviderError
from tools.cluster.images import Target, ensure_image
from tools.cluster.progress import Progress
from tools.cluster.settings import state_folder

PROGRESS = Progress()
TARGETS = [target.value for target in Target]


@click.group()
def cli() -> None:
    """Bring the test cluster up and down, and images into it."""


@cli.command()
def up() -> None:
    """Bring the cluster up; prints the line that points kubectl at it."""
    click.echo(f"export KUBECONFIG={choose(PROGRESS).up()}")


@cli.command()
def down() -> None:
    """Remove the cluster and all that is left of one."""
    choose(PROGRESS).down()


@cli.command()
def status() -> None:
    """Say whether the cluster is up (exit code 0) or not (1)."""
    provider = choose(PROGRESS)
    healthy = provider.healthy()
    click.echo(f"{provider.name}: {'up' if healthy else 'not up'}")
    sys.exit(0 if healthy else 1)


@cli.command()
@click.argument("targets", nargs=-1, type=click.Choice(TARGETS))
def images(targets: tuple[str, ...]) -> None:
    """Build images and load them into the cluster (default: all); prints their names."""
    provider = choose(PROGRESS)
    provider.up()
    for target in targets or TARGETS:
        click.echo(ensure_image(provider, target))


@cli.command()
@click.argument("targets", nargs=-1, type=click.Choice(TARGETS))
def build(targets: tuple[str, ...]) -> None:
    """Build images without loading them (default: all); prints their names."""
    provider = choose(PROGRESS)
    for target in targets or TARGETS:
        click.echo(ensure_image(provider, target, load=False))


@cli.command()
@click.argument("image")
def load(image: str) -> None:
    """Load an image that is built already, unless the cluster has one of this name."""
    choose(PROGRESS).load_image(image)


@cli.command("fake-nodes")
@click.argument("count", type=click.IntRange(min=0), default=20)
@click.option("--pod-stages", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def fake_nodes(count: int, pod_stages: Path | None) -> None:
    """Add fake nodes on which Job pods succeed at once (0 removes them)."""
    provider = choose(PROGRESS)
    provider.up()
    if count:
        kwok.start(provider, count, PROGRESS, pod_stages=pod_stages)
    else:
        kwok.stop(provider, PROGRESS)


@cli.command()
def kubeconfig() -> None:
    """Print the path of the cluster's kubeconfig."""
    click.echo(choose(PROGRESS).kubeconfig)


@cli.command("bin")
@click.argument("name")
def program(name: str) -> None:
    """Print the path of a program (kubectl, helm, …), building it when needed."""
    try:
        provider = choose(PROGRESS)
    except ProviderError:
        # Linting the chart needs helm, but no cluster.
        click.echo(programs.find(name, state_folder(), PROGRESS))
    else:
        click.echo(provider.program(name))


def main() -> None:
    """Run a command; what the user has to act on is shown without a traceback."""
    try:
        cli()
    except ProviderError as error:
        PROGRESS.say("error", str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
