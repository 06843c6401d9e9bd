"""Waiting for results: that they arrive, one watch for all who wait, and what goes wrong with it meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest
from django.tasks import task_backends
from django.test import RequestFactory, override_settings
from shop import probes
from shop.live import task_changes

from django_tasks_kubernetes import KubernetesBackend
from tests.support.proxy import Proxy
from tests.support.tasks import FINISH_SECONDS, GO, go
from tests.unit.backend import tasks
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django_tasks_kubernetes.result import KubernetesResult
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

COROUTINES, THREADS = 400, 100
PATH = "/apis/djangotasks.dev/v1alpha1/namespaces/{}/djangotasks"


def enqueued(task: Any, *args: Any) -> KubernetesResult:
    result: KubernetesResult = task.enqueue(*args)
    return result


# With an operator, and pods


@pytest.mark.usefixtures("backend")
def test_what_a_task_returned_arrives() -> None:
    result = enqueued(probes.add, 1, 2)
    assert result.wait(FINISH_SECONDS) is result
    assert (result.status, result.return_value, result.attempts) == ("SUCCESSFUL", 3, 1)


def test_coroutines_wait_and_watch(backend: KubernetesBackend, kubectl: Kubectl) -> None:
    async def main() -> tuple[Any, list[str]]:
        async def watched() -> list[str]:
            result = await probes.wait_for_file.aenqueue(GO)
            seen: list[str] = []
            async for change in backend.watch(result.id):
                if change.status == "RUNNING" and "RUNNING" not in seen:
                    await asyncio.to_thread(go, kubectl, f"{result.id}-1")
                seen.append(change.status)
            return seen

        async def waited() -> Any:
            result: Any = await probes.add.aenqueue(2, 3)
            return await result.aget(FINISH_SECONDS)

        return await asyncio.gather(waited(), watched())

    returned, seen = asyncio.run(main())
    assert returned == 5
    # A start that takes long is a change, too.
    assert [status for status, _ in groupby(seen)] == ["READY", "RUNNING", "SUCCESSFUL"]


@pytest.mark.usefixtures("backend")
def test_a_view_shows_progress_live() -> None:
    """The example's, which streams server-sent events."""

    async def main() -> tuple[Any, list[str]]:
        result = await probes.flood_progress.aenqueue(8)
        response: Any = await task_changes(RequestFactory().get("/"), result.id)
        lines = [line async for line in response.streaming_content]
        missing = await task_changes(RequestFactory().get("/"), "no-such-task")
        return missing.status_code, [json.loads(line.removeprefix(b"data: "))["status"] for line in lines]

    missing, statuses = asyncio.run(main())
    assert missing == 404
    assert [status for status, _ in groupby(statuses)] == ["READY", "RUNNING", "SUCCESSFUL"]
    assert statuses.count("RUNNING") > 1, "progress is a change"


# Without an operator: what changes is the test's doing


class Site:
    """A namespace that nobody works in, and a backend that reaches it through a proxy."""

    def __init__(self, cluster: Cluster, proxy: Proxy) -> None:
        self.namespace = cluster.new_namespace()
        self.proxy = proxy
        self.path = PATH.format(self.namespace)

    def finish(self, name: str, value: str = "1") -> None:
        status = {"phase": "Succeeded", "result": value, "finishedAt": "2026-11-23T04:00:00Z"}
        code, answer = self.proxy.request("PATCH", f"{self.path}/{name}/status", {"status": status})
        assert code == 200, answer

    def watches(self) -> int:
        return sum(call.verb == "watch" for call in list(self.proxy.calls))

    def wait_watched(self) -> None:
        wait_for("the watch", lambda: self.proxy.open_watches() == 1 or None, seconds=FINISH_SECONDS)


@pytest.fixture
def site(cluster: Cluster, tmp_path: Path) -> Iterator[Site]:
    with Proxy(cluster.kubeconfig, tmp_path) as proxy:
        made = Site(cluster, proxy)
        options = {"NAMESPACE": made.namespace, "KUBECONFIG": str(proxy.kubeconfig)}
        backend = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "QUEUES": [], "OPTIONS": options}
        with override_settings(TASKS={"default": backend}):
            yield made
            store: Any = task_backends["default"].store  # type: ignore[attr-defined]
            store.close()
        cluster.delete_namespace(made.namespace)


@contextlib.contextmanager
def in_threads(results: list[KubernetesResult]) -> Iterator[list[Future[Any]]]:
    with ThreadPoolExecutor(len(results)) as pool:
        yield [pool.submit(result.get, FINISH_SECONDS) for result in results]


def test_500_wait_on_one_watch_whatever_becomes_of_it(site: Site) -> None:
    """It is cut, it expires, and the API server is away; in between, and meanwhile, tasks end."""
    backend: Any = task_backends["default"]
    report = backend.enqueue_many((tasks.echo, (number,)) for number in range(COROUTINES + THREADS))
    report.raise_for_not_accepted()
    results: list[KubernetesResult] = report.accepted
    parts = [results[start::5] for start in range(5)]
    site.proxy.clear()

    def end(part: list[KubernetesResult]) -> None:
        for result in part:
            site.finish(result.id, str(result.args[0]))

    def events() -> None:
        site.wait_watched()
        end(parts[0])
        assert site.proxy.cut_watches() == 1
        end(parts[1])
        site.wait_watched()
        assert site.proxy.stall_watches() == 1
        end(parts[2])
        assert site.proxy.expire_watches() == 1
        with site.proxy.away():
            end(parts[3])
        site.wait_watched()
        end(parts[4])

    async def main() -> list[Any]:
        waiting = [asyncio.ensure_future(result.aget(2 * FINISH_SECONDS)) for result in results[:COROUTINES]]
        return await asyncio.gather(*waiting)

    with in_threads(results[COROUTINES:]) as futures, ThreadPoolExecutor(1) as pool:
        happening = pool.submit(events)
        returned = asyncio.run(main()) + [future.result() for future in futures]
        happening.result()
    assert returned == list(range(COROUTINES + THREADS))
    gets = sum(call.verb == "get" for call in list(site.proxy.calls))
    assert site.watches() < 12, "one, and one after each fault, or a few where the server was away"
    assert gets < COROUTINES + THREADS, "once all are waiting, one list has all"


def test_the_changes_of_a_queue(site: Site) -> None:
    backend: Any = task_backends["default"]
    first, other = enqueued(tasks.echo, 1), enqueued(tasks.attempt)
    changes = iter(backend.watch(queue="default"))
    assert next(changes).id == first.id
    site.wait_watched()
    site.finish(other.id)
    second = enqueued(tasks.echo, 2)
    added = next(changes)
    assert (added.id, added.status) == (second.id, "READY")
    site.finish(first.id)
    changed = next(changes)
    assert (changed.id, changed.status) == (first.id, "SUCCESSFUL")
    (watch,) = [call for call in site.proxy.calls if call.verb == "watch"]
    assert "fieldSelector=spec.queue%3Ddefault" in watch.path
