"""What people do with tasks: what is asked before, what is done, by whom, and once."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from django_tasks_kubernetes.admin import many
from django_tasks_kubernetes.testing import InMemoryCluster
from djangotasks_api.phases import Phase
from tests.unit.backend.admin.conftest import LIST, LogIn, made_task, put, tables_of
from tests.unit.backend.web_server import Request, Server

ACT = f"{LIST}act/"
ALL = ("view_task", "change_task", "retry_task", "delete_task")
ENDED: dict[str, Any] = {"phase": Phase.FAILED, "finishedAt": "2026-11-29T12:03:00Z"}
REAL = {"task": "tests.unit.backend.tasks.echo", "payload": '{"args":["again"],"kwargs":{}}'}


@pytest.fixture
def owner(log_in: LogIn) -> Client:
    return log_in(*ALL)


def asked(client: Client, action: str, *names: str, across: bool = False) -> dict[str, str]:
    """What the page that asks would send."""
    response = client.post(
        LIST, {"action": action, "_selected_action": names, "index": "0", "select_across": "1" if across else "0"}
    )
    assert response.status_code == 200
    return form(response.text)


def form(text: str) -> dict[str, str]:
    found = dict(re.findall(r'<input type="hidden" name="(act|nonce|pks)" value="([^"]*)">', text))
    return {name: str(value) for name, value in found.items()}


def records() -> list[tuple[str, str]]:
    return [(str(entry.object_id), entry.get_change_message()) for entry in LogEntry.objects.order_by("pk")]


def test_tasks_are_cancelled_with_who_and_why(cluster: InMemoryCluster, owner: Client) -> None:
    one, two, ended = (
        put(cluster, 1, phase=Phase.QUEUED),
        put(cluster, 2, phase=Phase.RUNNING),
        put(cluster, 3, **ENDED),
    )
    data = asked(owner, "cancel_selected", one, two, ended)
    assert set(data["pks"].split()) == {one, two}
    response = owner.post(ACT, data | {"reason": "wrong month"}, follow=True)
    assert "Cancel: 2 tasks." in response.text
    for name in (one, two):
        assert cluster.resources[name]["status"]["phase"] == "Cancelled"
        assert "wrong month" in cluster.resources[name]["status"]["message"]
        assert "jane" in cluster.resources[name]["status"]["message"]
    assert cluster.resources[ended]["status"]["phase"] == "Failed"
    assert sorted(records()) == sorted([(one, "Cancelled. wrong month"), (two, "Cancelled. wrong month")])
    assert "wrong month" in owner.get(f"{LIST}{one}/history/").text


def test_the_page_that_asks_says_what_is_left_alone(cluster: InMemoryCluster, owner: Client) -> None:
    put(cluster, 1, phase=Phase.QUEUED)
    put(cluster, 2, **ENDED)
    response = owner.post(
        LIST, {"action": "cancel_selected", "_selected_action": list(cluster.resources), "index": "0"}
    )
    text = " ".join(response.text.split())
    assert "This is about 1 task." in text
    assert "Which ones" in text
    assert "1 is left alone: it has ended already." in text
    assert not LogEntry.objects.exists()
    assert all(task["status"]["phase"] != "Cancelled" for task in cluster.resources.values())


def test_a_task_that_ended_meanwhile_is_left_alone(cluster: InMemoryCluster, owner: Client) -> None:
    name = put(cluster, phase=Phase.RUNNING)
    data = asked(owner, "cancel_selected", name)
    cluster.resources[name]["status"] = ENDED
    response = owner.post(ACT, data, follow=True)
    assert "has ended already" in response.text
    assert records() == []


def test_a_task_is_enqueued_once_more_and_once_alone(cluster: InMemoryCluster, owner: Client) -> None:
    name = put(cluster, spec=REAL, **ENDED)
    data = form(owner.get(f"{LIST}{name}/again/").text)
    first = owner.post(ACT, data | {"reason": "it is repaired"})
    # A double click.
    second = owner.post(ACT, data)
    assert first.headers["Location"] == second.headers["Location"]
    (new,) = set(cluster.resources) - {name}
    assert first.headers["Location"] == f"{LIST}{new}/change/"
    made = cluster.resources[new]
    assert made["spec"]["retryOf"] == name
    assert made["metadata"]["annotations"]["djangotasks.dev/requested-by"].endswith(": it is repaired")
    assert (name, "Enqueued once more. it is repaired") in records()


def test_another_form_enqueues_another(cluster: InMemoryCluster, owner: Client) -> None:
    name = put(cluster, spec=REAL, **ENDED)
    for _ in range(2):
        owner.post(ACT, form(owner.get(f"{LIST}{name}/again/").text))
    assert len(cluster.resources) == 3


@pytest.mark.parametrize("others", [0, 2])
def test_it_is_said_where_a_task_was_enqueued_once_more_before(
    cluster: InMemoryCluster, owner: Client, others: int
) -> None:
    """By somebody else: the list does not show it, and it would run twice."""
    name = put(cluster, spec=REAL, **ENDED)
    names = [name, *(put(cluster, minute, spec=REAL, **ENDED) for minute in range(1, 1 + others))]
    form_of = {"action": "retry_selected", "_selected_action": names, "index": "0"}
    assert "once more before" not in owner.post(LIST, form_of).text
    owner.post(ACT, form(owner.get(f"{LIST}{name}/again/").text))
    assert "1 of them was enqueued once more before, and would run again." in owner.post(LIST, form_of).text
    assert "once more before" not in owner.post(LIST, form_of | {"action": "delete_selected"}).text


def test_one_that_has_not_ended_is_not_enqueued_again(cluster: InMemoryCluster, owner: Client) -> None:
    name = put(cluster, spec=REAL, phase=Phase.RUNNING)
    assert "Yes, enqueue" not in owner.get(f"{LIST}{name}/again/").text
    data = asked(owner, "cancel_selected", name) | {"act": "again"}
    owner.post(ACT, data)
    assert list(cluster.resources) == [name]


def test_all_that_match_are_more_than_a_page(cluster: InMemoryCluster, owner: Client) -> None:
    for minute in range(70):
        put(cluster, minute, phase=Phase.QUEUED)
    shown = [task.pk for task in owner.get(LIST).context["cl"].result_list]
    data = asked(owner, "cancel_selected", *shown, across=True)
    assert len(data["pks"].split()) == 70
    owner.post(ACT, data)
    assert {task["status"]["phase"] for task in cluster.resources.values()} == {"Cancelled"}
    assert LogEntry.objects.count() == 70


def test_tasks_are_deleted(cluster: InMemoryCluster, owner: Client) -> None:
    name, other = put(cluster, 1), put(cluster, 2)
    response = owner.post(ACT, form(owner.get(f"{LIST}{name}/delete/").text), follow=True)
    assert "Delete: 1 task." in response.text
    assert list(cluster.resources) == [other]
    # What was done outlives the task.
    assert "Deleted." in owner.get(f"{LIST}{name}/history/").text


def test_a_task_is_deleted_by_its_uid(api_server: Server, owner: Client) -> None:
    task = made_task()
    lists = tables_of(task)

    def answer(request: Request) -> Any:
        return (200, {"kind": "Status"}, {}) if request.method == "DELETE" else lists(request)

    api_server.answer = answer
    name = task["metadata"]["name"]
    owner.post(ACT, form(owner.get(f"{LIST}{name}/delete/").text))
    (deletion,) = [request for request in api_server.requests if request.method == "DELETE"]
    assert deletion.path.endswith(f"/{name}")
    assert deletion.body == {"preconditions": {"uid": f"uid-of-{name}"}}


def test_a_refusal_is_a_message(api_server: Server, owner: Client, admin_client: Client) -> None:
    task = made_task()
    lists = tables_of(task)
    words = (
        'djangotasks.djangotasks.dev "one" is forbidden: User "system:serviceaccount:shop:web" cannot delete resource'
    )

    def answer(request: Request) -> Any:
        refusal = {"kind": "Status", "message": words, "reason": "Forbidden", "code": 403}
        return (403, refusal, {}) if request.method == "DELETE" else lists(request)

    api_server.answer = answer
    name = task["metadata"]["name"]
    for client, expected in ((owner, "Ask your administrator"), (admin_client, "cannot delete resource")):
        response = client.post(ACT, form(client.get(f"{LIST}{name}/delete/").text), follow=True)
        assert response.status_code == 200
        assert expected in response.text
    assert records() == []


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"act": "cancel"},
        {"act": "cancel", "nonce": "1-" + "0" * 32},
        {"act": "cancel", "nonce": "x", "pks": "one"},
        {"act": "drop", "nonce": "1-" + "0" * 32, "pks": "one"},
        {"act": "cancel", "nonce": "1-" + "0" * 32, "pks": " ".join(map(str, range(1001)))},
    ],
)
def test_what_no_form_sends_is_refused(cluster: InMemoryCluster, owner: Client, data: dict[str, str]) -> None:
    assert owner.post(ACT, data).status_code == 400


def test_a_get_does_nothing(cluster: InMemoryCluster, owner: Client) -> None:
    name = put(cluster, phase=Phase.RUNNING)
    data = asked(owner, "cancel_selected", name)
    assert owner.get(ACT, data).status_code == 302
    assert cluster.resources[name]["status"]["phase"] == "Running"


def test_a_post_of_another_site_is_refused(cluster: InMemoryCluster, owner: Client) -> None:
    name = put(cluster, phase=Phase.RUNNING)
    data = asked(owner, "cancel_selected", name)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = owner.cookies
    assert strict.post(ACT, data).status_code == 403
    assert cluster.resources[name]["status"]["phase"] == "Running"


@pytest.mark.parametrize(
    ("act", "permission"), [("cancel", "change_task"), ("again", "retry_task"), ("delete", "delete_task")]
)
def test_each_action_has_its_permission(
    cluster: InMemoryCluster, owner: Client, log_in: LogIn, act: str, permission: str
) -> None:
    name = put(cluster, spec=REAL, phase=Phase.RUNNING) if act == "cancel" else put(cluster, spec=REAL, **ENDED)
    data = form(owner.get(f"{LIST}{name}/{act}/").text)
    assert data["act"] == act
    before = [dict(task) for task in cluster.resources.values()]
    for permissions in ([p for p in ALL if p != permission], [permission]):
        client = log_in(*permissions)
        assert client.get(f"{LIST}{name}/{act}/").status_code == 403
        assert client.post(ACT, data).status_code == 403
        listed = client.get(LIST)
        choices = {"cancel": "cancel_selected", "again": "retry_selected", "delete": "delete_selected"}
        assert choices[act] not in (listed.text if listed.status_code == 200 else "")
    assert [dict(task) for task in cluster.resources.values()] == before
    assert not LogEntry.objects.exists()


def test_tasks_of_other_queues_are_left_alone(
    cluster: InMemoryCluster, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = put(cluster, phase=Phase.RUNNING)
    data = asked(owner, "cancel_selected", name)
    monkeypatch.setattr("django_tasks_kubernetes.admin.TaskAdmin.queues_for", lambda self, request: {"other"})
    for act in ("cancel", "again", "delete"):
        owner.post(ACT, data | {"act": act})
    assert cluster.resources[name]["status"]["phase"] == "Running"


def test_what_there_was_no_time_for_is_left_to_another_form(
    cluster: InMemoryCluster, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {put(cluster, minute, phase=Phase.QUEUED) for minute in range(3)}
    data = asked(owner, "cancel_selected", *names)
    with monkeypatch.context() as context:
        context.setattr(many, "SECONDS", -1.0)
        response = owner.post(ACT, data | {"reason": "why"})
    assert "Go on" in response.text
    rest = form(response.text)
    assert (set(rest["pks"].split()), rest["nonce"]) == (names, data["nonce"])
    owner.post(ACT, rest)
    assert {task["status"]["phase"] for task in cluster.resources.values()} == {"Cancelled"}


@pytest.mark.parametrize(("answer", "asks"), [("no", False), ("yes", True), ("nothing", True)])
def test_a_right_that_is_missing_is_named_before_anything_is_entered(
    api_server: Server, owner: Client, admin_client: Client, answer: str, asks: bool
) -> None:
    task = made_task(**ENDED)
    tables = tables_of(task)

    def respond(request: Request) -> Any:
        if not request.path.endswith("/selfsubjectaccessreviews"):
            return tables(request)
        return None if answer == "nothing" else (201, {"status": {"allowed": answer == "yes"}}, {})

    api_server.answer = respond
    page = f"{LIST}{task['metadata']['name']}/delete/"
    assert bool(form(owner.get(page).text)) is asks
    assert ("Ask your administrator." in owner.get(page).text) is not asks
    assert ("admin.delete: true" in admin_client.get(page).text) is not asks
    # The others need no right that a web app has not.
    asked_before = len(api_server.requests)
    assert form(owner.get(page.replace("delete", "again")).text)
    assert not [one for one in api_server.requests[asked_before:] if "selfsubject" in one.path]
