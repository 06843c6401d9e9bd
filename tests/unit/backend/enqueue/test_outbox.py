"""The outbox where two meet over one row: what one does between two steps of the other. The stories are on PostgreSQL."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.tasks import task_backends
from django.tasks.signals import task_enqueued
from django.utils import timezone

from django_tasks_kubernetes import batches, exceptions
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.enqueue import outbox
from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.result import EnqueuedBy
from django_tasks_kubernetes.stores.outbox import cancel_row
from django_tasks_kubernetes.testing import InMemoryCluster
from tests.unit.backend import outbox_backend, tasks
from tests.unit.backend.outbox_backend import Backend

pytestmark = pytest.mark.django_db(transaction=True)
ECHO: Any = tasks.echo


class Cluster(InMemoryCluster):
    """`meanwhile`: what others do just before the next task is created. `refused`: the names that it does not take."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] | None = None
        self.refused: set[str] = set()
        self.cancelled: list[tuple[str, str]] = []

    def create(self, resource: Resource) -> Resource | None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
            connection.close()  # of this thread
        if resource["metadata"]["name"] in self.refused:
            raise exceptions.TaskRefused("not this one")
        return super().create(resource)

    def cancel(self, name: str, reason: str) -> Resource:
        found = super().cancel(name, reason)
        self.cancelled.append((name, reason))
        return found


@contextmanager
def outbox_cluster() -> Iterator[Cluster]:
    with outbox_backend.outbox(Cluster()) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def cluster() -> Iterator[Cluster]:
    with outbox_cluster() as cluster:
        yield cluster


def left(argument: int, key: str | None = None) -> str:
    """A task whose process dies after the commit: its row, which is due."""
    task = ECHO if key is None else ECHO.using(idempotency_key=key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Backend, "away", True)
        id_: str = task.enqueue(argument).id
    OutboxTask.objects.update(next_try_at="2000-01-01T00:00:00Z")
    return id_


def rows() -> list[str]:
    return list(OutboxTask.objects.values_list("pk", flat=True))


def arguments(cluster: Cluster, name: str) -> Any:
    return json.loads(cluster.resources[name]["spec"]["payload"])["args"]


def test_outbox_row_is_sent_after_the_commit(cluster: Cluster) -> None:
    with transaction.atomic():
        id_ = ECHO.enqueue(1).id
        assert (rows(), cluster.resources) == ([id_], {})
    assert (rows(), [*cluster.resources]) == ([], [id_])


def test_result_says_which_task_enqueued_it_once_its_row_is_sent(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = EnqueuedBy(id="parent", attempt=1)
    monkeypatch.setattr(Cluster, "enqueued_by", parent)
    with transaction.atomic():
        result = ECHO.enqueue(1)
        before = result.enqueued_by
    assert (before, result.enqueued_by) == (None, parent)
    monkeypatch.setattr(Backend, "away", True)
    assert ECHO.enqueue(2).enqueued_by is None


def test_outbox_leaves_a_row_to_the_relay_without_the_cluster(
    cluster: Cluster, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a task's pod, which has no credentials."""
    monkeypatch.setattr(Backend, "away", True)
    id_ = ECHO.enqueue(1).id
    (record,) = caplog.records
    assert (record.levelname, rows()) == ("WARNING", [id_])
    assert record.getMessage() == "1 tasks are in the outbox, and left to the relay: away"


def test_outbox_keeps_the_first_arguments_of_a_key(cluster: Cluster) -> None:
    announced: list[Any] = []

    def receiver(task_result: Any, **_: Any) -> None:
        announced.append(task_result.args)

    first = left(1, "order-1")
    task_enqueued.connect(receiver)
    try:
        again = ECHO.using(idempotency_key="order-1").enqueue(2)
        other = ECHO.using(idempotency_key="order-2").enqueue(3)
    finally:
        task_enqueued.disconnect(receiver)
    assert (again.id, rows(), [*cluster.resources]) == (first, [], [first, other.id])
    assert (arguments(cluster, first), announced) == ([1], [[3]])


def test_outbox_row_cancelled_while_it_is_sent(cluster: Cluster) -> None:
    names = []

    def cancel() -> None:
        names.extend(rows())
        assert cancel_row("default", names[0], "too late")

    cluster.meanwhile = cancel
    id_ = ECHO.enqueue(1).id
    assert (rows(), names, cluster.cancelled) == ([], [id_], [(id_, "too late")])


def test_outbox_row_replaced_while_the_first_is_sent(cluster: Cluster) -> None:
    """The first's row went with the relay, its task with its ttl, and somebody used the key once more."""
    replaced: list[str] = []

    def write() -> None:
        OutboxTask.objects.all().delete()
        replaced.append(left(2, "order-1"))

    cluster.meanwhile = write
    assert ECHO.using(idempotency_key="order-1").enqueue(1).id == replaced[0]
    assert rows() == replaced


def test_outbox_key_reused_while_its_row_is_being_cancelled(cluster: Cluster) -> None:
    first = left(1, "order-1")
    assert cancel_row("default", first, "withdrawn")
    assert ECHO.using(idempotency_key="order-1").enqueue(2).id == first
    assert (rows(), cluster.cancelled) == ([], [(first, "withdrawn")])
    assert (cluster.resources[first]["spec"]["cancel"], arguments(cluster, first)) == (True, [1])


@pytest.mark.thorough
def test_outbox_bounds_the_bytes_of_a_statement(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the inbox does: MariaDB refuses a statement of more than 16 MiB, and would never take these."""
    monkeypatch.setattr(Backend, "away", True)
    inserts: list[int] = []

    def count(execute: Any, sql: str, params: Any, *more: Any) -> Any:
        if sql.startswith("INSERT"):
            inserts.append(sum(len(value) for value in params if isinstance(value, str)))
        return execute(sql, params, *more)

    large = "x" * (90 * 1024)
    with connection.execute_wrapper(count):
        report = task_backends["default"].enqueue_many([(ECHO, [large])] * 100)  # type: ignore[attr-defined]
    assert (len(report.accepted), len(rows())) == (100, 100)
    assert sum(inserts) > 100 * len(large)
    assert max(inserts) < 16 * 1024 * 1024 / 2


def test_outbox_writes_all_rows_or_none_where_there_is_no_transaction(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "ROWS_PER_QUERY", 1)
    inserts: list[str] = []

    def fail_second(execute: Any, sql: str, *more: Any) -> Any:
        inserts.extend([sql] if sql.startswith("INSERT") else [])
        if len(inserts) == 2:
            raise OperationalError("gone")
        return execute(sql, *more)

    with connection.execute_wrapper(fail_second), pytest.raises(OperationalError):
        task_backends["default"].enqueue_many([(ECHO, [1]), (ECHO, [2])])  # type: ignore[attr-defined]
    assert (rows(), cluster.resources) == ([], {})


def test_outbox_announces_the_first_of_a_key_in_one_call(cluster: Cluster) -> None:
    seen: list[Any] = []

    def receiver(task_result: Any, **_: Any) -> None:
        seen.append(task_result.args)

    keyed = ECHO.using(idempotency_key="a")
    task_enqueued.connect(receiver)
    try:
        report = task_backends["default"].enqueue_many([(keyed, [1]), (keyed, [2])])  # type: ignore[attr-defined]
    finally:
        task_enqueued.disconnect(receiver)
    first, second = report.results
    assert (first.id, seen, arguments(cluster, first.id)) == (second.id, [[1]], [1])


def many(number: int) -> list[str]:
    report = task_backends["default"].enqueue_many([(ECHO, [one]) for one in range(number)])  # type: ignore[attr-defined]
    return [result.id for result in report.results]


def test_outbox_sends_none_of_many_that_the_relay_has_sent_meanwhile(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their tasks may have ended, and be gone, by the time that it gets to them: they would run once more."""
    monkeypatch.setattr(outbox, "SENT_AT_ONCE", 2)
    announced: list[str] = []

    def receiver(task_result: Any, **_: Any) -> None:
        announced.append(task_result.id)

    def relay_others() -> None:
        OutboxTask.objects.exclude(pk__in=announced[:2]).delete()

    cluster.meanwhile = relay_others
    task_enqueued.connect(receiver)
    try:
        ids = many(5)
    finally:
        task_enqueued.disconnect(receiver)
    assert (sorted(cluster.resources), rows(), announced) == (sorted(ids[:2]), [], ids)


def test_outbox_keeps_those_of_many_that_it_is_about_to_send_for_itself(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "SENT_AT_ONCE", 1)
    began, times = timezone.now(), count(0, 3)
    monkeypatch.setattr(outbox, "timezone", SimpleNamespace(now=lambda: began + timedelta(seconds=next(times))))
    kept: list[float] = []

    def look() -> None:
        latest = max(OutboxTask.objects.values_list("next_try_at", flat=True))
        kept.append((latest - began).total_seconds())
        cluster.meanwhile = look

    cluster.meanwhile = look
    ids = many(3)
    assert (sorted(cluster.resources), kept) == (sorted(ids), [8, 11, 14])


def test_outbox_says_how_many_of_many_are_left_to_the_relay(
    cluster: Cluster, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "SENT_AT_ONCE", 2)
    monkeypatch.setattr(Backend, "away", True)
    assert sorted(many(5)) == sorted(rows())
    assert [record.getMessage() for record in caplog.records] == [
        "5 tasks are in the outbox, and left to the relay: away"
    ]


@pytest.mark.parametrize("commits", [True, False])
def test_outbox_belongs_to_a_transaction_without_atomic(cluster: Cluster, commits: bool) -> None:
    """With autocommit turned off, Django refuses on_commit() after the row was written: who then commits has both, an
    error and a task."""
    transaction.set_autocommit(False)
    try:
        id_ = ECHO.enqueue(1).id
        assert cluster.resources == {}
        transaction.commit() if commits else transaction.rollback()
    finally:
        transaction.set_autocommit(True)
    assert (rows(), [*cluster.resources]) == ([], [id_] if commits else [])
