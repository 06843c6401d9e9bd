"""The page of ends that receivers failed on, or wait for."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.admin import TaskAdmin
from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.models import TaskEnd
from django_tasks_kubernetes.notify import inbox
from tests.unit.backend.admin.conftest import LogIn, made_task
from tests.unit.backend.notify.receivers import dispatch_next
from tests.unit.backend.web_server import Server

LIST = "/admin/django_tasks_kubernetes/taskend/"
ALL = ("view_taskend", "change_taskend", "delete_taskend")
HOSTILE = "<script>alert(1)</script>"
DEAD = {"tries": 10, "error": "shop.receivers.book: ValueError: no such order"}


def receiver(**kwargs: Any) -> None:
    """Is there to be connected."""


@pytest.fixture(autouse=True)
def connected() -> Iterator[None]:
    signals.task_ended.connect(receiver)
    yield
    signals.task_ended.disconnect(receiver)


def end(key: str, **fields: Any) -> TaskEnd:
    """Of a task; without fields one that is about to be dispatched."""
    values: dict[str, Any] = {"task": "shop.tasks.send", "queue": "mail", "next_try_at": timezone.now()} | fields
    return TaskEnd.objects.create(
        key=key, uid=key, task_id=f"id-of-{key}", backend="default", resource="{}", seen_at=timezone.now(), **values
    )


def dead(key: str = "dead", **fields: Any) -> TaskEnd:
    return end(key, next_try_at=None, **DEAD | fields)


def text_of(client: Client, query: str = "") -> str:
    response = client.get(LIST + query)
    assert response.status_code == 200
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", response.text)
    table = response.text.partition('id="result_list"')[2].partition("</table>")[0] or response.text
    return " ".join(re.sub(r"<[^>]*>", " ", table).split())


def done(client: Client, name: str, *keys: str) -> str:
    """What is said after it was asked, and confirmed."""
    asked = client.post(LIST, {"action": f"{name}_selected", "_selected_action": keys})
    assert asked.status_code == 200
    answer = client.post(f"{LIST}act/", {"act": name, "pks": asked.context["pks"]}, follow=True)
    return " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())


def test_those_that_are_not_dispatched_with_what_receivers_raised(log_in: LogIn) -> None:
    end("new", task="shop.tasks.new")
    end("failing", task="shop.tasks.failing", tries=2, error="shop.receivers.book: KeyError", attempt=2)
    dead(task="shop.tasks.dead")
    end("done", task="shop.tasks.done", dispatched_at=timezone.now(), next_try_at=None)
    client = log_in(*ALL)
    found = {query: re.findall(r"shop\.tasks\.(\w+)", text_of(client, query)) for query in
             ("", "?state=failing", "?state=given-up", "?state=dispatched")}  # fmt: skip
    assert {query: set(names) for query, names in found.items()} == {
        "": {"new", "failing", "dead"},
        "?state=failing": {"failing"},
        "?state=given-up": {"dead"},
        "?state=dispatched": {"done"},
    }
    text = text_of(client)
    for words in ("given up", "no such order", "attempt 2", "KeyError", "waiting"):
        assert words in text, words


def test_all_were_called(log_in: LogIn) -> None:
    assert "All receivers were called for all ends" in text_of(log_in(*ALL))


def test_it_reads_no_resources(log_in: LogIn, django_assert_num_queries: Any) -> None:
    for number in range(60):
        dead(f"dead-{number}")
    client = log_in(*ALL)
    # As the outbox: a filter has its choices from the table.
    with django_assert_num_queries(6) as queries:
        client.get(LIST)
    assert not any('"resource"' in query["sql"] for query in queries.captured_queries)


def test_receivers_are_called_again(log_in: LogIn, db: None) -> None:
    made = made_task(phase="Failed", reason="OOMKilled", finishedAt="2026-11-29T12:03:00Z")
    backend = KubernetesBackend("default", {"OPTIONS": {"NAMESPACE": "shop"}})
    made["spec"]["task"] = "tests.unit.backend.tasks.echo"
    calls: list[str] = []
    signals.task_ended.connect(called := lambda **kwargs: calls.append(kwargs["reason"]), weak=False)
    try:
        (key,) = inbox.record(backend, [made], "default")
        TaskEnd.objects.update(**DEAD, next_try_at=None)
        assert not dispatch_next(backend)
        assert "Call receivers again: 1 row." in done(log_in(*ALL), "again", key)
        assert dispatch_next(backend)
    finally:
        signals.task_ended.disconnect(called)
    assert calls == ["OOMKilled"]
    assert LogEntry.objects.get().change_message == "Receivers are called again."
    row = TaskEnd.objects.get()
    assert (row.task, row.queue) == ("tests.unit.backend.tasks.echo", "mail")


def test_no_more_receivers_are_called_and_the_end_is_not_new_again(log_in: LogIn) -> None:
    dead(), end("failing", tries=1, error="x")
    client = log_in(*ALL)
    assert "Call no more receivers: 2 rows." in done(client, "discard", "dead", "failing")
    assert list(TaskEnd.objects.values_list("next_try_at", "resource")) == [(None, "")] * 2
    assert "All receivers were called" in text_of(client)
    assert "discarded" in text_of(client, "?state=all")
    late = client.post(f"{LIST}act/", {"act": "again", "pks": "dead"}, follow=True)
    assert "1 row was left alone" in late.text


def test_one_row(log_in: LogIn) -> None:
    dead("uid/2", attempt=2, error=HOSTILE, task=f"shop.{HOSTILE}", dispatched_to="shop.receivers.alert")
    response = log_in(*ALL).get(f"{LIST}uid_2F2/change/")
    assert response.status_code == 200
    for words in ("shop.receivers.alert", "Call receivers again…", "Call no more receivers…", 'value="uid/2"'):
        assert words in response.text, words
    assert HOSTILE not in response.text
    assert "alert(1)" in response.text


@pytest.mark.parametrize(
    ("permissions", "listed", "again", "discard"),
    [
        ((), 403, 403, 403),
        (("view_taskend",), 200, 403, 403),
        (("view_taskend", "change_taskend"), 200, 302, 403),
        (("view_taskend", "delete_taskend"), 200, 403, 302),
    ],
)
def test_permissions(
    log_in: LogIn, permissions: tuple[str, ...], listed: int, again: int, discard: int, db: None
) -> None:
    dead()
    client = log_in(*permissions)
    assert client.get(LIST).status_code == listed
    assert client.post(f"{LIST}act/", {"act": "again", "pks": "dead"}).status_code == again
    assert client.post(f"{LIST}act/", {"act": "discard", "pks": "dead"}).status_code == discard


def test_ends_of_other_queues_do_not_exist(log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TaskAdmin, "queues_for", lambda self, request: {"mail"})
    dead(), dead("other", queue="secret", task="shop.hidden")
    client = log_in(*ALL)
    assert "hidden" not in text_of(client)
    client.post(f"{LIST}act/", {"act": "discard", "pks": "other"})
    assert TaskEnd.objects.get(pk="other").dispatched_at is None


def test_without_a_receiver_there_is_no_page(api_server: Server, log_in: LogIn) -> None:
    api_server.answer = lambda request: None
    client = log_in("view_task", *ALL)
    tasks = "/admin/django_tasks_kubernetes/task/"
    assert f'href="{LIST}"' in client.get(tasks).text
    signals.task_ended.disconnect(receiver)
    assert client.get(LIST).status_code == 403
    assert f'href="{LIST}"' not in client.get(tasks).text
