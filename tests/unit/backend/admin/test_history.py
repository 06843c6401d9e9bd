"""The page of the history, and of one of its tasks."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.utils import timezone

from django_tasks_kubernetes.admin import TaskAdmin
from django_tasks_kubernetes.models import TaskHistory
from djangotasks_api.task_ids import new_id
from tests.unit.backend.admin.conftest import LogIn, tables_of
from tests.unit.backend.kube.test_client import kubeconfig
from tests.unit.backend.web_server import Server

LIST = "/admin/django_tasks_kubernetes/taskhistory/"
TASKS = "/admin/django_tasks_kubernetes/task/"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def keeping(server: Server, tmp_path: Path) -> Iterator[Server]:
    """A project that keeps a history, and an API server that has no task."""
    options = {"NAMESPACE": "shop", "KUBECONFIG": kubeconfig(tmp_path, server.url), "HISTORY_DAYS": 30}
    server.answer = tables_of()
    with override_settings(TASKS={"default": settings.TASKS["default"] | {"OPTIONS": options}}):
        yield server


def ended(name: str = "one", minutes: float = 5, phase: str = "Succeeded", **fields: Any) -> TaskHistory:
    """Enqueued 12 seconds before its end, and started 10 before."""
    at = timezone.now() - timedelta(minutes=minutes)
    times = {"enqueued_at": at - timedelta(seconds=12), "started_at": at - timedelta(seconds=10), "finished_at": at}
    values = {"task": "shop.tasks.send", "queue": "mail", "backend": "default", "attempts": 1} | times | fields
    return TaskHistory.objects.create(uid=f"uid-{name}", task_id=name, phase=phase, **values)


def listed(client: Client, query: str = "") -> list[str]:
    response = client.get(LIST + query)
    assert response.status_code == 200
    return [row.task_id for row in response.context["cl"].result_list]


def text_of(client: Client, address: str = LIST) -> str:
    response = client.get(address)
    assert response.status_code == 200
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", response.text)
    return " ".join(re.sub(r"<[^>]*>", " ", response.text).split())


@pytest.fixture
def reader(log_in: LogIn) -> Client:
    return log_in("view_task", "view_taskhistory")


def test_it_lists_what_ended_the_newest_first(keeping: Server, reader: Client) -> None:
    ended("old", 3000)
    ended("new", 1, "Failed", reason="TaskError", exception="smtplib.SMTPServerDisconnected", memory_bytes=2**29)
    assert listed(reader) == ["new", "old"]
    text = text_of(reader)
    for words in (
        "✗ Failed",
        "SMTPServerDisconnected",
        "2.0s",
        "10s",
        "512 MiB",
        "The oldest ended 2d ago",
        "for 30 days",
    ):
        assert words in text, words
    assert keeping.requests == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?phase=Failed", ["failed"]),
        ("?queue=reports", ["reports"]),
        ("?task=shop.tasks.other", ["other"]),
        ("?reason=OOMKilled", ["failed"]),
        ("?exception=a.B", ["other"]),
        ("?schedule=nightly", ["reports"]),
        ("?within=1h", ["failed", "other"]),
        ("?within=24h&phase=Succeeded", ["other", "reports"]),
        ("?q=no+memory", ["failed"]),
        ("?q=reports", ["reports"]),
        ("?phase=none", []),
    ],
)
def test_filters_and_search(keeping: Server, reader: Client, query: str, names: list[str]) -> None:
    ended("failed", 1, "Failed", reason="OOMKilled", message="no memory")
    ended("other", 2, task="shop.tasks.other", exception="a.B")
    ended("reports", 600, queue="reports", schedule="nightly")
    ended("old", 9000, queue="old", task="shop.tasks.old")
    assert listed(reader, query) == names


def test_it_is_few_queries_however_many_rows(
    keeping: Server, reader: Client, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(120):
        ended(str(number), number)
    # The person and the permissions of both; how far back; the newest, for the filters; how many; the rows.
    with django_assert_num_queries(7):
        reader.get(LIST)
    assert len(listed(reader)) == 50
    monkeypatch.setattr("django_tasks_kubernetes.admin.history.COUNTED_MAX", 100)
    assert reader.get(f"{LIST}?p=2").context["cl"].result_count == 100


def test_it_does_not_count_for_each_choice(keeping: Server, reader: Client, django_assert_num_queries: Any) -> None:
    ended()
    with django_assert_num_queries(7):
        assert "Show counts" not in reader.get(f"{LIST}?_facets=True").text


def test_nothing_yet_asks_for_the_process_that_writes_it(keeping: Server, reader: Client) -> None:
    text = text_of(reader)
    assert "It is written by manage.py watch_tasks: does that run?" in text
    assert "0 tasks that ended" in text
    assert "No row matches." in text_of(reader, f"{LIST}?phase=Failed")


def test_one_row(keeping: Server, reader: Client) -> None:
    row = ended(message=f"{HOSTILE}", task=f"shop.{HOSTILE}", cpu_seconds=88.04, workflow="wf")
    text = text_of(reader, f"{LIST}{row.pk}/change/")
    for words in ("88.0 s", "alert(1)", "wf", "2.0s"):
        assert words in text, words
    response = reader.get(f"{LIST}{row.pk}/change/")
    assert f'href="{TASKS}one/change/"' in response.text
    assert HOSTILE not in response.text
    for path in ("delete/", "add/"):
        assert reader.post(f"{LIST}{row.pk}/delete/" if path == "delete/" else LIST + path).status_code == 403


def test_an_id_without_dashes_leads_to_it_too(keeping: Server, reader: Client) -> None:
    name = new_id()
    row = ended(name)
    response = reader.get(f"{TASKS}{UUID(name).hex}/change/")
    assert (response.status_code, response.headers["Location"]) == (302, f"{LIST}{row.pk}/change/")
    assert reader.get(f"{TASKS}%00/change/").status_code == 404


def test_the_page_of_a_task_that_is_gone_leads_to_it(keeping: Server, reader: Client, viewer: Client) -> None:
    row = ended("gone")
    response = reader.get(f"{TASKS}gone/change/", follow=True)
    assert response.redirect_chain == [(f"{LIST}{row.pk}/change/", 302)]
    assert "The task is not in the cluster any more." in response.text
    assert reader.get(f"{TASKS}never/change/").status_code == 404
    assert reader.get(f"{TASKS}gone/change/?part=task").status_code == 404
    assert viewer.get(f"{TASKS}gone/change/").status_code == 404


def test_rows_of_other_queues_do_not_exist(keeping: Server, reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TaskAdmin, "queues_for", lambda self, request: {"mail"})
    ended("mine"), ended("other", queue="secret", task="shop.hidden")
    assert listed(reader) == ["mine"]
    assert "secret" not in reader.get(LIST).text
    assert reader.get(f"{LIST}uid-other/change/").status_code == 302
    assert reader.get(f"{TASKS}other/change/").status_code == 404


def test_permissions_and_a_history_that_is_off(keeping: Server, log_in: LogIn, reader: Client) -> None:
    assert log_in("view_task").get(LIST).status_code == 403
    assert f'href="{LIST}"' in reader.get(TASKS).text
    with override_settings(TASKS={"default": settings.TASKS["default"] | {"OPTIONS": {"NAMESPACE": "shop"}}}):
        assert reader.get(LIST).status_code == 403
