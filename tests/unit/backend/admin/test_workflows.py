"""The list of workflows, and the page of one."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone, translation

from django_tasks_kubernetes.admin import TaskAdmin
from django_tasks_kubernetes.testing import InMemoryCluster
from djangotasks_api.definitions import workflow_definition
from djangotasks_api.task_ids import new_id
from tests.unit.backend.admin.conftest import LogIn
from tests.unit.backend.admin.conftest import put as put_task
from tests.unit.backend.web_server import Request, Server
from tests.unit.backend.workflow_resources import RUNNING, table_row, workflow_resource

LIST = "/admin/django_tasks_kubernetes/workflow/"
HOSTILE = "<script>alert(1)</script>"
FAILED: dict[str, Any] = {
    "phase": "Failed", "reason": "StepFailed", "progress": "3/5", "finishedAt": "2026-11-23T12:00:09Z",
    "steps": {"extract": {"phase": "Succeeded"}, "render": {"phase": "Failed", "message": "KeyError: 'x'", "width": 2, "completedIndexes": "0", "failedIndexes": "1"}},
}  # fmt: skip


@pytest.fixture
def viewer(log_in: LogIn) -> Client:
    return log_in("view_workflow", "view_task")


def put(cluster: InMemoryCluster, name: str, status: Any = None, **fields: Any) -> dict[str, Any]:
    made = workflow_resource(name, status or {"phase": "Pending"}, **fields)
    cluster.workflows.resources[name] = made
    return made


def change(name: str) -> str:
    return f"{LIST}{name}/change/"


def test_the_list_has_the_newest_first_and_can_be_searched(cluster: InMemoryCluster, viewer: Client) -> None:
    put(cluster, "one", RUNNING, enqueuedAt="2026-11-23T12:00:00Z")
    put(cluster, "two", FAILED, enqueuedAt="2026-11-23T13:00:00Z", workflow="shop.flows.other", queue="default")
    ids = {query: [row.id for _, row in viewer.get(LIST + query).context["rows"]] for query in (
        "", "?q=OTHER", "?q=ne", "?phase=Failed", "?queue=mail", "?phase=Failed&queue=mail",
    )}  # fmt: skip
    assert ids == {
        "": ["two", "one"], "?q=OTHER": ["two"], "?q=ne": ["one"], "?phase=Failed": ["two"], "?queue=mail": ["one"],
        "?phase=Failed&queue=mail": [],
    }  # fmt: skip
    assert "No workflow matches" in viewer.get(f"{LIST}?q=nothing").text
    assert viewer.get(f"{LIST}?phase=Lost").status_code == 400
    assert "shop.flows.other" in viewer.get(f"{LIST}?part=workflows").text


def test_pages(cluster: InMemoryCluster, viewer: Client) -> None:
    for number in range(60):
        put(cluster, f"flow-{number:02}")
    response = viewer.get(f"{LIST}?p=2&q=flow")
    assert len(response.context["rows"]) == 10
    assert "?q=flow&amp;p=1" in response.text


def test_nothing_yet(cluster: InMemoryCluster, viewer: Client) -> None:
    assert "No workflows yet" in viewer.get(LIST).text


def tables(*resources: dict[str, Any], token: str | None = None, is_endless: bool = False) -> Any:
    """`token`: there are more. `is_endless`: also of those whose names do not tell the time."""
    names = ["Name", *(column.name for column in workflow_definition().columns)]

    def answer(request: Request) -> Any:
        assert "Table" in request.headers["accept"]
        rows = [{"cells": [table_row(one)["cells"].get(name) for name in names], "object": None} for one in resources]
        has_more = token and (is_endless or "labelSelector" not in request.path)
        metadata = {"resourceVersion": "7"} | ({"continue": token} if has_more else {})
        return (
            200,
            {"kind": "Table", "metadata": metadata, "columnDefinitions": [{"name": n} for n in names], "rows": rows},
            {},
        )

    return answer


@pytest.mark.parametrize(("token", "requests"), [(None, 1), ("more", 2)])
def test_a_list_is_one_table_and_few_queries(
    api_server: Server, viewer: Client, django_assert_num_queries: Any, token: str | None, requests: int
) -> None:
    api_server.answer = tables(*(workflow_resource(new_id(), RUNNING) for _ in range(3)), token=token)
    with django_assert_num_queries(3):
        response = viewer.get(LIST)
    assert len(response.context["rows"]) == 3
    assert len(api_server.requests) == requests
    assert ("There are more: the newest 3 were read." in response.text) is bool(token)


def test_a_list_says_that_others_may_be_missing(
    api_server: Server, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_tasks_kubernetes.admin.reading.PAGES_MAX", 3)
    api_server.answer = tables(workflow_resource("nightly-202611290100", RUNNING), token="more", is_endless=True)
    assert "Others as new as these may be missing" in viewer.get(LIST).text
    assert len(api_server.requests) == 4


def test_a_workflow_is_a_picture_and_a_list(cluster: InMemoryCluster, viewer: Client) -> None:
    put(cluster, "flow", RUNNING)
    response = viewer.get(change("flow"))
    boxes = {one.box.node.name: one.url for one in response.context["boxes"]}
    assert list(boxes) == ["extract", "render", "publish", "alert", "clean-up"]
    assert boxes["extract"] == "/admin/django_tasks_kubernetes/task/flow-extract/change/"
    assert boxes["render"] == "/admin/django_tasks_kubernetes/task/?workflow=flow&q=-render-"
    for address in boxes.values():
        assert f'href="{address.replace("&", "&amp;")}"' in response.text
    assert response.text.count('class="djt-edge"') == 5
    assert response.text.count('<th scope="row">') == 5
    names = [step.name for step, *_ in response.context["steps"]]
    assert names == ["extract", "render", "publish", "alert", "clean-up"]
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", response.text)


def test_times_are_in_the_zone_and_the_language_of_the_reader(cluster: InMemoryCluster, viewer: Client) -> None:
    put(cluster, "flow", FAILED, enqueuedAt="2026-11-23T12:00:00Z")
    with timezone.override("Asia/Tokyo"), translation.override("de"):
        text = viewer.get(change("flow"), headers={"Accept-Language": "de"}).text
    for words in ("23. November 2026 21:00", "(2026-11-23 12:00:00 UTC)", "<dt>Beendet</dt><dd><time"):
        assert words in text, words
    assert "<dd>2026-11-23T12:00" not in text


def test_the_links_of_a_map_lead_to_its_tasks(cluster: InMemoryCluster, log_in: LogIn) -> None:
    put(cluster, "flow", RUNNING)
    for name in ("flow-render-00000", "flow-render-00001", "flow-extract"):
        put_task(cluster, name=name, labels={"djangotasks.dev/workflow": "flow"})
    client = log_in("view_workflow", "view_task")
    boxes = {one.box.node.name: one.url for one in client.get(change("flow")).context["boxes"]}
    assert client.get(boxes["render"]).context["cl"].result_count == 2
    assert client.get(boxes["extract"]).status_code == 200


def test_three_of_a_thousand_that_failed_are_a_click_away(cluster: InMemoryCluster, log_in: LogIn) -> None:
    put(cluster, "other")
    put(cluster, "flow", FAILED)
    for index, phase in enumerate(("Succeeded", "Failed", "Cancelled")):
        label = {"djangotasks.dev/workflow": "flow"}
        put_task(cluster, name=f"flow-render-0000{index}", labels=label, phase=phase)
    client = log_in("view_workflow", "view_task")
    assert "Its failed tasks" not in client.get(change("other")).text
    response = client.get(change("flow"))
    found = {step.name: address for step, _url, _note, address in response.context["steps"] if address}
    assert list(found) == ["render"]
    for address, ids in ((found["render"], {"flow-render-00001", "flow-render-00002"}),
                         (response.context["failed_url"], {"flow-render-00001"})):  # fmt: skip
        assert f'href="{address.replace("&", "&amp;")}"' in response.text
        assert {task.pk for task in client.get(address).context["cl"].result_list} == ids


def test_too_many_steps_are_a_list(cluster: InMemoryCluster, viewer: Client) -> None:
    steps = [{"name": f"s{n}", "task": f"shop.t{n}"} for n in range(201)]
    put(cluster, "flow", RUNNING | {"steps": {}}, steps=steps)
    response = viewer.get(change("flow"))
    assert "There are 201 steps, too many for a picture." in response.text
    assert "djt-graph" not in response.text
    assert response.text.count('<th scope="row">') == 201


def test_a_page_is_one_request(api_server: Server, viewer: Client, django_assert_num_queries: Any) -> None:
    api_server.answer = lambda request: (200, workflow_resource("flow", RUNNING), {})
    with django_assert_num_queries(3):
        assert viewer.get(change("flow")).status_code == 200
    assert [request.path.rpartition("/")[2] for request in api_server.requests] == ["flow"]


@pytest.mark.parametrize("name", ["gone", "a_2Fb", "a_3Fwatch_3Dtrue", "..", "default.", "x" * 300])
def test_an_unknown_name_is_not_found(cluster: InMemoryCluster, viewer: Client, name: str) -> None:
    assert viewer.get(change(name)).status_code == 404


def test_a_name_is_no_part_of_an_address(api_server: Server, viewer: Client) -> None:
    assert viewer.get(change("a_2Fstatus")).status_code == 404
    assert viewer.get(change("a_3Fwatch_3D1")).status_code == 404
    assert api_server.requests == []


def test_a_cluster_that_does_not_answer(api_server: Server, viewer: Client) -> None:
    api_server.answer = lambda request: None
    for address in (LIST, change("flow")):
        response = viewer.get(address)
        assert response.status_code == 200
        assert "The cluster does not answer" in response.text
    assert viewer.get(f"{change('flow')}?part=workflow").status_code == 503


def test_hostile_names_are_escaped(cluster: InMemoryCluster, viewer: Client) -> None:
    steps = [{"name": "s", "task": HOSTILE}, {"name": HOSTILE, "task": HOSTILE, "after": ["s"]}]
    status = {
        "phase": HOSTILE,
        "reason": HOSTILE,
        "progress": HOSTILE,
        "steps": {"s": {"phase": HOSTILE, "message": f"{HOSTILE}\u202e"}},
    }
    put(cluster, "flow", status, steps=steps, workflow=HOSTILE, queue=HOSTILE)
    for address in (LIST, change("flow")):
        text = viewer.get(address).text
        assert "alert(1)" in text
        assert HOSTILE not in text
        assert "\u202e" not in text


def test_only_queues_that_a_person_may_see(
    cluster: InMemoryCluster, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = log_in("view_workflow", "change_workflow", "retry_workflow")
    put(cluster, "mine", RUNNING)
    put(cluster, "other", FAILED, queue="secret")
    monkeypatch.setattr(TaskAdmin, "queues_for", lambda self, request: {"mail"})
    assert [row.id for _, row in client.get(LIST).context["rows"]] == ["mine"]
    assert client.get(change("other")).status_code == 404
    for verb in ("cancel", "retry"):
        assert client.get(f"{LIST}other/{verb}/").status_code == 404
        assert client.post(f"{LIST}other/{verb}/", {"new_id": new_id()}).status_code == 404
    assert list(cluster.workflows.resources) == ["mine", "other"]


def test_the_buttons_are_those_that_a_person_may_use(cluster: InMemoryCluster, log_in: LogIn) -> None:
    put(cluster, "flow", FAILED)
    put(cluster, "other", RUNNING)
    able, viewer = log_in("view_workflow", "change_workflow", "retry_workflow"), log_in("view_workflow")
    assert ("/flow/retry/" in able.get(change("flow")).text, "/flow/cancel/" in able.get(change("flow")).text) == (
        True,
        False,
    )
    assert ("/other/retry/" in able.get(change("other")).text, "/other/cancel/" in able.get(change("other")).text) == (
        False,
        True,
    )
    assert "/flow/retry/" not in viewer.get(change("flow")).text


def test_a_workflow_is_cancelled_with_who_and_why(cluster: InMemoryCluster, log_in: LogIn) -> None:
    put(cluster, "flow", RUNNING)
    client = log_in("view_workflow", "change_workflow")
    assert "Yes, cancel it" in client.get(f"{LIST}flow/cancel/").text
    assert "cancel" not in cluster.workflows.resources["flow"]["spec"]
    response = client.post(f"{LIST}flow/cancel/", {"reason": "wrong\n month"}, follow=True)
    assert "It was asked to cancel." in response.text
    assert cluster.workflows.resources["flow"]["spec"]["cancelReason"] == "jane-0: wrong month"
    (entry,) = LogEntry.objects.all()
    assert (entry.object_id, entry.get_change_message()) == ("flow", "Cancelled: jane-0: wrong month")


def test_one_that_is_over_is_left_as_it_is(cluster: InMemoryCluster, log_in: LogIn) -> None:
    put(cluster, "flow", FAILED)
    response = log_in("view_workflow", "change_workflow").post(f"{LIST}flow/cancel/", follow=True)
    assert "It was over already: Failed." in response.text
    assert "cancel" not in cluster.workflows.resources["flow"]["spec"]


def test_a_workflow_is_retried_once_however_often_the_form_is_sent(cluster: InMemoryCluster, log_in: LogIn) -> None:
    put(
        cluster, "flow", FAILED, steps=[{"name": "extract", "task": "shop.one"}, {"name": "render", "task": "shop.two"}]
    )
    client = log_in("view_workflow", "retry_workflow")
    page = client.get(f"{LIST}flow/retry/")
    for _ in range(2):
        response = client.post(f"{LIST}flow/retry/", {"new_id": page.context["new_id"]}, follow=True)
        assert response.redirect_chain[-1][0] == change(page.context["new_id"])
    assert list(cluster.workflows.resources) == ["flow", page.context["new_id"]]
    again = cluster.workflows.resources[page.context["new_id"]]
    assert again["spec"]["retryOf"]["name"] == "flow"
    assert again["metadata"]["annotations"]["djangotasks.dev/requested-by"] == "jane-0"


@pytest.mark.parametrize("name", ["", "by-hand", "../x", "x" * 40])
def test_only_a_form_says_what_is_created(cluster: InMemoryCluster, log_in: LogIn, name: str) -> None:
    put(cluster, "flow", FAILED)
    assert log_in("view_workflow", "retry_workflow").post(f"{LIST}flow/retry/", {"new_id": name}).status_code == 400
    assert list(cluster.workflows.resources) == ["flow"]


def test_what_cannot_be_retried_is_said(cluster: InMemoryCluster, log_in: LogIn, admin_client: Client) -> None:
    put(cluster, "flow", RUNNING)
    response = admin_client.post(f"{LIST}flow/retry/", {"new_id": new_id()}, follow=True)
    assert response.status_code == 200
    assert list(cluster.workflows.resources) == ["flow"]
    assert "messagelist" in response.text
    assert not LogEntry.objects.exists()


def test_its_history_says_who_did_what(cluster: InMemoryCluster, log_in: LogIn) -> None:
    put(cluster, "flow", RUNNING)
    client = log_in("view_workflow", "change_workflow")
    client.post(f"{LIST}flow/cancel/", {"reason": "wrong month"})
    assert "Cancelled: jane-0: wrong month" in client.get(f"{LIST}flow/history/").text
    assert f"{LIST}flow/history/" in client.get(change("flow")).text
