"""Holding and releasing queues by forms."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.unit.backend.admin.conftest import LogIn
from tests.unit.backend.admin.queue_answers import HOLDS, QueueServer, queue_resource
from tests.unit.backend.hold_resources import hold_resource
from tests.unit.backend.kube.test_client import status
from tests.unit.backend.web_server import Server

PAGE = "/admin/django_tasks_kubernetes/queue/"
HOLD, RELEASE = f"{PAGE}reports/hold/", f"{PAGE}reports/release/"


@pytest.fixture
def queues(api_server: Server) -> QueueServer:
    api_server.answer = made = QueueServer(queue_resource("reports"))
    return made


@pytest.fixture
def keeper(log_in: LogIn) -> Client:
    return log_in("view_queue", "hold_queue")


def test_a_queue_is_paused(queues: QueueServer, keeper: Client) -> None:
    response = keeper.get(HOLD)
    assert (response.status_code, queues.holds) == (200, {}), "a GET asks, and does nothing"
    done = keeper.post(HOLD, {"version": "", "concurrency": 0, "length": "", "reason": "prices are wrong"})
    assert (done.status_code, done.headers["Location"]) == (302, PAGE)
    spec = queues.holds["reports"]["spec"]
    (entry,) = LogEntry.objects.all()
    assert spec == {"concurrency": 0, "by": entry.user.get_username(), "reason": "prices are wrong"}
    assert (entry.object_id, entry.get_change_message()) == ("reports", "paused: prices are wrong")
    text = keeper.get(PAGE).text
    assert "Queue reports: paused: prices are wrong" in text
    assert "by jane" in text, "it is read again at once"


def test_for_a_while(queues: QueueServer, keeper: Client) -> None:
    keeper.post(HOLD, {"version": "", "concurrency": 3, "length": "1h30m", "reason": "x"})
    until = datetime.fromisoformat(queues.holds["reports"]["spec"]["until"])
    left = until - datetime.now(UTC)
    assert timedelta(minutes=60) < left < timedelta(minutes=120)


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": ""},
        {"reason": "x" * 257},
        {"concurrency": -1},
        {"concurrency": ""},
        {"concurrency": 100_001},
        {"length": "soon"},
        {"length": "0s"},
        {"length": "999999y"},
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_done(queues: QueueServer, keeper: Client, wrong: dict[str, str]) -> None:
    given = {"version": "", "concurrency": 0, "length": "", "reason": "x"} | wrong
    response = keeper.post(HOLD, given)
    assert response.status_code == 200
    assert 'class="errorlist"' in response.text
    assert (queues.holds, LogEntry.objects.count()) == ({}, 0)


def test_the_hold_that_was_seen_is_replaced(queues: QueueServer, keeper: Client) -> None:
    queues.holds["reports"] = hold_resource(by="joe", until="2126-11-29T18:00:00Z")
    response = keeper.get(HOLD)
    assert "by joe" in response.text
    given = {"version": response.context["version"], "concurrency": 1, "length": "", "reason": "x"}
    assert keeper.post(HOLD, given).status_code == 302
    spec = queues.holds["reports"]["spec"]
    assert (spec["concurrency"], spec["by"] == "joe", "until" in spec) == (1, False, False)


@pytest.mark.parametrize(("address", "given"), [(HOLD, {"concurrency": 0, "reason": "x"}), (RELEASE, {})])
@pytest.mark.parametrize("version", ["", "uid-reports/0"])
def test_one_that_somebody_changed_meanwhile_is_left(
    queues: QueueServer, keeper: Client, address: str, given: dict[str, str], version: str
) -> None:
    queues.holds["reports"] = known = hold_resource(by="joe")
    response = keeper.post(address, given | {"version": version})
    assert "Somebody else has changed it meanwhile" in response.text
    assert queues.holds == {"reports": known}


@pytest.mark.parametrize("length", ["", "2h"])
@pytest.mark.parametrize("is_faster", [False, True])
def test_a_double_click_is_no_somebody_else(
    queues: QueueServer, keeper: Client, api_server: Server, length: str, is_faster: bool
) -> None:
    given = {"version": "", "concurrency": 0, "length": length, "reason": "prices"}
    assert keeper.post(HOLD, given).status_code == 302
    if is_faster:
        # It has not been there yet when the second one was read.
        answers = iter([status(404, "not found", kind=HOLDS, name="reports"), status(409, "already exists")])
        api_server.answer = lambda request: next(answers, None) or queues(request)
    second = keeper.post(HOLD, given)
    assert (second.status_code, second.headers["Location"]) == (302, PAGE)
    assert LogEntry.objects.count() == 1
    other = keeper.post(HOLD, given | {"reason": "another"})
    assert "Somebody else has changed it meanwhile" in other.text
    if length:
        assert "Somebody else" in keeper.post(HOLD, given | {"length": "4h"}).text


def test_release(queues: QueueServer, keeper: Client) -> None:
    queues.holds["reports"] = hold_resource(by="joe", reason="prices")
    response = keeper.get(RELEASE)
    assert "prices" in response.text
    assert "reports" in queues.holds
    done = keeper.post(RELEASE, {"version": response.context["version"]})
    assert (done.status_code, queues.holds) == (302, {})
    (entry,) = LogEntry.objects.all()
    assert entry.get_change_message() == "released"
    assert "is not held" in keeper.get(RELEASE).text


@pytest.mark.parametrize("permissions", [(), ("view_queue",), ("hold_queue",), ("view_task", "change_task")])
@pytest.mark.parametrize("address", [HOLD, RELEASE])
def test_both_permissions_are_needed(
    queues: QueueServer, log_in: LogIn, permissions: tuple[str, ...], address: str
) -> None:
    client = log_in(*permissions)
    queues.holds["reports"] = hold_resource()
    for method in (client.get, client.post):
        assert method(address).status_code == 403
    assert "reports" in queues.holds


def test_a_form_of_another_site_is_refused(queues: QueueServer, keeper: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = keeper.cookies
    assert strict.post(HOLD, {"concurrency": 0, "reason": "x", "version": ""}).status_code == 403
    assert queues.holds == {}


@pytest.mark.parametrize("name", ["A", "a.b.c", "..", "a%2fb", "x" * 64])
def test_what_is_no_name_of_a_queue_has_no_page(queues: QueueServer, keeper: Client, name: str) -> None:
    assert keeper.get(f"{PAGE}{name}/hold/").status_code == 404


def test_the_account_may_not(queues: QueueServer, keeper: Client, admin_client: Client) -> None:
    queues.forbidden = {HOLDS}
    response = keeper.post(HOLD, {"version": "", "concurrency": 0, "reason": "x"})
    assert (response.status_code, "A right is missing" in response.text) == (503, True)
    assert "admin.holds=true" not in response.text
    assert "admin.holds=true" in admin_client.get(HOLD).text


def test_the_cluster_is_away(api_server: Server, keeper: Client) -> None:
    api_server.answer = lambda request: (503, {"kind": "Status", "message": "away"}, {})
    response = keeper.post(HOLD, {"version": "", "concurrency": 0, "reason": "x"})
    assert (response.status_code, "The cluster does not answer" in response.text) == (503, True)
    assert LogEntry.objects.count() == 0
