"""The page of queues."""

from typing import Any

import pytest
from django.test import Client

from django_tasks_kubernetes.admin import TaskAdmin, keeping
from django_tasks_kubernetes.admin.reading import forget
from django_tasks_kubernetes.testing import InMemoryCluster
from tests.unit.backend.admin.conftest import LogIn, made_task, put
from tests.unit.backend.admin.queue_answers import HOLDS, QUEUES, QueueServer, queue_resource
from tests.unit.backend.hold_resources import hold_resource
from tests.unit.backend.kube.test_client import status
from tests.unit.backend.web_server import Server

PAGE = "/admin/django_tasks_kubernetes/queue/"


def entries(client: Client, query: str = "") -> dict[str, Any]:
    """The lines of the page by the names of their queues."""
    response = client.get(PAGE + query)
    assert response.status_code == 200
    return {entry.line.name: entry.line for entry in response.context["entries"]}


def text_of(client: Client, query: str = "") -> str:
    return " ".join(client.get(PAGE + query).text.split())


@pytest.fixture
def queues(api_server: Server) -> QueueServer:
    wrong = {
        "conditions": [{"type": "Ready", "status": "False", "reason": "PodRefused", "message": "no <b>pods</b>"}],
        "lastError": "QuotaExceeded: full",
        "lastErrorAt": "2026-11-29T11:00:00Z",
    }
    made = QueueServer(
        queue_resource("reports", rateLimit={"starts": 100, "periodSeconds": 60}),
        queue_resource("broken", wrong, concurrency=None),
        holds=(hold_resource("reports", concurrency=2, reason="prices", until="2126-11-29T18:00:00Z"),),
    )
    api_server.answer = made
    return made


@pytest.fixture
def keeper(log_in: LogIn) -> Client:
    return log_in("view_queue", "hold_queue", "view_task")


def test_a_queue_leads_to_its_tasks_in_its_own_place(queues: QueueServer, log_in: LogIn, settings: Any) -> None:
    client = log_in("view_queue")
    assert 'task/?queue=reports"' in text_of(client)
    one = settings.TASKS["default"]
    settings.TASKS = {"default": one, "other": one | {"OPTIONS": one["OPTIONS"] | {"NAMESPACE": "elsewhere"}}}
    forget()
    assert 'task/?queue=reports&amp;backend=other"' in text_of(client, "?backend=other")


def test_standby_pods_where_a_queue_has_some(queues: QueueServer, log_in: LogIn) -> None:
    client = log_in("view_queue")
    assert "Standby pods" not in text_of(client)
    wrong = {"type": "StandbyReady", "status": "False", "reason": "PodRefused", "message": "no <b>quota</b>"}
    queues.queues += [
        queue_resource("fast", {"standby": {"ready": 2, "starting": 1}}),
        queue_resource("slow", {"standby": {"starting": 0}, "conditions": [wrong]}),
    ]
    forget()
    found = entries(client)
    assert {name: line.standby for name, line in found.items()} == {
        "broken": None, "fast": 2, "reports": None, "slow": 0,
    }  # fmt: skip
    text = text_of(client)
    for words in ("Standby pods", "2 and 1 starting", "✗ PodRefused: no &lt;b&gt;quota&lt;/b&gt;"):
        assert words in text, words
    assert found["slow"].ready is None


def test_what_a_queue_says(queues: QueueServer, log_in: LogIn, api_server: Server) -> None:
    found = entries(log_in("view_queue"))
    assert list(found) == ["broken", "reports"]
    reports, broken = found["reports"], found["broken"]
    assert (reports.ready, reports.running, reports.waiting, reports.rate) == (True, 1, 2, "100 / 60 s")
    assert (reports.limit, reports.hold.by, reports.hold.effect) == ("2 (5)", "jane", "at most 2 at once")
    assert (broken.ready, broken.message, broken.limit, broken.last_error) == (
        False,
        "no <b>pods</b>",
        "–",
        "QuotaExceeded: full",
    )
    assert len(api_server.requests) == 2


def test_what_others_wrote_is_escaped_and_templates_are_not_shown(queues: QueueServer, keeper: Client) -> None:
    text = text_of(keeper)
    assert "no &lt;b&gt;pods&lt;/b&gt;" in text
    assert "hidden-value" not in text


@pytest.mark.parametrize(("permissions", "shown"), [(("view_queue",), False), (("view_queue", "hold_queue"), True)])
def test_buttons_are_for_who_may(queues: QueueServer, log_in: LogIn, permissions: tuple[str, ...], shown: bool) -> None:
    text = text_of(log_in(*permissions))
    assert ("/queue/reports/release/" in text) is shown
    assert ("/queue/broken/hold/" in text) is shown


@pytest.mark.parametrize("permissions", [(), ("view_task",), ("hold_queue",)])
def test_without_the_permission_there_is_no_page(
    queues: QueueServer, log_in: LogIn, permissions: tuple[str, ...]
) -> None:
    assert log_in(*permissions).get(PAGE).status_code == 403


def test_without_the_right_it_shows_what_tasks_say_and_what_to_grant(
    queues: QueueServer, log_in: LogIn, admin_client: Client
) -> None:
    queues.forbidden = {QUEUES}
    queues.tasks = [
        made_task(1, spec={"queue": "reports"}),
        made_task(2, spec={"queue": "reports"}, phase="Running", startedAt="2026-11-29T12:02:00Z"),
        made_task(3, spec={"queue": "mail"}),
    ]
    found = entries(log_in("view_queue"))
    assert {name: (line.running, line.waiting, line.ready) for name, line in found.items()} == {
        "mail": (0, 1, None),
        "reports": (1, 1, None),
    }
    assert found["reports"].hold.by == "jane"
    assert "admin.queues=true" not in text_of(log_in("view_queue"))
    assert "admin.queues=true" in text_of(admin_client)


def test_without_the_right_to_holds_it_shows_what_the_queue_says_of_its_hold(
    queues: QueueServer, keeper: Client, admin_client: Client
) -> None:
    queues.forbidden = {HOLDS}
    queues.queues = [queue_resource("reports", {"held": {"concurrency": 0, "by": "joe", "reason": "x"}})]
    assert entries(keeper)["reports"].hold.by == "joe"
    text = text_of(admin_client)
    assert "admin.holds=true" in text
    assert "/queue/reports/hold/" not in text, "it would be refused"


def test_holds_that_cannot_be_read_are_not_passed_over(queues: QueueServer, keeper: Client, api_server: Server) -> None:
    """Of an API server that is slow, or lacks their definition, the buttons were left out, and nothing was said."""
    queues.queues = [queue_resource("reports", {"held": {"concurrency": 0, "by": "joe", "reason": "x"}})]
    queues.holds = {"reports": hold_resource(by="jane")}
    api_server.answer = lambda request: status(500, "etcd") if HOLDS in request.path else queues(request)
    text = text_of(keeper)
    assert "Holds cannot be read here, and nothing can be paused." in text
    assert "by joe" in text
    assert "/queue/reports/hold/" not in text


def test_a_hold_that_is_over_is_none(queues: QueueServer, keeper: Client) -> None:
    queues.holds = {"reports": hold_resource(until="2020-01-01T00:00:00Z")}
    assert entries(keeper)["reports"].hold is None


def test_one_queue_has_an_address(queues: QueueServer, keeper: Client) -> None:
    assert list(entries(keeper, "reports/change/")) == ["reports"]
    assert keeper.get(PAGE + "gone/change/").status_code == 404
    assert keeper.get(PAGE + "reports/history/").status_code == 200


def test_a_person_sees_the_queues_that_are_theirs(
    queues: QueueServer, keeper: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TaskAdmin, "queues_for", lambda self, request: {"reports"})
    assert list(entries(keeper)) == ["reports"]
    assert keeper.get(PAGE + "broken/change/").status_code == 404
    for action in ("hold", "release"):
        for method in (keeper.get, keeper.post):
            assert method(f"{PAGE}broken/{action}/").status_code == 404


def test_tasks_in_memory_have_queues_without_limits(cluster: InMemoryCluster, keeper: Client) -> None:
    put(cluster, 1, spec={"queue": "mail"})
    assert {name: line.waiting for name, line in entries(keeper).items()} == {"mail": 1}
    assert "/hold/" not in text_of(keeper)
    assert keeper.get(PAGE + "mail/hold/").status_code == 404


def test_the_cluster_is_away(keeper: Client, api_server: Server) -> None:
    api_server.answer = lambda request: (503, {"kind": "Status", "message": "away"}, {})
    response = keeper.get(PAGE)
    assert (response.status_code, response.context["entries"]) == (200, [])
    assert "The cluster does not answer" in response.text
    assert keeper.get(PAGE + "?part=queues").status_code == 503
    assert {request.path.partition("?")[0].rpartition("/")[2] for request in api_server.requests} == {QUEUES}


def test_what_was_read_before_is_shown_with_why_it_is_old(
    queues: QueueServer, keeper: Client, api_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(keeping, "COST_FACTOR", 0)
    assert list(entries(keeper)) == ["broken", "reports"]
    api_server.answer = lambda request: (503, {"kind": "Status", "message": "away"}, {})
    assert list(entries(keeper)) == ["broken", "reports"]
    text = text_of(keeper)
    assert "The cluster does not answer" in text
    assert "/hold/" not in text


@pytest.mark.parametrize("address", ["add/", "reports/delete/"])
def test_queues_are_not_changed_here(queues: QueueServer, admin_client: Client, address: str) -> None:
    assert admin_client.get(PAGE + address).status_code == 403
