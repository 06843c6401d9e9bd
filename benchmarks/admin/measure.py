"""All figures of the pages: with tasks in the cluster, served by gunicorn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.admin import actions, cost, load, pages
from benchmarks.admin.places import filled
from benchmarks.admin.server import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Figure
    from tools.cluster import Progress

ROWS = 10_000


def measure(progress: Progress, runs: int | None = None) -> Iterator[Figure]:
    """`runs`: how many of each page."""
    yield from cost.measure(progress, runs)
    with filled(progress) as places, serve(places.kubeconfig, places.namespaces, ROWS) as server:
        progress.say("admin", "measuring the pages")
        yield from pages.measure(server, places, runs)
        yield from actions.measure(server, places)
        yield from load.measure(server)
