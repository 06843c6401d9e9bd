"""The list of tasks."""

import re
from typing import Any

import pytest
from django.contrib.admin import ModelAdmin, display, site
from django.db.models.functions import Lower
from django.test import Client

from django_tasks_kubernetes.admin import TaskAdmin
from django_tasks_kubernetes.models import Task
from django_tasks_kubernetes.testing import InMemoryCluster
from tests.unit.backend.admin.conftest import LIST, LogIn, made_task, put, tables_of
from tests.unit.backend.resources import attempt
from tests.unit.backend.web_server import Server

FAILED: dict[str, Any] = {"phase": "Failed", "reason": "TaskError", "finishedAt": "2026-11-29T12:03:00Z"}


def shown(client: Client, query: str = "") -> list[str]:
    """The tasks of the list, by their last name."""
    response = client.get(LIST + query)
    assert response.status_code == 200
    cl = response.context["cl"]
    return [task.row.task.rpartition(".")[2] for task in cl.result_list]


def several(cluster: InMemoryCluster) -> None:
    put(cluster, 1, spec={"task": "shop.one", "queue": "default"}, phase="Succeeded", finishedAt="2026-11-29T12:01:30Z")
    put(
        cluster,
        2,
        spec={"task": "shop.two", "queue": "mail"},
        **FAILED,
        attempts=[attempt(error={"type": "builtins.KeyError"})],
    )
    put(cluster, 3, spec={"task": "shop.three", "queue": "mail"}, phase="Running", startedAt="2026-11-29T12:03:01Z")
    put(cluster, 4, "by-hand", spec={"task": "shop.four", "queue": "default"})


def test_the_newest_come_first(cluster: InMemoryCluster, viewer: Client) -> None:
    several(cluster)
    assert shown(viewer) == ["four", "three", "two", "one"]


@pytest.mark.parametrize(
    ("query", "tasks"),
    [
        ("?phase=Failed", ["two"]),
        ("?phase=Unfinished", ["four", "three"]),
        ("?phase=Failed,Succeeded", ["two", "one"]),
        ("?queue=mail", ["three", "two"]),
        ("?queue=mail&phase=Running", ["three"]),
        ("?task=shop.one", ["one"]),
        ("?reason=TaskError", ["two"]),
        ("?exception=builtins.KeyError", ["two"]),
        ("?q=thr", ["three"]),
        ("?q=hand", ["four"]),
        ("?q=nothing", []),
    ],
)
def test_filters(cluster: InMemoryCluster, viewer: Client, query: str, tasks: list[str]) -> None:
    several(cluster)
    assert shown(viewer, query) == tasks


@pytest.mark.parametrize(
    ("column", "tasks"), [("task", ["four", "one", "three", "two"]), ("queue", ["four", "one", "three", "two"])]
)
def test_all_that_match_can_be_sorted(cluster: InMemoryCluster, viewer: Client, column: str, tasks: list[str]) -> None:
    several(cluster)
    columns = viewer.get(LIST).context["cl"].list_display
    index = list(columns).index(column)
    assert shown(viewer, f"?o={index}") == tasks
    assert set(shown(viewer, f"?o=-{index}")[:2]) == {"two", "three"}


@pytest.mark.parametrize("order", ["99", "x", "-", "9" * 5000])
def test_an_order_by_no_column_is_none(cluster: InMemoryCluster, viewer: Client, order: str) -> None:
    several(cluster)
    assert shown(viewer, f"?o={order}") == ["four", "three", "two", "one"]


@pytest.mark.parametrize(
    ("ordering", "first"),
    [("-queue", {"two", "three"}), ("unknown", {"four", "three"}), (Lower("task"), {"four", "three"})],
)
def test_a_column_of_a_project_may_have_any_order(
    cluster: InMemoryCluster, viewer: Client, monkeypatch: pytest.MonkeyPatch, ordering: Any, first: set[str]
) -> None:
    several(cluster)
    own = display(ordering=ordering)(lambda model_admin, task: task.pk)
    monkeypatch.setattr(TaskAdmin, "own", own, raising=False)
    monkeypatch.setattr(TaskAdmin, "list_display", ("own", *TaskAdmin.list_display))
    index = list(viewer.get(LIST).context["cl"].list_display).index("own")
    assert set(shown(viewer, f"?o={index}")[:2]) == first


def test_pages(cluster: InMemoryCluster, viewer: Client) -> None:
    for minute in range(120):
        put(cluster, minute)
    response = viewer.get(f"{LIST}?p=3")
    assert len(response.context["cl"].result_list) == 20
    assert "120 tasks" in response.text


@pytest.mark.parametrize("query", ["?phase=Lost", "?unknown=1", "?queue=a,b", "?backend=none", "?o=x&within=1"])
def test_a_wrong_address_leads_to_the_whole_list(cluster: InMemoryCluster, viewer: Client, query: str) -> None:
    response = viewer.get(LIST + query)
    assert (response.status_code, response.headers["Location"]) == (302, f"{LIST}?e=1")
    assert viewer.get(f"{LIST}?e=1").status_code == 200


def test_of_too_many_it_says_how_many_were_read(
    api_server: Server, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TaskAdmin, "list_max_read", 3)
    api_server.answer = tables_of(*(made_task(minute) for minute in range(7)))
    response = viewer.get(f"{LIST}?o=1")
    text = " ".join(response.text.split())
    assert "Of 7 tasks, the newest 3 were read" in text
    assert "sortable" not in text
    older = re.search(r'href="(\?older=[^"]+)"', text)
    assert older is not None
    assert [task.row.id for task in viewer.get(LIST + older[1]).context["cl"].result_list] != []


@pytest.mark.parametrize("token", ["abc", "-1", "²", "9" * 5000])
def test_a_token_that_no_page_gave_is_no_error(cluster: InMemoryCluster, viewer: Client, token: str) -> None:
    put(cluster)
    assert viewer.get(LIST, {"older": token}).status_code == 200


def test_a_page_is_one_request_and_few_queries(
    api_server: Server, viewer: Client, django_assert_num_queries: Any
) -> None:
    api_server.answer = tables_of(*(made_task(minute) for minute in range(60)))
    viewer.get(LIST)
    api_server.requests.clear()
    # The person, and the permissions twice: of groups and of the person.
    with django_assert_num_queries(3):
        viewer.get(f"{LIST}?queue=mail")
    assert len(api_server.requests) == 1


def test_nothing_yet(cluster: InMemoryCluster, viewer: Client) -> None:
    assert "No tasks yet" in viewer.get(LIST).text
    put(cluster)
    assert "No task matches" in viewer.get(f"{LIST}?queue=mail&phase=Failed&fresh=1").text


HOSTILE = "<script>alert(1)</script>"


def test_hostile_names_are_escaped(cluster: InMemoryCluster, viewer: Client) -> None:
    put(
        cluster,
        spec={"task": f"shop.{HOSTILE}", "queue": HOSTILE},
        phase=HOSTILE,
        reason=f"{HOSTILE}\u202e\x00",
        attempts=[attempt(error={"type": f"a.{HOSTILE}"})],
        progress={"text": HOSTILE},
    )
    text = viewer.get(LIST).text
    assert "alert(1)" in text
    assert HOSTILE not in text
    assert "\u202e" not in text


def test_no_page_has_inline_code(cluster: InMemoryCluster, viewer: Client) -> None:
    several(cluster)
    text = viewer.get(LIST).text
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", text)


def test_a_row_is_selected_as_in_any_list(cluster: InMemoryCluster) -> None:
    """Ours is Django's, without a template for each row; where a theme has its own, that is used."""
    task = Task.shown("an-id", 'shop.tasks.send"<')
    mine = TaskAdmin(Task, site)
    assert mine.action_checkbox(task) == ModelAdmin.action_checkbox(mine, task)

    class Theme(ModelAdmin):  # type: ignore[type-arg]
        def action_checkbox(self, obj: Any) -> Any:
            return "its own"

    class Themed(TaskAdmin, Theme):
        pass

    assert Themed(Task, site).action_checkbox(task) == "its own"


def test_the_rows_alone(cluster: InMemoryCluster, viewer: Client) -> None:
    several(cluster)
    response = viewer.get(f"{LIST}?part=rows&queue=mail")
    assert response.text.lstrip().startswith("<div")
    assert "shop.two" in response.text
    assert "<html" not in response.text


def test_rows_that_did_not_change_are_not_sent(cluster: InMemoryCluster, viewer: Client) -> None:
    first = viewer.get(f"{LIST}?part=rows")
    etag = first.headers["ETag"]
    again = viewer.get(f"{LIST}?part=rows", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    compressed = viewer.get(f"{LIST}?part=rows", headers={"If-None-Match": f"W/{etag}"})
    assert compressed.status_code == 304
    put(cluster)
    changed = viewer.get(f"{LIST}?part=rows&fresh=1", headers={"If-None-Match": etag})
    assert (changed.status_code, changed.headers["ETag"] != etag) in [(200, True), (304, False)]


def test_an_unknown_part_is_a_bad_request(cluster: InMemoryCluster, viewer: Client) -> None:
    assert viewer.get(f"{LIST}?part=../base").status_code == 400


def test_who_may_not_see_tasks_sees_nothing(cluster: InMemoryCluster, log_in: LogIn) -> None:
    client = log_in()
    assert client.get(LIST).status_code == 403
    assert "Tasks on Kubernetes" not in client.get("/admin/").text


def test_who_is_not_logged_in_is_asked_to(cluster: InMemoryCluster, db: None) -> None:
    response = Client().get(LIST)
    assert (response.status_code, response.headers["Location"]) == (302, f"/admin/login/?next={LIST}")


def test_the_index_has_the_tasks(cluster: InMemoryCluster, viewer: Client) -> None:
    text = viewer.get("/admin/").text
    assert LIST in text
    assert f"{LIST}add/" not in text


def test_without_such_a_backend_there_is_no_entry(viewer: Client, settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}
    assert LIST not in viewer.get("/admin/").text


def test_a_cluster_that_does_not_answer(api_server: Server, viewer: Client, admin_client: Client) -> None:
    api_server.answer = lambda request: None
    response = viewer.get(LIST)
    assert response.status_code == 200
    assert "The cluster does not answer" in response.text
    assert api_server.url not in response.text
    assert api_server.url in admin_client.get(LIST).text
    assert viewer.get(f"{LIST}?part=rows").status_code == 503


def test_rows_of_before_are_shown_while_the_cluster_is_away(api_server: Server, viewer: Client) -> None:
    api_server.answer = tables_of(made_task())
    assert "shop.tasks.send" in viewer.get(LIST).text
    api_server.answer = lambda request: None
    # One second must have passed; until then, what was read is shown without a word.
    from django_tasks_kubernetes.admin.keeping import KEEPER

    for kept in KEEPER._kept.values():
        kept.until = kept.read_at = 0.0
    text = viewer.get(LIST).text
    assert "The cluster does not answer" in text
    assert "What is below is as of" in text
    assert "shop.tasks.send" in text


def test_no_counts_of_rows_that_were_read(cluster: InMemoryCluster, viewer: Client) -> None:
    put(cluster)
    response = viewer.get(f"{LIST}?_facets=True")
    assert (response.status_code, "Show counts" in response.text) == (200, False)
