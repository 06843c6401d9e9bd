"""Who may see some queues finds their tasks, however many newer ones there are of others."""

from typing import Any

import pytest
from django.test import Client

from django_tasks_kubernetes.admin import TaskAdmin
from django_tasks_kubernetes.admin.reading import forget
from tests.unit.backend.admin.conftest import LIST, made_task, tables_of
from tests.unit.backend.web_server import Server

FAILED = {"phase": "Failed", "reason": "TaskError"}
NOTHING = "None of these is of a queue that you may see."


@pytest.fixture
def crowded(api_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """One old task of `mail`, and more new ones of another queue than a page reads."""
    for module in ("overview_reading", "failures"):
        monkeypatch.setattr(f"django_tasks_kubernetes.admin.{module}.ROWS_MAX", 3)
    monkeypatch.setattr("django_tasks_kubernetes.admin.reading.PAGES_MAX", 1)
    monkeypatch.setattr(TaskAdmin, "list_max_read", 3)
    other: dict[str, Any] = {"spec": {"queue": "bulk", "task": "shop.bulk"}}
    mine: dict[str, Any] = {"spec": {"queue": "mail", "task": "shop.mine"}}
    api_server.answer = tables_of(
        made_task(1, **mine), made_task(2, **FAILED, **mine),
        *(made_task(minute, **other) for minute in range(10, 15)), *(made_task(minute, **FAILED, **other) for minute in range(20, 25)),
    )  # fmt: skip
    return api_server


def see(monkeypatch: pytest.MonkeyPatch, *queues: str) -> None:
    forget()
    monkeypatch.setattr(TaskAdmin, "queues_for", lambda self, request: list(queues))


def test_who_may_see_one_queue_reads_that_alone(
    crowded: Server, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    see(monkeypatch, "mail")
    listed = viewer.get(LIST)
    assert [task.row.task for task in listed.context["cl"].result_list] == ["shop.mine"] * 2
    assert listed.context["cl"].is_complete
    assert viewer.get(f"{LIST}?queue=bulk").context["cl"].result_count == 0
    overview = viewer.get(f"{LIST}overview/")
    assert (overview.context["waiting"], overview.context["open_failures"]) == (1, 1)
    assert "There are more" not in overview.text
    assert viewer.get(f"{LIST}failures/?within=30d").context["read"] == 1
    assert "shop.bulk" not in listed.text + overview.text


def test_who_may_see_several_reads_how_to_find_their_tasks(
    crowded: Server, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    see(monkeypatch, "mail", "quiet")
    text = viewer.get(LIST).text
    assert NOTHING in text
    assert "No tasks yet" not in text
    assert 'href="?queue=mail"' in text
    assert viewer.get(f"{LIST}?queue=mail").context["cl"].result_count == 2
    assert "These are of all queues" in viewer.get(f"{LIST}overview/").text
