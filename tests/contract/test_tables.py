"""The newest tasks, read of a real API server as tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube.client import Client
from django_tasks_kubernetes.presentation.filters import Filter
from django_tasks_kubernetes.presentation.newest import newest
from django_tasks_kubernetes.presentation.rows import Row
from django_tasks_kubernetes.presentation.tables import Page, page_of
from djangotasks_api.task_ids import id_for, new_id, order_labels
from tests.contract.server import Server, task
from tools.cluster.cluster import Cluster

BEGIN = datetime(2026, 11, 29, 12, tzinfo=UTC)
QUEUE, OTHER = "in-tables", "others-in-tables"


@pytest.fixture(scope="module")
def client(cluster: Cluster, namespace: str) -> Iterator[Client]:
    found = Client(Options(namespace=namespace, kubeconfig=str(cluster.kubeconfig)))
    yield found
    found.close()


def create(server: Server, minute: int, name: str | None = None, queue: str = QUEUE, **spec: Any) -> str:
    """A task that was enqueued in that minute."""
    at = BEGIN + timedelta(minutes=minute)
    name = name or new_id(int(at.timestamp() * 1000))
    made = task(name, queue=queue, enqueuedAt=at.isoformat(), **spec)
    made["metadata"]["labels"] = order_labels(name)
    server.create(made)
    return name


@pytest.fixture(scope="module")
def names(server: Server) -> dict[int, str]:
    """By minute. Every fifth has a key; one was made by hand."""
    made = {}
    for minute in (7, 2, 11, 4, 0, 9, 3, 10, 6, 1, 8, 5):
        key = f"order-{minute}"
        keyed = {"name": id_for("shop.tasks.send_receipt", key), "idempotencyKey": key} if minute % 5 == 0 else {}
        made[minute] = create(server, minute, **keyed)
    made[12] = create(server, 12, "by-hand", OTHER)
    return made


def read(client: Client, **which: Any) -> tuple[list[Row], int | None, list[Page]]:
    """The newest, how many match, and the pages that were read for that."""
    pages = []

    def one(**asked: Any) -> Page | None:
        page = page_of(client.table_page(**asked), client.namespace, datetime.now(UTC))
        assert page is not None
        pages.append(page)
        return page

    found = newest(Filter(**which), one)
    assert found is not None
    return found.rows, found.matching, pages


@pytest.mark.parametrize("limit", [1, 3, 8, 40, 0])
def test_the_newest_are_found(client: Client, names: dict[int, str], limit: int) -> None:
    rows, _, _ = read(client, limit=limit, queue=QUEUE)
    assert [row.id for row in rows] == [names[minute] for minute in range(11, -1, -1)][: limit or None]


def test_the_newest_of_all_are_counted(client: Client, names: dict[int, str]) -> None:
    rows, number, pages = read(client, limit=2)
    assert [row.id for row in rows] == [names[12], names[11]]
    assert number is not None
    assert number >= len(names)
    assert len(pages[0].rows) == 3


def test_a_row_has_what_the_resource_has(client: Client, server: Server, names: dict[int, str]) -> None:
    server.patch_status(names[7], {
        "phase": "Failed",
        "reason": "TaskError",
        "startedAt": "2026-11-29T12:07:01Z",
        "finishedAt": "2026-11-29T12:07:02.5Z",
        "attempts": [{"number": 1, "job": "a-1", "pod": "a-1"}, {"number": 2, "job": "a-2", "pod": "a-2"}],
    })  # fmt: skip
    rows, _, _ = read(client, queue=QUEUE, statuses=("failed",))
    (row,) = rows
    assert (row.id, row.namespace, row.task, row.queue) == (
        names[7], client.namespace, "shop.tasks.send_receipt", QUEUE,
    )  # fmt: skip
    assert (row.phase, row.reason, row.attempts, row.pod) == ("Failed", "TaskError", 2, "a-2")
    assert (row.enqueued_at, row.is_finished) == (BEGIN + timedelta(minutes=7), True)
    assert row.finished_at == BEGIN + timedelta(minutes=7, seconds=2.5)


def test_a_task_without_a_time_has_that_of_its_creation(client: Client, server: Server) -> None:
    server.create(task("timeless", queue="timeless"))
    rows, _, _ = read(client, queue="timeless")
    (row,) = rows
    assert row.enqueued_at is not None
    assert datetime.now(UTC) - row.enqueued_at < timedelta(hours=1)


def test_a_table_has_nothing_that_may_be_large(client: Client, server: Server) -> None:
    payload = '{"args":["' + "x" * 50_000 + '"],"kwargs":{}}'
    create(server, 0, queue="large", payload=payload)
    answer = client.table_page(fields="spec.queue=large", limit=9)
    assert len(answer["rows"]) == 1
    assert len(str(answer)) < 10_000


def test_rows_of_all_namespaces_say_their_own(client: Client, namespace: str, names: dict[int, str]) -> None:
    answer = client.everywhere().table_page(fields=f"spec.queue={OTHER}", limit=500)
    page = page_of(answer, "nowhere", datetime.now(UTC))
    assert page is not None
    assert (namespace, names[12]) in [row.key for row in page.rows]
