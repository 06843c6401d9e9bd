"""`list`: what the newest 50 of many tasks cost, in the way of `manage.py tasks list`, beside a list of all resources.

Only the API server works: nobody watches the namespaces, and the tasks look as the operator leaves them.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks import finished
from benchmarks.calm import Calm
from benchmarks.figures import Figure
from benchmarks.samples import in_turn, interleaved, median, percentile
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube.client import Client
from django_tasks_kubernetes.presentation.filters import Filter
from django_tasks_kubernetes.presentation.newest import newest
from django_tasks_kubernetes.presentation.tables import Page, page_of
from tools.cluster.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tools.cluster import Progress

TASKS = 10_000
# Of them, in a namespace of their own: what more tasks cost.
FEW_SHARE = 10
KEYED_SHARE = 10
PAIRS, WHOLE_PAIRS = 40, 4
OBJECTS_TARGET, GROWTH_TARGET, ALL_TARGET, KEYED_TARGET = 0.05, 1.5, 0.5, 0.2


def measure(progress: Progress, runs: int | None = None) -> Iterator[Figure]:
    """`runs`: how many tasks."""
    cluster, tasks = Cluster.ready(), runs or TASKS
    with ExitStack() as cleanup:
        many, few, keyed = (_Namespace(cluster, cleanup) for _ in range(3))
        progress.say("list", f"creating {tasks:,} finished tasks, and {tasks // FEW_SHARE:,}, and both kinds together")
        many.fill(tasks)
        few.fill(tasks // FEW_SHARE)
        keyed.fill(tasks)
        keyed.fill(tasks // KEYED_SHARE, keyed=True)
        yield from _figures(many, few, keyed, tasks)


def _figures(many: _Namespace, few: _Namespace, keyed: _Namespace, tasks: int) -> Iterator[Figure]:
    calm = Calm()
    for place in (many, few, keyed):
        place.check()
    of_many, of_few, of_keyed = in_turn(
        PAIRS, [partial(_ms, place.newest) for place in (many, few, keyed)], before=calm
    )
    whole, all_rows = interleaved(
        WHOLE_PAIRS, partial(_ms, many.newest_of_resources), partial(_ms, many.all_rows), before=calm
    )
    shared = {"tasks": tasks, "n": PAIRS}
    size = {"requests": len(many.sizes), "bytes": sum(many.sizes)}
    yield _figure("list_newest", of_many, whole, OBJECTS_TARGET, shared | size)
    yield _figure("list_newest_growth", of_many, of_few, GROWTH_TARGET, shared | {"baseline_tasks": tasks // FEW_SHARE})
    yield _figure("list_newest_keyed", of_keyed, whole, KEYED_TARGET, shared | {"keyed": tasks // KEYED_SHARE})
    yield _figure("list_all", all_rows, whole, ALL_TARGET, {"tasks": tasks, "n": WHOLE_PAIRS})


def _figure(
    name: str, samples: Sequence[float], baseline: Sequence[float], target: float, extra: dict[str, Any]
) -> Figure:
    more = {"p90": percentile(samples, 90), **extra}
    return Figure(name=name, value=median(samples), unit="ms", baseline=median(baseline), target=target, extra=more)


def _ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


class _Namespace:
    """Of tasks that nobody runs."""

    def __init__(self, cluster: Cluster, cleanup: ExitStack) -> None:
        self._kubeconfig, self.name = cluster.kubeconfig, cluster.new_namespace()
        self._client = Client(Options(namespace=self.name, kubeconfig=str(cluster.kubeconfig)))
        self._tasks, self._newest = 0, set[str]()
        self.sizes: list[int] = []
        """Of the answers to newest(), in bytes."""
        cleanup.callback(cluster.delete_namespace, self.name)
        cleanup.callback(self._client.close)

    def fill(self, number: int, *, keyed: bool = False) -> None:
        """In random order, as by many processes. The first is the newest."""
        tasks = finished.tasks(number, datetime.now(UTC), keyed=keyed)
        self._tasks += number
        self._newest.add(tasks[0]["metadata"]["name"])
        finished.create(self._kubeconfig, self.name, tasks, finished.Mix())

    def check(self) -> None:
        """What is measured gives the right answer. Its size is kept."""
        self.sizes = []
        found = newest(Filter(), self._read_counting)
        assert found is not None, "the cluster's CustomResourceDefinition is older: make cluster-up"
        times = [row.enqueued_at for row in found.rows if row.enqueued_at is not None]
        assert len(times) == min(Filter().limit, self._tasks), f"{len(times)} rows"
        assert times == sorted(times, reverse=True), "they are in no order"
        assert self._newest <= {row.id for row in found.rows}, f"without {self._newest}"

    def newest(self) -> object:
        return newest(Filter(), self._read)

    def all_rows(self) -> object:
        return newest(Filter(limit=0), self._read)

    def newest_of_resources(self) -> object:
        """As where there are no tables."""
        return Filter().newest(self._client.find(""))

    def _read(self, **asked: Any) -> Page | None:
        return page_of(self._client.table_page(**asked), self.name, datetime.now(UTC))

    def _read_counting(self, **asked: Any) -> Page | None:
        answer = self._client.table_page(**asked)
        self.sizes.append(len(json.dumps(answer, separators=(",", ":"))))
        return page_of(answer, self.name, datetime.now(UTC))
