"""The one watch of all who wait in a process, with an API server on the loopback."""

import asyncio
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.tasks import task_backends
from django.tasks.exceptions import TaskResultDoesNotExist
from django.test import override_settings

from django_tasks_kubernetes import KubernetesBackend
from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.stores import cluster
from django_tasks_kubernetes.waiting import steps
from django_tasks_kubernetes.watch import shared, stream
from tests.unit.backend import tasks
from tests.unit.backend.conftest import Server
from tests.unit.backend.kube.test_client import kubeconfig
from tests.unit.backend.namespace import Namespace

SECONDS = 30.0


@pytest.fixture
def namespace(server: Server) -> Iterator[Namespace]:
    made = Namespace(server)
    yield made
    made.close()


@pytest.fixture
def options(server: Server, tmp_path: Path) -> dict[str, Any]:
    return {"NAMESPACE": "shop", "KUBECONFIG": kubeconfig(tmp_path, server.url), "RETRIES": 0}


@pytest.fixture
def backend(
    namespace: Namespace, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[KubernetesBackend]:
    """A parameter is more OPTIONS."""
    monkeypatch.setattr(stream, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(shared, "READ_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(cluster, "_stores", {})
    options |= getattr(request, "param", {})
    tasks_setting = {"default": {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "OPTIONS": options}}
    with override_settings(TASKS=tasks_setting):
        made = task_backends["default"]
        assert isinstance(made, KubernetesBackend)
        yield made
        for one in cluster._stores.values():
            one.close()
        until("the threads are gone", lambda: not watch_threads())


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(200) as pool:
        yield pool


def watch_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("djangotasks_")]


def the_watch() -> shared.SharedWatch:
    (only,) = cluster._stores.values()
    return only._watch


def until(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def waiting(
    pool: ThreadPoolExecutor, namespace: Namespace, backend: KubernetesBackend, *names: str, **wait: Any
) -> "list[Future[KubernetesResult]]":
    """Waits for each in a thread of its own, until all have the state of their task."""
    results = [backend.get_result(name) for name in names]
    futures = [pool.submit(result.wait, wait.get("timeout", SECONDS)) for result in results]

    def all_read() -> bool:
        subscriptions = the_watch()._all()
        return len(subscriptions) == len(names) and all(one.version for one in subscriptions)

    until("all wait", lambda: namespace.open == 1 and all_read())
    return futures


def test_wait_returns_the_result_of_a_task_that_finishes(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    namespace.put("t1")
    (future,) = waiting(pool, namespace, backend, "t1")
    namespace.put("t1", "Running")
    namespace.put("t1", "Succeeded", result="[1]")
    assert future.result(SECONDS).return_value == [1]


def test_get_raises_for_a_task_that_had_failed_before(namespace: Namespace, backend: KubernetesBackend) -> None:
    namespace.put("t1")
    result = backend.get_result("t1")
    namespace.put("t1", "Failed", reason="OOMKilled")
    with pytest.raises(e.TaskFailed, match="OOMKilled"):
        result.get(SECONDS)


def test_many_waiters_share_one_watch_and_one_list(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    names = [f"t{number}" for number in range(60)]
    for name in names:
        namespace.put(name)
    results = [backend.get_result(name) for name in names]
    namespace.away = True
    futures = [pool.submit(result.wait, SECONDS) for result in results]
    until("all wait", lambda: len(the_watch()._named) == 60)
    namespace.away = False
    until("it is watched", lambda: namespace.open == 1)
    for name in names:
        namespace.put(name, "Succeeded", result="1")
    assert [future.result(SECONDS).return_value for future in futures] == [1] * 60
    assert len(namespace.calls("watch")) == 1
    assert len(namespace.calls("get")) == 60, "the test's own"
    # None, where the watch brought all of them first.
    assert sum("limit=20" in call.path for call in namespace.calls("list")) <= 1


def test_few_waiters_in_a_large_namespace_read_one_by_one(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    for number in range(500):
        namespace.put(f"other{number}")
    names = [f"t{number}" for number in range(12)]
    for name in names:
        namespace.put(name, "Succeeded", result="1")
    futures = [pool.submit(lambda name: list(backend.watch(name)), name) for name in names]
    assert [future.result(SECONDS)[-1].id for future in futures] == names
    assert all("limit=1&" in call.path + "&" for call in namespace.calls("list")), "no list of all"


def test_coroutines_share_the_watch(namespace: Namespace, backend: KubernetesBackend) -> None:
    names = [f"t{number}" for number in range(60)]
    for name in names:
        namespace.put(name)
    results = [backend.get_result(name) for name in names]
    already = threading.active_count()

    async def main() -> list[Any]:
        waiters = [asyncio.ensure_future(result.aget(SECONDS)) for result in results]
        await asyncio.to_thread(until, "it is watched", lambda: namespace.open == 1)
        threads = threading.active_count() - already
        for name in names:
            namespace.put(name, "Succeeded", result="1")
        found = await asyncio.gather(*waiters)
        assert threads < 40, "no thread for each, on either side"
        return found

    assert asyncio.run(main()) == [1] * 60
    assert len(namespace.calls("watch")) == 1


def test_wait_times_out(namespace: Namespace, backend: KubernetesBackend) -> None:
    namespace.put("t1", "Running", attempts=[{"number": 1, "pod": "p", "startedAt": "2026-11-23T04:00:00Z"}])
    result = backend.get_result("t1")
    with pytest.raises(
        e.WaitTimeout, match=r"t1 \(.*echo\) is not finished after 0\.05 s .*: it is RUNNING \(attempt 1\)"
    ):
        result.wait(0.05)
    with pytest.raises(TimeoutError):
        asyncio.run(result.await_(0.05))


@pytest.mark.parametrize("end", [Namespace.cut, Namespace.expire])
def test_wait_survives_a_watch_that_ends(
    end: Callable[[Namespace], None], namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    names = ["t1", "t2", "t3"]
    for name in names:
        namespace.put(name)
    futures = waiting(pool, namespace, backend, *names)
    for name, future in zip(names, futures, strict=True):
        namespace.away = True
        end(namespace)
        until("the watch has ended", lambda: namespace.open == 0)
        namespace.put(name, "Succeeded", result="1")
        end(namespace)
        namespace.away = False
        assert future.result(SECONDS).return_value == 1


def test_wait_timeout_names_why_the_watch_is_interrupted(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    namespace.put("t1")
    (future,) = waiting(pool, namespace, backend, "t1", timeout=0.3)
    namespace.away = True
    namespace.cut()
    with pytest.raises(e.WaitTimeout, match=r"it is READY\. The watch is interrupted: The API server at .* no answer"):
        future.result(SECONDS)


def test_wait_begins_while_the_server_is_unavailable(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    namespace.put("t1")
    result = backend.get_result("t1")
    namespace.away = True
    future = pool.submit(result.wait, SECONDS)
    until("it was asked", lambda: len(namespace.calls("list")) > 2)
    namespace.put("t1", "Succeeded", result="1")
    namespace.away = False
    assert future.result(SECONDS).return_value == 1


def test_wait_raises_for_a_deleted_task(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    for name in ("t1", "t2", "t3"):
        namespace.put(name)
    one, two, three = waiting(pool, namespace, backend, "t1", "t2", "t3")
    # Finished, and gone before anybody looked: how it ended is what counts.
    namespace.put("t3", "Succeeded", result="3")
    namespace.delete("t3")
    assert three.result(SECONDS).return_value == 3
    namespace.delete("t1")
    with pytest.raises(TaskResultDoesNotExist, match="t1"):
        one.result(SECONDS)
    namespace.delete("t2")
    namespace.expire()
    with pytest.raises(TaskResultDoesNotExist, match="t2"):
        two.result(SECONDS)


@pytest.mark.parametrize("verb", ["list", "watch", "get"])
def test_wait_raises_for_a_missing_permission(namespace: Namespace, backend: KubernetesBackend, verb: str) -> None:
    namespace.put("t1")
    result = backend.get_result("t1")
    namespace.forbidden.add(verb)
    with pytest.raises(e.PermissionDenied, match=f"cannot {verb} .*kubectl create role"):
        result.wait(SECONDS)
    namespace.forbidden.clear()
    namespace.put("t1", "Succeeded")
    assert result.wait(SECONDS).is_finished, "granted since"


@pytest.mark.parametrize("others", [1, 20])
def test_a_task_that_may_not_be_seen_ends_no_other_wait(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor, others: int
) -> None:
    """Whether tasks are read one by one, or as a list, which it is not in."""
    names = [f"t{number}" for number in range(others)]
    for name in (*names, "foreign"):
        namespace.put(name)
    results = [backend.get_result(name) for name in (*names, "foreign")]
    namespace.hidden.add("foreign")
    *waits, foreign = [pool.submit(result.wait, SECONDS) for result in results]
    with pytest.raises(e.PermissionDenied):
        foreign.result(SECONDS)
    for name in names:
        namespace.put(name, "Succeeded")
    assert all(wait.result(SECONDS).is_finished for wait in waits)


def test_watch_selects_the_one_queue_of_its_subscriptions(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    namespace.put("t1", queue="mail")
    namespace.put("t2", queue="other")
    (one,) = waiting(pool, namespace, backend, "t1")
    namespace.put("t2", "Running", queue="other")
    two = pool.submit(backend.get_result("t2").wait, SECONDS)
    until("all queues are watched", lambda: len(namespace.calls("watch")) == 2)
    for name, queue in (("t1", "mail"), ("t2", "other")):
        namespace.put(name, "Succeeded", queue=queue)
    assert one.result(SECONDS).is_finished
    assert two.result(SECONDS).is_finished
    assert ["fieldSelector=spec.queue%3Dmail" in call.path for call in namespace.calls("watch")] == [True, False]


def test_watch_lingers_after_the_last_subscription(
    namespace: Namespace, backend: KubernetesBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "LINGER_SECONDS", 0.05)
    namespace.put("t1", "Succeeded")
    for times in (1, 2):
        assert [result.status for result in backend.watch("t1")] == ["SUCCESSFUL"]
        until("the watch has ended", lambda: not watch_threads())
        assert len(namespace.calls("watch")) <= times


def test_watch_is_reused_by_the_next_subscription(namespace: Namespace, backend: KubernetesBackend) -> None:
    namespace.put("t1", "Succeeded")
    for _ in range(5):
        assert [result.status for result in backend.watch("t1")] == ["SUCCESSFUL"]
    assert len(namespace.calls("watch")) <= 1
    assert len(namespace.calls("list")) == 1


def test_forked_child_has_a_watch_of_its_own(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    """As the workers of a server that has loaded the project, and waited for something, before it forked."""
    namespace.put("t1")
    namespace.put("t2")
    (future,) = waiting(pool, namespace, backend, "t1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which a child has not
        child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if backend.get_result("t2").get(SECONDS) == 2 else 2
        finally:
            os._exit(status)
    until("two watches", lambda: namespace.open == 2)
    namespace.put("t2", "Succeeded", result="2")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    namespace.put("t1", "Succeeded", result="1")
    assert future.result(SECONDS).return_value == 1


def test_watch_of_a_queue_lists_again_after_a_gap(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    namespace.put("t1")
    changes = iter(backend.watch(queue="default"))
    assert next(changes).id == "t1"
    namespace.put("t0", queue="mail")
    namespace.put("t2")
    assert next(changes).id == "t2"
    until("it is watched", lambda: namespace.open == 1)
    namespace.away = True
    namespace.cut()
    namespace.put("t1", "Running")
    namespace.delete("t2")
    namespace.expire()
    namespace.away = False
    changed = next(changes)
    assert (changed.id, changed.status) == ("t1", "RUNNING")


def test_watch_repeats_the_last_result(namespace: Namespace, backend: KubernetesBackend) -> None:
    namespace.put("t1", "Running")
    changes = iter(backend.watch("t1", repeat=0.1))
    assert [next(changes).status for _ in range(3)] == ["RUNNING"] * 3


class NotThere:
    """A task that its transaction has not brought to the cluster yet."""

    on_commit = pytest.mark.parametrize("backend", [{"ENQUEUE": "on_commit"}], indirect=True)
    outbox = pytest.mark.parametrize("backend", [{"ENQUEUE": "outbox"}], indirect=True)


@NotThere.on_commit
def test_wait_waits_for_a_task_that_is_yet_to_be_created(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    future = pool.submit(lambda: [result.status for result in backend.watch("t1")])
    until("it was looked for", lambda: bool(namespace.calls("get")))
    namespace.put("t1")
    namespace.put("t1", "Succeeded")
    assert future.result(SECONDS)[-1] == "SUCCESSFUL"


@NotThere.on_commit
def test_wait_gives_up_on_a_task_that_never_appears(
    namespace: Namespace, backend: KubernetesBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "APPEAR_SECONDS", 0.05)
    monkeypatch.setattr(steps, "POLL_SECONDS", 0.01)
    with pytest.raises(TaskResultDoesNotExist):
        list(backend.watch("t1"))


@pytest.mark.django_db(transaction=True)
@NotThere.on_commit
def test_wait_refuses_to_wait_in_the_transaction_that_creates_the_task(
    namespace: Namespace, backend: KubernetesBackend
) -> None:
    with pytest.raises(e.NotCommitted, match="Wait after it"), transaction.atomic():
        tasks.echo.enqueue().wait(SECONDS)  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
@NotThere.outbox
def test_wait_waits_for_a_row_of_the_outbox(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "APPEAR_SECONDS", 0.05)
    monkeypatch.setattr(steps, "POLL_SECONDS", 0.01)
    namespace.forbidden.add("create")
    with pytest.raises(e.NotCommitted), transaction.atomic():
        tasks.echo.enqueue().wait(SECONDS)  # type: ignore[attr-defined]
    result = tasks.echo.enqueue()
    with pytest.raises(e.WaitTimeout):
        result.wait(0.3)  # type: ignore[attr-defined]
    from django_tasks_kubernetes.models import OutboxTask

    OutboxTask.objects.all().delete()
    with pytest.raises(TaskResultDoesNotExist):
        result.wait(SECONDS)  # type: ignore[attr-defined]
