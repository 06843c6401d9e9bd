"""The page of failures."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils.http import urlencode

from django_tasks_kubernetes.admin import TaskAdmin
from django_tasks_kubernetes.admin.failures import merged
from django_tasks_kubernetes.admin.reading import forget
from django_tasks_kubernetes.testing import InMemoryCluster
from tests.unit.backend.admin.conftest import LIST, LogIn, tables_of
from tests.unit.backend.admin.test_overview import HOSTILE, failed, put, task
from tests.unit.backend.web_server import Server

PAGE = f"{LIST}failures/"


def groups(client: Client, query: str = "") -> list[tuple[str, int]]:
    response = client.get(PAGE + query)
    assert response.status_code == 200
    return [(one.group.cause, one.group.number) for one in response.context["groups"]]


def test_failures_are_grouped_and_lead_to_their_list(cluster: InMemoryCluster, viewer: Client) -> None:
    put(cluster, failed(), failed(6), failed(90, "a.B"), task("Failed", 3, reason="OOMKilled"), task("Succeeded"))
    assert groups(viewer) == [("builtins.KeyError", 2), ("OOMKilled", 1), ("a.B", 1)]
    assert groups(viewer, "?within=1h") == [("builtins.KeyError", 2), ("OOMKilled", 1)]
    page = viewer.get(PAGE)
    for one in page.context["groups"]:
        assert f"{LIST}?{one.query}".replace("&", "&amp;") in page.text
        listed = viewer.get(f"{LIST}?{one.query}").context["cl"]
        assert listed.result_count == one.group.number


def test_what_was_retried_leaves(cluster: InMemoryCluster, viewer: Client) -> None:
    first, second = failed(), failed(6)
    again = task("Running", spec={"retryOf": first["metadata"]["name"]})
    again["metadata"]["labels"]["djangotasks.dev/retry-of"] = first["metadata"]["name"]
    put(cluster, first, second, again)
    assert groups(viewer) == [("builtins.KeyError", 1)]
    assert groups(viewer, "?retried=1") == [("builtins.KeyError", 2)]
    assert "1 was enqueued once more" in viewer.get(PAGE).text
    again["spec"]["retryOf"] = second["metadata"]["name"]
    put(cluster, again | {"metadata": again["metadata"] | {"name": "other"}})
    cluster.resources.pop(first["metadata"]["name"])
    forget()
    assert "No failure is open" in viewer.get(PAGE).text


def test_what_was_retried_leaves_also_where_it_is_a_lot(
    cluster: InMemoryCluster, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be retried again, and run twice."""
    monkeypatch.setattr("django_tasks_kubernetes.admin.failures.ROWS_MAX", 2)
    for _ in range(5):
        first = failed()
        again = task("Succeeded", spec={"retryOf": first["metadata"]["name"]})
        again["metadata"]["labels"]["djangotasks.dev/retry-of"] = first["metadata"]["name"]
        put(cluster, first, again)
    assert "No failure is open" in viewer.get(PAGE).text


def test_nothing_failed(cluster: InMemoryCluster, viewer: Client) -> None:
    put(cluster, task("Succeeded"))
    assert "Nothing failed in this time." in viewer.get(PAGE).text


def test_an_unknown_window_is_a_bad_request(cluster: InMemoryCluster, viewer: Client) -> None:
    assert viewer.get(f"{PAGE}?within=x").status_code == 400


def test_it_reads_a_thousand_each_and_the_retries(
    api_server: Server, viewer: Client, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr("django_tasks_kubernetes.admin.failures.ROWS_MAX", 3)
    api_server.answer = tables_of(*(failed() for _ in range(7)), task("Succeeded"))
    viewer.get(LIST)
    api_server.requests.clear()
    with django_assert_num_queries(3):
        assert groups(viewer) == [("builtins.KeyError", 7)]
    assert len(api_server.requests) == 4
    # Another window, and another look, ask nothing.
    groups(viewer, "?within=7d")
    assert len(api_server.requests) == 4


def test_of_more_than_it_reads_it_says_so(api_server: Server, viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_tasks_kubernetes.admin.failures.ROWS_MAX", 3)
    monkeypatch.setattr("django_tasks_kubernetes.admin.reading.PAGES_MAX", 2)
    api_server.answer = tables_of(*(failed() for _ in range(7)))
    assert "There are more: 6 were read, the newest first." in viewer.get(PAGE).text
    assert len(api_server.requests) == 3


def test_a_cluster_that_does_not_answer(api_server: Server, viewer: Client) -> None:
    api_server.answer = lambda request: None
    response = viewer.get(PAGE)
    assert response.status_code == 200
    assert "The cluster does not answer" in response.text


def test_only_queues_that_a_person_may_see(
    cluster: InMemoryCluster, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(cluster, failed(), failed(error="a.Secret", spec={"queue": "secret"}))
    monkeypatch.setattr(TaskAdmin, "queues_for", lambda self, request: {"mail"})
    assert groups(viewer) == [("builtins.KeyError", 1)]


def test_who_may_not_see_tasks_sees_nothing(cluster: InMemoryCluster, log_in: LogIn) -> None:
    assert log_in("view_queue").get(PAGE).status_code == 403


def test_hostile_names_are_escaped_and_nothing_is_inline(cluster: InMemoryCluster, viewer: Client) -> None:
    put(
        cluster,
        failed(error=f"a.{HOSTILE}", spec={"task": f'shop."{HOSTILE}&x=1'}),
        task("Failed", reason=f"{HOSTILE}\u202e"),
    )
    page = viewer.get(PAGE)
    assert "alert(1)" in page.text
    assert HOSTILE not in page.text
    assert "\u202e" not in page.text
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", page.text)
    assert {one.query for one in page.context["groups"]} == {
        urlencode({"phase": "Failed", "task": f'shop."{HOSTILE}&x=1', "exception": f"a.{HOSTILE}", "within": "24h"}),
        urlencode({"phase": "Failed", "task": "shop.tasks.send", "reason": f"{HOSTILE}\\u202e", "within": "24h"}),
    }


@pytest.mark.parametrize(
    ("counts", "most", "found"),
    [((1, 2, 3), 5, [1, 2, 3]), ((1, 2, 3), 2, [3, 3]), ((1, 2, 3, 4), 2, [3, 7]), ((), 5, [])],
)
def test_bars_are_merged_where_there_are_too_many(counts: tuple[int, ...], most: int, found: list[int]) -> None:
    assert merged(counts, most) == found


def form_of(page: str, number: int) -> tuple[str, dict[str, Any]]:
    """The address of a group's form, and its fields."""
    form = re.findall(r'<form method="post" action="([^"]+)">(.*?)</form>', page, re.DOTALL)[number]
    fields = re.findall(r'name="([^"]+)" value="([^"]+)"', form[1])
    chosen = [value for name, value in fields if name == "_selected_action"]
    return form[0].replace("&amp;", "&"), dict(fields) | {"_selected_action": chosen}


def test_a_group_is_enqueued_once_more_after_a_question(cluster: InMemoryCluster, log_in: LogIn) -> None:
    put(cluster, *(failed(number) for number in range(1, 8)), failed(error="a.Other"))
    client = log_in("view_task", "retry_task")
    address, fields = form_of(client.get(PAGE).text, 0)
    assert (len(fields["_selected_action"]), fields["select_across"]) == (1, "1")
    response = client.post(address, fields, follow=True)
    assert response.status_code == 200
    assert len(cluster.resources) == 8
    assert "7" in response.text
    assert "Enqueue" in response.text


def test_only_those_that_are_open_are_enqueued_once_more(cluster: InMemoryCluster, log_in: LogIn) -> None:
    first, second = failed(), failed(6)
    again = task("Running", spec={"retryOf": first["metadata"]["name"]})
    again["metadata"]["labels"]["djangotasks.dev/retry-of"] = first["metadata"]["name"]
    put(cluster, first, second, again)
    _, fields = form_of(log_in("view_task", "retry_task").get(PAGE).text, 0)
    assert (fields["_selected_action"], fields["select_across"]) == ([second["metadata"]["name"]], "0")


def test_who_may_not_enqueue_once_more_has_no_button(cluster: InMemoryCluster, viewer: Client) -> None:
    put(cluster, failed())
    assert "retry_selected" not in viewer.get(PAGE).text
