"""The page of one task, and its data."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from django_tasks_kubernetes.admin.data import SHOWN_MAX
from django_tasks_kubernetes.testing import InMemoryCluster
from tests.unit.backend.admin.conftest import LIST, LogIn, made_task, put, tables_of
from tests.unit.backend.admin.queue_answers import QueueServer, made, queue_resource
from tests.unit.backend.resources import attempt
from tests.unit.backend.web_server import Server

ENDED = {"startedAt": "2026-11-29T12:00:02Z", "finishedAt": "2026-11-29T12:00:05Z"}
FAILED: dict[str, Any] = {
    "phase": "Failed",
    "reason": "TaskError",
    "message": "KeyError: 'x'",
    "attempts": [
        attempt(1, reason="Evicted", node="node-1", **ENDED),
        attempt(
            2,
            reason="TaskError",
            message="KeyError: 'x'",
            exitCode=1,
            usage={"memoryBytes": 536_870_912, "memoryLimitBytes": 2**30, "cpuSeconds": 88.04},
            image="shop:1",
            error={"type": "builtins.KeyError", "traceback": "Traceback\n  line 7"},
            **ENDED,
        ),
    ],
    "logTail": {"attempt": 2, "text": "reading orders.csv"},
    **ENDED,
}
PAYLOAD = '{"args":[12345678901234567890],"kwargs":{"password":"a-secret","month":7}}'


def page(client: Client, name: str, more: str = "") -> str:
    response = client.get(f"{LIST}{name}/change/{more}")
    assert response.status_code == 200
    return " ".join(response.text.split())


def test_a_failed_task(cluster: InMemoryCluster, viewer: Client) -> None:
    text = page(viewer, put(cluster, **FAILED))
    for words in ("✗ Failed", "KeyError: &#x27;x&#x27;", "Evicted", "node-1", "shop:1", "builtins.KeyError", "line 7"):
        assert words in text, words
    for words in ("512 MiB of 1,024 MiB", "88.0 s"):
        assert words in text, words


def test_a_task_is_named_where_a_theme_has_no_title_and_leads_to_others_of_its_kind(
    cluster: InMemoryCluster, viewer: Client
) -> None:
    name = put(cluster, **FAILED)
    task = cluster.resources[name]["spec"]["task"]
    assert f'<dt>Task</dt><dd><a href="{LIST}?task={task}">{task}</a></dd>' in page(viewer, name)


def test_who_asks_the_cluster_for_the_log_is_given_the_commands(cluster: InMemoryCluster, viewer: Client) -> None:
    name = put(cluster, **FAILED)
    assert f"kubectl describe djangotask {name} -n shop kubectl logs one-2 -n shop" in page(viewer, name)


def test_related_tasks(cluster: InMemoryCluster, viewer: Client) -> None:
    parent, first = put(cluster, 1), put(cluster, 2)
    spec = {"enqueuedBy": {"name": parent, "uid": "u", "attempt": 1}, "retryOf": first, "schedule": "nightly"}
    text = page(viewer, put(cluster, 3, spec=spec | {"workflow": {"name": "wf", "step": "render", "index": 3}}))
    for words in (f"{LIST}{parent}/change/", f"{LIST}{first}/change/", "nightly", ">wf<", "render[3]"):
        assert words in text, words


def test_data_is_for_those_who_may_see_it(cluster: InMemoryCluster, viewer: Client, log_in: LogIn) -> None:
    name = put(cluster, spec={"payload": PAYLOAD}, **FAILED | {"result": '"a result"'})
    text = page(viewer, name)
    for hidden in ("12345678901234567890", "month", "a result", "reading orders.csv", "a-secret"):
        assert hidden not in text, hidden
    text = page(log_in("view_task", "view_task_data"), name)
    for shown in ("12345678901234567890", "month", "a result", "reading orders.csv", "********"):
        assert shown in text, shown
    assert "a-secret" not in text


def test_a_download_has_the_exact_text_without_secrets(cluster: InMemoryCluster, log_in: LogIn) -> None:
    client = log_in("view_task", "view_task_data")
    name = put(cluster, spec={"payload": PAYLOAD}, **FAILED | {"result": "[1.10, 2e400]"})
    arguments = client.get(f"{LIST}{name}/arguments/")
    assert "12345678901234567890" in arguments.text
    assert "a-secret" not in arguments.text
    assert arguments.headers["Content-Disposition"] == f'attachment; filename="{name}-arguments.json"'
    assert arguments.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get(f"{LIST}{name}/result/").text == "[1.10, 2e400]"
    plain = put(cluster, 1, spec={"payload": '{"args": [ 1.10 ],"kwargs":{}}'})
    assert client.get(f"{LIST}{plain}/arguments/").text == '{"args": [ 1.10 ],"kwargs":{}}'
    assert client.get(f"{LIST}{plain}/result/").status_code == 404


def test_large_data_is_cut(cluster: InMemoryCluster, log_in: LogIn) -> None:
    name = put(cluster, spec={"payload": '{"args":["' + "x" * 300_000 + '"],"kwargs":{}}'}, phase="Running")
    assert len(page(log_in("view_task", "view_task_data"), name)) < 60_000


def test_a_task_is_one_request_and_few_queries(
    api_server: Server, viewer: Client, django_assert_num_queries: Any
) -> None:
    task = made_task(phase="Running")
    api_server.answer = tables_of(task)
    # The person, and the permissions twice: of groups and of the person.
    with django_assert_num_queries(3):
        page(viewer, task["metadata"]["name"])
    assert len(api_server.requests) == 1


def test_a_task_without_a_reason_has_that_of_its_queue(api_server: Server, viewer: Client, log_in: LogIn) -> None:
    hold = made("mail", {"concurrency": 0, "by": "jane", "reason": "prices are wrong"}, "1")
    queues = QueueServer(queue_resource("mail"), queue_resource("reports"), holds=(hold,))
    waiting, other = made_task(phase="Queued"), made_task(1, phase="Queued", reason="QuotaExceeded")
    queues.tasks = [waiting, other]
    api_server.answer = queues
    client = log_in("view_task", "view_queue")
    name = waiting["metadata"]["name"]
    assert "Its queue mail: It is held by jane: paused (prices are wrong)" in page(client, name)
    # The task, the queues, and the holds. Those of the queues are kept.
    assert len(api_server.requests) == 3
    assert "Its queue" not in page(client, other["metadata"]["name"])
    assert "Its queue" not in page(viewer, name)
    assert len(api_server.requests) == 4


@pytest.mark.parametrize("name", ["gone", "00000000-0000-8000-8000-000000000000", "a_b", "none.gone", "x" * 300])
def test_a_task_that_is_not_there(cluster: InMemoryCluster, viewer: Client, name: str) -> None:
    assert viewer.get(f"{LIST}{name}/change/").status_code == 404


HOSTILE = "<script>alert(1)</script>"


def test_hostile_texts_are_escaped(cluster: InMemoryCluster, log_in: LogIn) -> None:
    spec = {
        "task": f"shop.{HOSTILE}",
        "queue": HOSTILE,
        "payload": f'{{"args":["{HOSTILE}"],"kwargs":{{"{HOSTILE}":1}}}}',
        "enqueuedBy": {"name": f'"{HOSTILE}'},
        "idempotencyKey": HOSTILE,
        "cancel": True,
        "cancelReason": HOSTILE,
    }
    error = {"type": HOSTILE, "traceback": HOSTILE * 2000 + "\x1b[31m\u202e"}
    status = FAILED | {
        "reason": HOSTILE,
        "message": HOSTILE,
        "result": f'"{HOSTILE}"',
        "logTail": {"attempt": 1, "text": HOSTILE},
    }
    status |= {"attempts": [attempt(1, reason=HOSTILE, message=HOSTILE, node=HOSTILE, image=HOSTILE, error=error)]}
    text = page(log_in("view_task", "view_task_data"), put(cluster, spec=spec, **status))
    assert "alert(1)" in text
    assert HOSTILE not in text
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|\x1b|\u202e", text)


def test_the_part_of_a_task_alone(cluster: InMemoryCluster, viewer: Client) -> None:
    name = put(cluster, phase="Queued", reason="QuotaExceeded")
    text = page(viewer, name, "?part=task")
    assert "QuotaExceeded" in text
    assert "<html" not in text


def test_tasks_of_other_queues_do_not_exist(
    cluster: InMemoryCluster, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_tasks_kubernetes.admin.TaskAdmin.queues_for", lambda self, request: {"mail"})
    client = log_in("view_task", "view_task_data", "change_task", "retry_task", "delete_task")
    mine, other = put(cluster, 1), put(cluster, 2, spec={"queue": "default", "task": "shop.other"})
    assert client.get(f"{LIST}{mine}/change/").status_code == 200
    for path in ("change", "arguments", "result", "cancel", "again", "delete"):
        assert client.get(f"{LIST}{other}/{path}/").status_code == 404, path
    assert "shop.other" not in client.get(LIST).text
    # As for one that is not there.
    assert client.get(f"{LIST}{other}/history/").status_code == 302


def test_the_cluster_is_away(api_server: Server, viewer: Client) -> None:
    api_server.answer = lambda request: None
    assert "The cluster does not answer" in page(viewer, "one")


def test_while_the_cluster_is_away_a_task_is_not_said_to_be_gone(api_server: Server, log_in: LogIn) -> None:
    api_server.answer = lambda request: None
    client = log_in("view_task", "view_task_data", "change_task", "retry_task", "delete_task")
    for page in ("cancel", "again", "delete"):
        response = client.get(f"{LIST}one/{page}/", follow=True)
        assert response.redirect_chain == [(f"{LIST}one/change/", 302)], page
        assert "The cluster does not answer" in response.text
    for page in ("arguments", "result"):
        response = client.get(f"{LIST}one/{page}/")
        assert (response.status_code, response.text) == (503, "It cannot be read."), page


def test_of_many_arguments_the_page_has_the_first_and_the_download_all(cluster: InMemoryCluster, log_in: LogIn) -> None:
    """A payload may be eight megabytes, and the page of it was a hundred times as large."""
    text = json.dumps({"args": list(range(5000)), "kwargs": {f"name_{n}": n for n in range(5000)}})
    name = put(cluster, spec={"payload": text})
    client = log_in("view_task", "view_task_data")
    response = client.get(f"{LIST}{name}/change/")
    assert len(response.context["arguments"]) == SHOWN_MAX + 1
    assert response.context["arguments"][-1].is_cut
    assert len(response.content) < 50_000
    assert client.get(f"{LIST}{name}/arguments/").text == text
    few = put(cluster, spec={"payload": json.dumps({"args": list(range(SHOWN_MAX)), "kwargs": {}})})
    assert not any(one.is_cut for one in client.get(f"{LIST}{few}/change/").context["arguments"])
