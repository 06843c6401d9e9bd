"""The outbox where two meet over one row: what one does between two steps of the other. The stories are on PostgreSQL."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.tasks.signals import task_enqueued
from django.test import override_settings

from django_tasks_kubernetes import exceptions, outbox
from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.testing import InMemoryCluster
from tests.unit.backend import tasks

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


class Backend(KubernetesBackend):
    """`away`: the API server does not answer the web process, as it would the relay."""

    cluster: Cluster
    away = False

    @property
    def store(self) -> outbox.OutboxStore:
        return outbox.OutboxStore(self.cluster, "default")

    @property
    def quick_store(self) -> Any:
        if self.away:
            raise exceptions.ApiUnavailable("away")
        return self.cluster


@pytest.fixture(autouse=True)
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    cluster = Cluster()
    monkeypatch.setattr(Backend, "cluster", cluster, raising=False)
    options = {"ENQUEUE": "outbox"}
    backend = {"BACKEND": f"{__name__}.Backend", "QUEUES": [], "OPTIONS": options}
    with override_settings(TASKS={"default": backend}):
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


def test_after_the_commit_it_is_sent_and_no_row_is_left(cluster: Cluster) -> None:
    with transaction.atomic():
        id_ = ECHO.enqueue(1).id
        assert (rows(), cluster.resources) == ([id_], {})
    assert (rows(), [*cluster.resources]) == ([], [id_])


def test_a_process_without_a_way_to_the_cluster_leaves_it_to_the_relay(
    cluster: Cluster, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a task's pod, which has no credentials."""
    monkeypatch.setattr(Backend, "away", True)
    id_ = ECHO.enqueue(1).id
    (record,) = caplog.records
    assert (record.levelname, rows()) == ("WARNING", [id_])
    assert record.getMessage() == "1 tasks are in the outbox, and left to the relay: away"


def test_with_a_key_the_first_arguments_count_whoever_sends_them(cluster: Cluster) -> None:
    told: list[Any] = []

    def receiver(task_result: Any, **_: Any) -> None:
        told.append(task_result.args)

    first = left(1, "order-1")
    task_enqueued.connect(receiver)
    try:
        again = ECHO.using(idempotency_key="order-1").enqueue(2)
        other = ECHO.using(idempotency_key="order-2").enqueue(3)
    finally:
        task_enqueued.disconnect(receiver)
    assert (again.id, rows(), [*cluster.resources]) == (first, [], [first, other.id])
    assert (arguments(cluster, first), told) == ([1], [[3]])


def test_cancelled_while_it_is_sent(cluster: Cluster) -> None:
    names = []

    def cancel() -> None:
        names.extend(rows())
        assert outbox.cancel("default", names[0], "too late")

    cluster.meanwhile = cancel
    id_ = ECHO.enqueue(1).id
    assert (rows(), names, cluster.cancelled) == ([], [id_], [(id_, "too late")])


def test_a_row_that_is_written_anew_while_the_first_is_sent_is_left_to_its_writer(cluster: Cluster) -> None:
    """The first's row went with the relay, its task with its ttl, and somebody used the key once more."""
    anew: list[str] = []

    def write() -> None:
        OutboxTask.objects.all().delete()
        anew.append(left(2, "order-1"))

    cluster.meanwhile = write
    assert ECHO.using(idempotency_key="order-1").enqueue(1).id == anew[0]
    assert rows() == anew


def test_a_key_is_used_anew_while_its_row_is_being_cancelled(cluster: Cluster) -> None:
    first = left(1, "order-1")
    assert outbox.cancel("default", first, "withdrawn")
    assert ECHO.using(idempotency_key="order-1").enqueue(2).id == first
    assert (rows(), cluster.cancelled) == ([], [(first, "withdrawn")])
    assert (cluster.resources[first]["spec"]["cancel"], arguments(cluster, first)) == (True, [1])


def test_the_relay_cancels_what_was_created_before_by_somebody_who_did_not_know(cluster: Cluster) -> None:
    id_ = left(1)
    cluster.create(json.loads(OutboxTask.objects.get().resource))
    assert outbox.cancel("default", id_, "withdrawn")
    assert outbox.relay("default") == outbox.Relayed(sent=1)
    assert (rows(), cluster.cancelled) == ([], [(id_, "withdrawn")])


def test_the_relay_goes_on_after_a_row_that_is_refused(cluster: Cluster) -> None:
    first, second = left(1), left(2)
    cluster.refused = {first}
    assert outbox.relay("default") == outbox.Relayed(sent=1, refused=1)
    assert ([*cluster.resources], rows()) == ([second], [first])
    assert (OutboxTask.objects.get().tries, OutboxTask.objects.get().error) == (1, "not this one")


def test_the_relay_ends_between_two_rows_when_it_is_told_to(cluster: Cluster) -> None:
    left(1), left(2)
    answers = iter([True, False])
    assert outbox.relay("default", lambda: next(answers)) == outbox.Relayed(sent=1)
    assert len(rows()) == 1
