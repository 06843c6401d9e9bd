"""The namespaces that the pages are measured with, each with tasks that nobody runs."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks import finished
from benchmarks.finished import Mix
from tools.cluster.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tools.cluster import Progress

LARGE_CHARS = 300 * 1024
# One in three, so that of 30,000 there are 10,000 failed ones.
MANY_FAIL = Mix(failed_each=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """`age`: of the newest task."""

    number: int
    mix: Mix
    age: timedelta = timedelta()


# By the alias in TASKS. `small` and `large` are in the same state for ever: all have ended, days ago.
CONTENTS: Mapping[str, Content] = {
    "many": Content(number=10_000, mix=Mix(unfinished_each=30)),
    "few": Content(number=1_000, mix=MANY_FAIL),
    "most": Content(number=30_000, mix=MANY_FAIL),
    "small": Content(number=200, mix=Mix(failed_each=0), age=timedelta(days=3)),
    "large": Content(number=200, mix=Mix(failed_each=0, result=f'"{"x" * (LARGE_CHARS - 2)}"'), age=timedelta(days=3)),
    "waiting": Content(number=1_000, mix=Mix(unfinished_each=1)),
}


@dataclass(frozen=True, slots=True)
class Places:
    kubeconfig: Path
    namespaces: Mapping[str, str]
    """By alias."""

    contents: Mapping[str, Content]


@contextmanager
def filled(progress: Progress, share: int = 1) -> Iterator[Places]:
    """`share`: only one in so many of the tasks, to see that a benchmark runs."""
    cluster, made = Cluster.ready(), dict[str, str]()
    contents = {
        alias: Content(number=max(content.number // share, 60), mix=content.mix, age=content.age)
        for alias, content in CONTENTS.items()
    }
    try:
        for alias, content in contents.items():
            progress.say("admin", f"creating {content.number:,} tasks: {alias}")
            made[alias] = cluster.new_namespace()
            newest = datetime.now(UTC) - content.age
            finished.create(cluster.kubeconfig, made[alias], finished.tasks(content.number, newest), content.mix)
        yield Places(cluster.kubeconfig, made, contents)
    finally:
        for namespace in made.values():
            cluster.delete_namespace(namespace)
