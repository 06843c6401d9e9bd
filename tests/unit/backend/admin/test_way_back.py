"""After an action, or a question that is answered with no, somebody is where they were: the filters that they chose are
kept, as in all of Django's admin. (Users of Mission Control lost them: mission_control-jobs#161.)"""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.testing import InMemoryCluster
from djangotasks_api.phases import Phase
from tests.unit.backend.admin.conftest import LIST, put
from tests.unit.backend.admin.test_outbox import LIST as OUTBOX
from tests.unit.backend.admin.test_outbox import outbox, row
from tests.unit.backend.admin.test_schedules import LIST as SCHEDULES
from tests.unit.backend.admin.test_schedules import ApiServer, nightly
from tests.unit.backend.web_server import Server

__all__ = ["nightly", "outbox"]  # fixtures
CHOSEN = "?phase=Queued&queue=mail&q=receipt&o=2"
MAIL = {"queue": "mail", "task": "shop.mail.receipt"}


def form_of(html: str) -> tuple[dict[str, str], str]:
    """What the page that asks would send, and where "No, take me back" leads."""
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', html)
    back = re.search(r'<a href="([^"]*)" class="closelink">', html)
    assert back is not None
    return {name: unescape(value) for name, value in fields}, unescape(back[1])


def asked(client: Client, address: str, action: str, *pks: Any) -> tuple[dict[str, str], str]:
    return form_of(client.post(address, {"action": action, "_selected_action": pks, "index": "0"}).text)


def test_of_the_list_of_tasks(cluster: InMemoryCluster, admin_client: Client) -> None:
    names = [put(cluster, minute, phase=Phase.QUEUED, spec=MAIL) for minute in range(3)]
    data, back = asked(admin_client, f"{LIST}{CHOSEN}", "cancel_selected", *names[:2])
    assert back == LIST + CHOSEN
    assert admin_client.post(f"{LIST}act/", data).headers["Location"] == LIST + CHOSEN


def test_without_the_page_which_may_not_be_there_any_more(cluster: InMemoryCluster, admin_client: Client) -> None:
    names = [put(cluster, minute, phase=Phase.QUEUED) for minute in range(51)]
    data, back = asked(admin_client, f"{LIST}?phase=Queued&p=2", "cancel_selected", names[0])
    assert (back, data["back"]) == (f"{LIST}?phase=Queued", "phase=Queued&p=2")


def test_of_the_page_of_one(cluster: InMemoryCluster, admin_client: Client) -> None:
    name = put(cluster, phase=Phase.QUEUED)
    _data, back = form_of(admin_client.get(f"{LIST}{name}/cancel/").text)
    assert back == f"{LIST}{name}/change/"


def test_what_there_was_no_time_for_goes_on_from_there(
    cluster: InMemoryCluster, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [put(cluster, minute, phase=Phase.QUEUED) for minute in range(2)]
    data, _back = asked(admin_client, f"{LIST}?phase=Queued", "cancel_selected", *names)
    monkeypatch.setattr("django_tasks_kubernetes.admin.many.SECONDS", -1)
    again, back = form_of(admin_client.post(f"{LIST}act/", data).text)
    assert (again["back"], back) == ("phase=Queued", f"{LIST}?phase=Queued")


def test_of_a_table(outbox: Server, admin_client: Client) -> None:
    rows = [row(queue="mail") for _ in range(2)]
    data, back = asked(admin_client, f"{OUTBOX}?queue=mail", "discard_selected", *(one.pk for one in rows))
    assert back == f"{OUTBOX}?queue=mail"
    assert admin_client.post(f"{OUTBOX}act/", data).headers["Location"] == f"{OUTBOX}?queue=mail"
    assert not OutboxTask.objects.exists()


def test_of_schedules(nightly: ApiServer, admin_client: Client) -> None:
    listed = admin_client.get(f"{SCHEDULES}?q=night").text
    (back,) = re.findall(r'<input type="hidden" name="back" value="([^"]*)">', listed)
    question = admin_client.post(f"{SCHEDULES}act/", {"act": "suspend", "pk": "nightly", "back": back})
    data, no = form_of(question.text)
    assert no == f"{SCHEDULES}?q=night"
    assert admin_client.post(f"{SCHEDULES}act/", data).headers["Location"] == f"{SCHEDULES}?q=night"
    nothing = admin_client.post(f"{SCHEDULES}act/", {"act": "suspend", "back": back})
    assert nothing.headers["Location"] == f"{SCHEDULES}?q=night"


@pytest.mark.parametrize("back", ["//elsewhere.example", "https://elsewhere.example/", "\r\nSet-Cookie: a=b", "&&=;\0"])
def test_it_leads_to_no_other_page(cluster: InMemoryCluster, admin_client: Client, back: str) -> None:
    names = [put(cluster, minute, phase=Phase.QUEUED) for minute in range(2)]
    data, _back = asked(admin_client, LIST, "cancel_selected", *names)
    response = admin_client.post(f"{LIST}act/", data | {"back": back})
    assert response.headers["Location"].startswith(f"{LIST}?")
    assert response.cookies.keys() <= {"messages", "sessionid"}
