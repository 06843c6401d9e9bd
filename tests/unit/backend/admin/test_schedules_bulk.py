"""What is done to several schedules at once."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from django_tasks_kubernetes.admin import TaskAdmin
from django_tasks_kubernetes.schedules import schedule
from django_tasks_kubernetes.testing import InMemoryCluster
from tests.unit.backend import tasks
from tests.unit.backend.admin.conftest import LogIn
from tests.unit.backend.admin.test_schedules import ALL, HOSTILE, LIST, ApiServer, nightly, of_the_code
from tests.unit.backend.schedule_resources import schedule_resource
from tests.unit.backend.web_server import Request, Server

__all__ = ["nightly", "of_the_code"]  # fixtures
ACT = f"{LIST}act/"


def ask(client: Client, act: str, *pks: str) -> dict[str, Any]:
    """The form that the question has."""
    response = client.post(ACT, {"act": act, "pk": pks})
    assert response.status_code == 200
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", response.text)
    return {name: response.context[name] for name in ("pks", "nonce", "backend")} | {"act": act}


def done(client: Client, act: str, *pks: str) -> str:
    response = client.post(ACT, ask(client, act, *pks), follow=True)
    return " ".join(re.sub(r"<[^>]*>", " ", response.text).split())


def test_several_are_run_now_and_once_for_each_form(nightly: ApiServer, log_in: LogIn) -> None:
    client = log_in(*ALL)
    form = ask(client, "run", "nightly", "every")
    assert nightly.created == []
    for _ in range(2):
        assert "Run now: 2 schedules." in client.post(ACT, form, follow=True).text
    made = {(one["spec"]["schedule"], one["metadata"]["name"]) for one in nightly.created}
    assert {name for name, _ in made} == {"nightly", "every"}
    assert len(made) == 2, "the same form names the same tasks"
    by = {one["metadata"]["annotations"]["djangotasks.dev/requested-by"] for one in nightly.created}
    assert by == {"jane-0"}
    entries = {(entry.object_id, entry.get_change_message()) for entry in LogEntry.objects.all()}
    assert entries == {(name, f"Run now, as {id_}") for name, id_ in made}


def test_several_are_suspended_and_resumed(nightly: ApiServer, log_in: LogIn) -> None:
    client = log_in("view_schedule", "change_schedule")
    assert "Suspend: 2 schedules." in done(client, "suspend", "nightly", "every")
    assert {one["spec"]["suspended"] for one in nightly.schedules.values()} == {True}
    assert "Resume: 1 schedule." in done(client, "resume", "every")
    text = done(client, "resume", "nightly", "every", "gone")
    for words in (
        "Resume: 1 schedule.",
        "1 schedule was left alone: it was so already.",
        "1 schedule was left alone: it does not exist any more.",
    ):
        assert words in text
    assert {one["spec"]["suspended"] for one in nightly.schedules.values()} == {False}
    assert [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")] == [
        "Suspended", "Suspended", "Resumed", "Resumed",
    ]  # fmt: skip


def test_the_list_has_what_the_person_may_do(nightly: ApiServer, log_in: LogIn) -> None:
    for permissions, verbs in (
        (("view_schedule",), []),
        (("view_schedule", "run_schedule"), ["run"]),
        (("view_schedule", "change_schedule"), ["suspend", "resume"]),
        (ALL, ["run", "suspend", "resume"]),
    ):
        response = log_in(*permissions).get(LIST)
        assert [verb.name for verb in response.context["verbs"]] == verbs
        assert ('name="pk" value="nightly"' in response.text) is bool(verbs)


@pytest.mark.parametrize(
    ("permissions", "run", "suspend"),
    [
        (("view_schedule",), 403, 403),
        (("view_schedule", "run_schedule"), 302, 403),
        (("view_schedule", "change_schedule"), 403, 302),
        (("run_schedule", "change_schedule"), 403, 403),
    ],
)
def test_permissions(nightly: ApiServer, log_in: LogIn, permissions: tuple[str, ...], run: int, suspend: int) -> None:
    client = log_in(*permissions)
    form = {"pks": "nightly", "nonce": f"1-{'0' * 32}"}
    assert client.post(ACT, form | {"act": "run"}).status_code == run
    assert client.post(ACT, form | {"act": "suspend"}).status_code == suspend
    assert len(nightly.created) == (run == 302)
    assert nightly.schedules["nightly"]["spec"].get("suspended", False) is (suspend == 302)


def test_those_of_other_queues_do_not_exist(nightly: ApiServer, log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TaskAdmin, "queues_for", lambda self, request: {"default"})
    client = log_in(*ALL)
    assert "1 schedule was left alone: it does not exist any more." in done(client, "run", "nightly", "every")
    assert [one["spec"]["schedule"] for one in nightly.created] == ["every"]


@pytest.mark.parametrize(
    "form",
    [{"act": "none", "pk": "nightly"}, {"act": "run", "pks": "nightly", "nonce": "x"}],
)
def test_a_form_that_no_page_has_is_a_bad_request(nightly: ApiServer, log_in: LogIn, form: dict[str, str]) -> None:
    assert log_in(*ALL).post(ACT, form).status_code == 400


def test_nothing_selected(nightly: ApiServer, log_in: LogIn) -> None:
    client = log_in(*ALL)
    assert "No schedule is selected." in client.post(ACT, {"act": "run"}, follow=True).text
    assert client.get(ACT).status_code == 302


def test_a_cluster_that_does_not_answer(api_server: Server, log_in: LogIn, admin_client: Client) -> None:
    server = ApiServer(api_server, schedule_resource())
    form = ask(log_in(*ALL), "suspend", "nightly")

    def away(request: Request) -> Any:
        return None if request.method == "PATCH" else server.answer(request)

    api_server.answer = away
    text = admin_client.post(ACT, form, follow=True).text
    assert "1 schedule: " in text
    assert not LogEntry.objects.exists()


def test_code_alone_is_run_and_not_suspended(cluster: InMemoryCluster, log_in: LogIn) -> None:
    schedule("0 3 * * *", name="of-code", timezone="UTC")(tasks.echo)
    client = log_in(*ALL)
    assert "Run now: 1 schedule." in done(client, "run", "of-code")
    assert "1 schedule was left alone: it is only code." in done(client, "suspend", "of-code")
    assert [one["spec"]["schedule"] for one in cluster.resources.values()] == ["of-code"]


def test_hostile_names(nightly: ApiServer, log_in: LogIn) -> None:
    text = log_in(*ALL).post(ACT, {"act": "run", "pk": HOSTILE}).text
    assert HOSTILE not in text
    assert "alert(1)" in text
