"""The page of tasks that are to be sent."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from django_tasks_kubernetes.admin import TaskAdmin
from django_tasks_kubernetes.models import OutboxTask
from tests.unit.backend.admin.conftest import LogIn, made_task
from tests.unit.backend.kube.test_client import kubeconfig
from tests.unit.backend.web_server import Request, Server

LIST = "/admin/django_tasks_kubernetes/outboxtask/"
ALL = ("view_outboxtask", "change_outboxtask", "delete_outboxtask")
HOSTILE = "<script>alert(1)</script>\x1b[31m"


@pytest.fixture
def outbox(server: Server, tmp_path: Path) -> Iterator[Server]:
    """An API server that takes what is sent, and a project whose tasks go through the outbox."""
    options = {"NAMESPACE": "shop", "KUBECONFIG": kubeconfig(tmp_path, server.url), "ENQUEUE": "outbox"}
    server.answer = lambda request: (201, request.body, {})
    with override_settings(TASKS={"default": settings.TASKS["default"] | {"OPTIONS": options}}):
        yield server


def row(minutes: float = 1, error: str = "", using: str = "default", **fields: Any) -> OutboxTask:
    """A row of so many minutes ago; with an error, tried three times."""
    at = timezone.now() - timedelta(minutes=minutes)
    made = made_task()
    values = {"id": made["metadata"]["name"], "backend": "default", "task": "shop.tasks.send", "queue": "mail"} | fields
    times = {"created_at": at, "next_try_at": at + timedelta(minutes=30)}
    tries = {"tries": 3, "error": error} if error else {}
    return OutboxTask.objects.using(using).create(resource=json.dumps(made), **values, **times, **tries)


def text_of(client: Client, query: str = "") -> str:
    response = client.get(LIST + query)
    assert response.status_code == 200
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", response.text)
    return " ".join(re.sub(r"<[^>]*>", " ", response.text).split())


def answer_of(client: Client, name: str, *rows: OutboxTask) -> str:
    """What is said after it was asked, and confirmed."""
    action = {"action": f"{name}_selected", "_selected_action": [one.pk for one in rows]}
    asked = client.post(LIST, action)
    assert asked.status_code == 200
    assert all(one.task in asked.text for one in rows)
    done = client.post(f"{LIST}act/", {"act": name, "pks": asked.context["pks"]}, follow=True)
    return " ".join(re.sub(r"<[^>]*>", " ", done.text).split())


def test_it_says_what_waits_and_what_fails_with_the_error(outbox: Server, log_in: LogIn) -> None:
    row(), row(15, "The API server refused it: quota exceeded")
    client = log_in(*ALL)
    text = text_of(client)
    for words in ("shop.tasks.send", "failing", "quota exceeded", "waiting", "15m ago", "in 2"):
        assert words in text, words
    assert "quota exceeded" not in text_of(client, "?state=waiting")
    assert "quota exceeded" in text_of(client, "?state=failing&q=quota")
    assert "No row matches" in text_of(client, "?q=nothing+like+this")


def test_nothing_waits(outbox: Server, log_in: LogIn) -> None:
    assert "Nothing waits to be sent" in text_of(log_in(*ALL))


def test_it_asks_no_cluster_and_reads_no_resources(
    outbox: Server, log_in: LogIn, django_assert_num_queries: Any
) -> None:
    for _ in range(60):
        row()
    client = log_in(*ALL)
    # The person and the permissions of both; how many rows; the rows; and the choices of a filter.
    with django_assert_num_queries(6) as queries:
        client.get(LIST)
    assert not any('"resource"' in query["sql"] for query in queries.captured_queries)
    assert outbox.requests == []


def test_send_now(outbox: Server, log_in: LogIn) -> None:
    first, second = row(error="The cluster is away"), row()
    text = answer_of(log_in(*ALL), "send", first, second)
    assert "Send now: 2 rows." in text
    assert not OutboxTask.objects.exists()
    assert {request.body["metadata"]["name"] for request in outbox.requests} == {first.pk, second.pk}
    assert {(entry.object_id, entry.change_message) for entry in LogEntry.objects.all()} == {
        (first.pk, "Sent."),
        (second.pk, "Sent."),
    }


def test_one_that_is_refused_stays_with_the_error(outbox: Server, log_in: LogIn) -> None:
    refused, other = row(), row()

    def answer(request: Request) -> Any:
        if request.body["metadata"]["name"] == refused.pk:
            return 422, {"kind": "Status", "reason": "Invalid", "code": 422, "message": "no such queue"}, {}
        return 201, request.body, {}

    outbox.answer = answer
    text = answer_of(log_in(*ALL), "send", refused, other)
    assert "Send now: 1 row." in text
    assert "1 row: The cluster refused it. Ask your administrator." in text
    left = OutboxTask.objects.get()
    assert (left.pk, left.tries) == (refused.pk, 1)
    assert "no such queue" in left.error


def test_a_cluster_that_is_away_is_asked_once(outbox: Server, log_in: LogIn) -> None:
    rows = [row() for _ in range(5)]
    outbox.answer = lambda request: None
    answer_of(log_in(*ALL), "send", *rows)
    assert len(outbox.requests) == 1
    assert sorted(OutboxTask.objects.values_list("tries", flat=True)) == [0, 0, 0, 0, 1]


def test_discard(outbox: Server, log_in: LogIn) -> None:
    gone, stays = row(), row()
    client = log_in(*ALL)
    assert "Discard: 1 row." in answer_of(client, "discard", gone)
    assert [one.pk for one in OutboxTask.objects.all()] == [stays.pk]
    again = client.post(f"{LIST}act/", {"act": "discard", "pks": gone.pk}, follow=True)
    assert "1 row was left alone: it is done already" in again.text
    assert outbox.requests == []


def test_one_row(outbox: Server, log_in: LogIn) -> None:
    one = row(error=f"{HOSTILE}\nsecond line", task=f"shop.{HOSTILE}", cancel_reason="wrong month")
    response = log_in(*ALL).get(f"{LIST}{one.pk}/change/")
    assert response.status_code == 200
    for words in ("second line", "wrong month", "Send now…", "Discard…"):
        assert words in response.text, words
    assert "<script>alert" not in response.text
    assert "\x1b" not in response.text


@pytest.mark.parametrize(
    ("permissions", "listed", "send", "discard"),
    [
        ((), 403, 403, 403),
        (("view_outboxtask",), 200, 403, 403),
        (("view_outboxtask", "change_outboxtask"), 200, 302, 403),
        (("view_outboxtask", "delete_outboxtask"), 200, 403, 302),
        (("change_outboxtask", "delete_outboxtask"), 403, 403, 403),
    ],
)
def test_permissions(
    outbox: Server, log_in: LogIn, permissions: tuple[str, ...], listed: int, send: int, discard: int
) -> None:
    client = log_in(*permissions)
    pks = {"pks": row().pk}
    assert client.get(LIST).status_code == listed
    assert client.post(f"{LIST}act/", pks | {"act": "discard"}).status_code == discard
    pks = {"pks": row().pk}
    assert client.post(f"{LIST}act/", pks | {"act": "send"}).status_code == send
    assert client.post(f"{LIST}{pks['pks']}/delete/", {"post": "yes"}).status_code == 403


def test_rows_of_other_queues_do_not_exist(outbox: Server, log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TaskAdmin, "queues_for", lambda self, request: {"mail"})
    row(), row(queue="secret", task="shop.hidden"), row(queue="", task="shop.of_an_older_version")
    client = log_in(*ALL)
    text = text_of(client)
    assert "shop.tasks.send" in text
    assert "hidden" not in text
    assert "older_version" not in text
    other = OutboxTask.objects.get(queue="secret")
    assert client.get(f"{LIST}{other.pk}/change/").status_code == 302
    client.post(f"{LIST}act/", {"act": "discard", "pks": other.pk})
    assert OutboxTask.objects.filter(pk=other.pk).exists()


def test_without_an_outbox_there_is_no_page(api_server: Server, log_in: LogIn) -> None:
    client = log_in("view_task", *ALL)
    assert client.get(LIST).status_code == 403
    api_server.answer = lambda request: None
    assert "To be sent" not in client.get("/admin/django_tasks_kubernetes/task/").text


def test_a_tab_leads_to_it(outbox: Server, log_in: LogIn) -> None:
    outbox.answer = lambda request: None
    assert f'href="{LIST}"' in log_in("view_task", *ALL).get("/admin/django_tasks_kubernetes/task/").text


@pytest.mark.parametrize("form", [{"act": "send", "pks": ""}, {"act": "none", "pks": "one"}, {"pks": "one"}])
def test_a_form_that_no_page_has_is_a_bad_request(outbox: Server, log_in: LogIn, form: dict[str, str]) -> None:
    assert log_in(*ALL).post(f"{LIST}act/", form).status_code == 400


def test_a_process_of_the_version_before_writes_rows_too(outbox: Server, log_in: LogIn) -> None:
    """It does not know the columns `task` and `queue`."""
    known = "id, backend, resource, created_at, next_try_at, tries, error"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {OutboxTask._meta.db_table} ({known}) VALUES (%s, %s, %s, %s, %s, 0, '')",
            ["old", "default", json.dumps(made_task(name="old")), timezone.now(), timezone.now()],
        )
    assert "Send now: 1 row." in done_by_hand(log_in(*ALL), "old")


def done_by_hand(client: Client, pk: str) -> str:
    return client.post(f"{LIST}act/", {"act": "send", "pks": pk}, follow=True).text
