"""The log of an attempt: of what runs, and as it was kept."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from django_tasks_kubernetes.testing import InMemoryCluster
from tests.unit.backend.admin.conftest import LIST, LogIn, made_task, put, tables_of
from tests.unit.backend.resources import attempt
from tests.unit.backend.web_server import Request, Server

MAY = ("view_task", "view_task_data")
STARTED = {"startedAt": "2026-11-29T12:00:02Z"}
ENDED = STARTED | {"finishedAt": "2026-11-29T12:00:05Z", "reason": "TaskError"}
HOSTILE = "<script>alert(1)</script>"
FORBIDDEN = 'pods "one-1" is forbidden: User "system:serviceaccount:shop:web" cannot get resource "pods/log"'


def running(*attempts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return made_task(**{"phase": "Running", "attempts": list(attempts or [attempt(1, **STARTED)])} | fields)


class Logs:
    """An API server with a task, and the logs of pods. `lines`: of a pod."""

    def __init__(self, server: Server, task: dict[str, Any]) -> None:
        self.lines: dict[str, list[bytes]] = {"one-1": [b"reading orders.csv", b"71 %"]}
        self.refusal: tuple[int, str] | None = None
        self.asked: list[dict[str, str]] = []
        self.name = task["metadata"]["name"]
        self._tasks = tables_of(task)
        self._server = server
        server.answer = self.answer

    def answer(self, request: Request) -> Any:
        address = urlsplit(request.path)
        if "/pods/" not in address.path:
            return self._tasks(request)
        if self.refusal is not None:
            return self.refusal[0], {"kind": "Status", "code": self.refusal[0], "message": self.refusal[1]}, {}
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.asked.append(query)
        pod = address.path.rpartition("/pods/")[2].removesuffix("/log")
        lines = self.lines[pod][-int(query["tailLines"]) :]
        text = b"".join(b"2026-11-29T12:00:03.123456789Z " + line + b"\n" for line in lines)
        return 200, text[: int(query["limitBytes"])], {}

    @property
    def requests(self) -> list[str]:
        return [request.path.partition("?")[0].rpartition("/shop/")[2] for request in self._server.requests]


def page(client: Client, name: str, more: str = "log/") -> str:
    response = client.get(f"{LIST}{name}/{more}")
    assert response.status_code == 200
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|\x1b", response.text)
    return response.text


@pytest.fixture
def client(log_in: LogIn) -> Client:
    return log_in(*MAY)


def test_what_a_container_writes_is_shown_while_it_runs(api_server: Server, client: Client) -> None:
    logs = Logs(api_server, running())
    text = page(client, logs.name)
    assert "reading orders.csv\n71 %" in text
    assert 'data-live="log"' in text
    assert logs.asked == [{"timestamps": "true", "limitBytes": "262144", "tailLines": "1000"}]


def test_a_page_is_one_request_more_and_few_queries(
    api_server: Server, client: Client, django_assert_num_queries: Any
) -> None:
    logs = Logs(api_server, running())
    # The person, and the permissions twice: of groups and of the person.
    with django_assert_num_queries(3):
        page(client, logs.name)
    assert logs.requests == [f"djangotasks/{logs.name}", "pods/one-1/log"]
    # What was read is kept for two seconds, however many look.
    page(client, logs.name, "log/?part=log")
    page(client, logs.name, "change/")
    assert len(logs.requests) == 2


def test_the_page_of_a_task_that_runs_has_it(api_server: Server, client: Client, viewer: Client) -> None:
    logs = Logs(api_server, running())
    text = page(client, logs.name, "change/")
    assert "71 %" in text
    assert 'data-live="log"' in text
    # The task is asked for by its part alone, and its log by another.
    asked = len(logs.requests)
    client.get(f"{LIST}{logs.name}/change/?part=task&fresh=1")
    assert logs.requests[asked:] in ([], [f"djangotasks/{logs.name}"])
    assert "71 %" in client.get(f"{LIST}{logs.name}/change/?part=log").text
    assert "71 %" not in page(viewer, logs.name, "change/")


def test_a_log_without_a_change_is_not_sent_again(api_server: Server, client: Client) -> None:
    logs = Logs(api_server, running())
    first = client.get(f"{LIST}{logs.name}/log/?part=log")
    again = client.get(f"{LIST}{logs.name}/log/?part=log", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_right_that_is_missing_is_named_to_superusers(api_server: Server, client: Client) -> None:
    logs = Logs(api_server, running(logTail={"attempt": 1, "text": "kept"}))
    logs.refusal = (403, FORBIDDEN)
    text = page(client, logs.name)
    assert "The web app may not read logs." in text
    assert "Ask your administrator." in text
    assert "system:serviceaccount" not in text
    assert "kept" in text
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    text = page(root, logs.name)
    for words in ("admin.logs=true", "kubectl create role read-task-logs -n shop --verb=get --resource=pods/log"):
        assert words in text, words


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ((400, "container task is waiting to start: ContainerCreating"), "Its container has not started."),
        ((404, "pods one-1 not found"), "Its pod is gone, and no end of its log was kept"),
        ((500, "10.0.0.7 does not answer"), "The log cannot be read now: Ask your administrator."),
    ],
)
def test_why_there_is_none(api_server: Server, client: Client, refusal: tuple[int, str], words: str) -> None:
    logs = Logs(api_server, running())
    logs.refusal = refusal
    assert words in page(client, logs.name)


def test_why_there_is_none_in_the_servers_words_for_superusers(api_server: Server, admin_client: Client) -> None:
    logs = Logs(api_server, running())
    logs.refusal = (500, "10.0.0.7 does not answer")
    assert "The log cannot be read now: 10.0.0.7 does not answer" in page(admin_client, logs.name)


def test_nothing_written_yet(api_server: Server, client: Client) -> None:
    logs = Logs(api_server, running())
    logs.lines["one-1"] = []
    assert "It has written nothing yet." in page(client, logs.name)


def test_each_attempt_has_its_own(api_server: Server, client: Client) -> None:
    logs = Logs(api_server, running(attempt(1, **ENDED), attempt(2, **STARTED)))
    logs.lines |= {"one-1": [b"the first"], "one-2": [b"the second"]}
    assert "the second" in page(client, logs.name)
    text = page(client, logs.name, "log/?attempt=1")
    assert "the first" in text
    assert '<a href="?attempt=2">Attempt 2</a>' in text
    assert client.get(f"{LIST}{logs.name}/log/?attempt=3").status_code == 404
    for wrong in ("x", "-1", "1" * 12, "²"):
        assert client.get(f"{LIST}{logs.name}/log/?attempt={wrong}").status_code == 400


def test_of_what_has_ended_the_kept_end_where_the_pod_is_gone(api_server: Server, client: Client) -> None:
    task = running(attempt(1, **ENDED), phase="Failed", logTail={"attempt": 1, "text": "the end"}, **ENDED)
    logs = Logs(api_server, task)
    logs.refusal = (404, "not found")
    text = page(client, logs.name)
    assert "the end" in text
    assert "as it was kept with the task" in text
    assert "data-live=" not in text
    # The page of the task does not ask for it.
    page(client, logs.name, "change/?fresh=1")
    assert [path for path in logs.requests if "pods" in path] == ["pods/one-1/log"]


def test_hostile_lines(api_server: Server, client: Client) -> None:
    logs = Logs(api_server, running())
    logs.lines["one-1"] = [HOSTILE.encode(), b"\x1b[31mred\x1b[0m \x1b]0;title\x07", "\u202eevil".encode(), b"\xff\xfe"]
    text = page(client, logs.name)
    assert HOSTILE not in text
    assert "alert(1)" in text
    assert "red \\x1b]0;title\\x07" in text
    assert "\u202e" not in text


@pytest.mark.parametrize(("length", "count", "lines"), [(200, 5000, "1000"), (2000, 5000, "100"), (400_000, 3, "1")])
def test_it_is_bounded_and_has_the_end(api_server: Server, client: Client, length: int, count: int, lines: str) -> None:
    logs = Logs(api_server, running())
    logs.lines["one-1"] = [f"{number} ".encode() + b"x" * length for number in range(count)]
    text = page(client, logs.name)
    assert len(text) < 300_000
    assert f"{count - 1} xx" in text
    assert logs.asked[-1]["tailLines"] == lines
    assert len(logs.asked) <= 4


def test_no_pod_of_somebody_else_is_read(api_server: Server, client: Client) -> None:
    """A task may be named `postgres`, so that its first pod would be called as a pod that is there."""
    logs = Logs(api_server, running({"number": 1, "job": "postgres-1", "pod": "postgres-1"}, phase="Starting"))
    logs.lines["postgres-1"] = [b"a secret of the database"]
    for path in ("log/", "change/"):
        assert "a secret" not in page(client, logs.name, path)
    assert "Its container has not started." in page(client, logs.name)
    assert not [path for path in logs.requests if "pods" in path]


@pytest.mark.parametrize(
    ("permissions", "status"), [((), 403), (("view_task",), 403), (("view_task_data",), 403), (MAY, 200)]
)
def test_permissions(cluster: InMemoryCluster, log_in: LogIn, permissions: tuple[str, ...], status: int) -> None:
    name = put(cluster, phase="Running")
    assert log_in(*permissions).get(f"{LIST}{name}/log/").status_code == status


def test_tasks_in_memory_have_what_was_kept(cluster: InMemoryCluster, client: Client) -> None:
    kept: dict[str, Any] = {"attempts": [attempt(1, **ENDED)], "logTail": {"attempt": 1, "text": "the end"}, **ENDED}
    assert "the end" in page(client, put(cluster, phase="Failed", **kept))
    assert "It has no attempt yet." in page(client, put(cluster, 1, phase="Queued"))


def test_tasks_of_other_queues_have_none(api_server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_tasks_kubernetes.admin.TaskAdmin.queues_for", lambda self, request: {"other"})
    logs = Logs(api_server, running())
    assert client.get(f"{LIST}{logs.name}/log/").status_code == 404
    assert not [path for path in logs.requests if "pods" in path]


def test_the_cluster_is_away(api_server: Server, client: Client) -> None:
    api_server.answer = lambda request: None
    assert "The cluster does not answer" in page(client, "one")
