"""Bounded reads of tasks: what is read, how many, and what is said of the others."""

from typing import Any

import pytest

from django_tasks_kubernetes.admin.keeping import KEEPER
from django_tasks_kubernetes.admin.places import place_of
from django_tasks_kubernetes.admin.reading import Reading, View, count, forget, pages, read
from django_tasks_kubernetes.presentation.tables import Page
from djangotasks_api.task_ids import id_for
from tests.unit.backend.admin.conftest import made_task, tables_of
from tests.unit.backend.web_server import Server


def reading(view: View) -> Reading:
    place = place_of(None)
    assert place is not None
    answer = read(place, view)
    assert answer.problem is None
    assert answer.value is not None
    return answer.value


def minutes(tasks: list[dict[str, Any]], found: Reading) -> list[int]:
    names = [task["metadata"]["name"] for task in tasks]
    return [names.index(row.id) for row in found.rows]


def test_all_that_fit_are_one_request(api_server: Server) -> None:
    tasks = [made_task(minute) for minute in range(5)]
    api_server.answer = tables_of(*tasks)
    found = reading(View(limit=5))
    assert (minutes(tasks, found), found.is_complete, found.number) == ([4, 3, 2, 1, 0], True, 5)
    assert len(api_server.requests) == 1


def test_of_more_the_newest_are_read_and_the_number_is_known(api_server: Server) -> None:
    tasks = [made_task(minute) for minute in range(7)]
    api_server.answer = tables_of(*tasks)
    found = reading(View(limit=3))
    assert (minutes(tasks, found), found.is_complete, found.number) == ([6, 5, 4], False, 7)
    assert found.older is not None
    assert len(api_server.requests) == 2


def test_where_all_would_be_too_many_fewer_are_read(api_server: Server) -> None:
    tasks = [made_task(minute) for minute in range(7)]
    api_server.answer = tables_of(*tasks)
    found = reading(View(limit=6, first=2))
    assert (minutes(tasks, found), found.is_complete, found.number) == ([6, 5], False, 7)
    older = reading(View(limit=6, first=2, older=found.older))
    assert minutes(tasks, older) == [4, 3]


def test_where_they_are_not_too_many_all_are_read(api_server: Server) -> None:
    tasks = [made_task(minute) for minute in range(7)]
    api_server.answer = tables_of(*tasks)
    found = reading(View(limit=7, first=2))
    assert (minutes(tasks, found), found.is_complete, found.number) == ([6, 5, 4, 3, 2, 1, 0], True, 7)
    assert len(api_server.requests) == 2


def test_names_that_do_not_tell_the_time_are_not_looked_for_all_the_time(api_server: Server) -> None:
    tasks = [made_task(minute) for minute in range(7)]
    api_server.answer = tables_of(*tasks)
    for _ in range(3):
        reading(View(limit=3))
        KEEPER.clear()
    assert ["labelSelector" in request.path for request in api_server.requests] == [False, True, False, False]
    forget()
    # A filter that finds none says nothing of the others.
    for _ in range(2):
        reading(View(limit=3, fields="spec.queue=mail"))
        KEEPER.clear()
    assert ["labelSelector" in request.path for request in api_server.requests][4:] == [False, True, False, True]


def test_a_selector_leaves_the_number_unknown(api_server: Server) -> None:
    api_server.answer = tables_of(*(made_task(minute) for minute in range(7)))
    found = reading(View(fields="spec.queue=mail", limit=3))
    assert (found.is_complete, found.number) == (False, None)


def test_the_newest_may_have_a_name_that_does_not_tell_the_time(api_server: Server) -> None:
    tasks = [made_task(minute) for minute in range(6)]
    tasks += [made_task(6, "zz-by-hand"), made_task(-1, id_for("shop.tasks.send", "key"))]
    api_server.answer = tables_of(*tasks)
    found = reading(View(limit=3))
    assert (minutes(tasks, found), found.number) == ([6, 5, 4, 3], 8)


@pytest.mark.parametrize(
    ("in_order", "limit", "expected", "is_newest"),
    [
        (5, 12, [14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2], True),
        (5, 3, [14, 13, 12, 4, 3, 2], False),
        (0, 3, [14, 13, 12], True),
        (2, 4, [14, 13, 12, 11, 1, 0], False),
    ],
)
def test_the_newest_times_of_a_schedule_are_found_however_many_there_are(
    api_server: Server, in_order: int, limit: int, expected: list[int], is_newest: bool
) -> None:
    """They are listed by name, the oldest first."""
    tasks = [made_task(minute) for minute in range(in_order)]
    tasks += [made_task(minute, f"poll-2026112912{minute:02}") for minute in range(in_order, 15)]
    api_server.answer = tables_of(*tasks)
    found = reading(View(limit=limit, first=3))
    assert (minutes(tasks, found), found.is_newest, found.number) == (expected, is_newest, 15)


def test_no_task_is_on_no_page(api_server: Server) -> None:
    tasks = [made_task(minute) for minute in range(5)]
    tasks += [made_task(minute, f"poll-2026112912{minute:02}") for minute in range(5, 8)]
    api_server.answer = tables_of(*tasks)
    found = reading(View(limit=4, first=3))
    seen = set(minutes(tasks, found))
    while found.older is not None:
        found = reading(View(limit=4, first=3, older=found.older))
        seen |= set(minutes(tasks, found))
    assert seen == set(range(8))


def test_it_says_where_it_has_not_read_all(api_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_tasks_kubernetes.admin.reading.PAGES_MAX", 2)
    api_server.answer = tables_of(*(made_task(minute, f"poll-2026112912{minute:02}") for minute in range(10)))
    assert reading(View(limit=3)).is_newest is False
    assert len(api_server.requests) == 3


def test_a_list_whose_pages_take_long_is_not_read_to_its_end() -> None:
    clock = iter((0.0, 6.0, 12.0)).__next__
    tokens = [page.token for page in pages(lambda token: Page(rows=[], token=f"{token or ''}."), clock)]
    assert tokens == [".", ".."]


def test_older_ones_follow(api_server: Server) -> None:
    tasks = [made_task(minute) for minute in range(7)]
    api_server.answer = tables_of(*tasks)
    first = reading(View(limit=3))
    second = reading(View(limit=3, older=first.older))
    third = reading(View(limit=3, older=second.older))
    assert (minutes(tasks, second), minutes(tasks, third), third.older) == ([3, 2, 1], [0], None)


def test_a_count_is_one_request_of_one_row(api_server: Server) -> None:
    api_server.answer = tables_of(*(made_task(minute) for minute in range(7)))
    place = place_of(None)
    assert place is not None
    assert count(place).value == 7
    assert ["limit=1&" in request.path for request in api_server.requests] == [True]


@pytest.mark.parametrize("limit", [2, 9])
def test_a_read_is_kept(api_server: Server, limit: int) -> None:
    api_server.answer = tables_of(*(made_task(minute) for minute in range(4)))
    reading(View(limit=limit))
    asked = len(api_server.requests)
    reading(View(limit=limit))
    assert len(api_server.requests) == asked
