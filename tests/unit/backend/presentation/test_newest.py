"""The newest tasks, found in pages of a list in the order of names."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.filters import Filter
from django_tasks_kubernetes.presentation.newest import Newest, Read, newest
from django_tasks_kubernetes.presentation.tables import page_of
from djangotasks_api.task_ids import id_for, new_id, order_labels
from tests.unit.backend.resources import resource
from tests.unit.backend.tables import FakeTables

BEGIN = datetime(2026, 11, 29, 12, tzinfo=UTC)


def task(minute: float, name: str | None = None, **spec: Any) -> Resource:
    """One that was enqueued in that minute."""
    at = BEGIN + timedelta(minutes=minute)
    name = name or new_id(int(at.timestamp() * 1000))
    made = resource(name, spec={"enqueuedAt": at.isoformat()} | spec, phase="Queued")
    made["metadata"]["labels"] = order_labels(name)
    return made


def keyed(minute: float) -> Resource:
    return task(minute, id_for("shop.send", str(minute)))


def reading(tables: FakeTables) -> Read:
    return lambda **asked: page_of(tables.table_page(**asked), "shop", BEGIN)


def find(tables: FakeTables, namespaces: bool = False, **which: Any) -> Newest:
    found = newest(Filter(**which), reading(tables), namespaces=namespaces)
    assert found is not None
    return found


def minutes(found: Newest) -> list[float]:
    return [(row.enqueued_at - BEGIN) / timedelta(minutes=1) for row in found.rows if row.enqueued_at]


@pytest.mark.thorough
def test_the_newest_are_two_small_requests_whatever_there_is() -> None:
    tables = FakeTables(*(task(n) for n in range(3000)))
    assert minutes(find(tables, limit=50)) == [*range(2999, 2949, -1)]
    assert find(tables, limit=50).matching == 3000
    first, second = tables.asked[:2]
    assert first == {"fields": "", "labels": "", "limit": 51, "token": None}
    assert second == {"fields": "", "labels": "!djangotasks.dev/in-order", "limit": 500, "token": None}


def test_all_are_one_request_where_there_are_few() -> None:
    tables = FakeTables(*(task(n) for n in range(50)), columns=None)
    found = find(tables, limit=50)
    assert (len(found.rows), found.matching, len(tables.asked)) == (50, 50, 1)
    assert find(FakeTables(), limit=50) == Newest(rows=[], matching=0)


OTHERS: list[Callable[[float], Resource]] = [
    keyed,
    lambda minute: task(minute, f"nightly-2026112900{int(minute):02}", schedule="nightly"),
    lambda minute: task(minute, f"{10 + minute:.0f}2c6f0e-5b1e-4c55-9d0f-3f0f5f3a9e11"),  # of an earlier version
    lambda minute: task(minute, f"by-hand-{minute:.0f}"),
]


@pytest.mark.parametrize("other", OTHERS, ids=["keyed", "scheduled", "random", "by hand"])
@pytest.mark.parametrize("limit", [1, 3, 10, 25, 0])
def test_tasks_whose_names_do_not_tell_the_time_are_found_too(other: Callable[[float], Resource], limit: int) -> None:
    tables = FakeTables(*(task(n) if n % 3 else other(n) for n in range(30)))
    assert minutes(find(tables, limit=limit)) == [*range(29, -1, -1)][: limit or None]


@pytest.mark.thorough
def test_many_such_tasks_are_read_page_by_page() -> None:
    tables = FakeTables(*(keyed(n) for n in range(1200)), *(task(n + 0.5) for n in range(1200)))
    assert minutes(find(tables, limit=4)) == [1199.5, 1199, 1198.5, 1198]
    assert [asked["token"] for asked in tables.asked] == [None, None, "500", "1000"]


def test_a_workflows_tasks_stand_where_it_was_enqueued() -> None:
    """They are named after it, so they are read with it."""
    workflow = new_id(int(BEGIN.timestamp() * 1000))
    steps = [task(20 + n, f"{workflow}-resize-{n:05}") for n in range(3)]
    tables = FakeTables(*steps, *(task(n) for n in (-2, -1, 1, 2, 3)))
    assert minutes(find(tables, limit=2)) == [3, 2]
    assert minutes(find(tables, limit=6)) == [22, 21, 20, 3, 2, 1]


@pytest.mark.parametrize(
    ("which", "matching", "requests"),
    [
        ({"queue": "other"}, None, 2),
        # The server cannot select it: page by page, until there are enough.
        ({"task": "rare"}, None, 3),
        ({"statuses": ("failed",)}, 0, 1),
    ],
)
def test_a_filter_is_the_servers_where_it_can_be(which: dict[str, Any], matching: int | None, requests: int) -> None:
    tasks = [task(n, queue="other" if n % 2 else "mail", task="a.rare" if n % 100 == 0 else "a.b") for n in range(2000)]
    tables = FakeTables(*tasks)
    found = find(tables, limit=3, **which)
    assert (found.matching, len(tables.asked)) == (matching, requests)
    wanted = [
        n for n in range(1999, -1, -1) if (n % 2 if "queue" in which else n % 100 == 0 if "task" in which else False)
    ]
    assert minutes(found) == wanted[:3]


def test_all_namespaces_are_read_to_the_end() -> None:
    """They are listed one after the other."""
    tasks = [task(n) for n in range(40)]
    for n, one in enumerate(tasks):
        one["metadata"]["namespace"] = f"team-{n % 4}"
    random.Random(1).shuffle(tasks)
    found = find(FakeTables(*tasks, everywhere=True), namespaces=True, limit=6)
    assert (minutes(found), found.matching) == ([39, 38, 37, 36, 35, 34], 40)


def test_without_tables_there_is_nothing_to_find() -> None:
    assert newest(Filter(), lambda **asked: None) is None
    assert newest(Filter(), reading(FakeTables(task(1), columns=["Task"]))) is None
