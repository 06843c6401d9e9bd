"""Steps whose tasks are of other queues than their workflow, for people who may see some queues."""

import re
from typing import Any

import pytest

from django_tasks_kubernetes.admin import TaskAdmin
from djangotasks_api.task_ids import new_id
from tests.unit.backend.admin.conftest import LogIn
from tests.unit.backend.admin.whole_cluster import SCHEDULES, WORKFLOWS, WholeCluster
from tests.unit.backend.schedule_resources import schedule_resource
from tests.unit.backend.web_server import Server
from tests.unit.backend.workflow_resources import FAILED, RUNNING, workflow_resource

APP = "/admin/django_tasks_kubernetes"
STEPS: list[dict[str, Any]] = [
    {"name": "extract", "task": "shop.flows.extract"},
    {"name": "render", "task": "shop.flows.render", "queue": "secret"},
]
BUTTON = re.compile(r'name="pk"|/(cancel|retry|run|suspend|resume)/')
NO_ADDRESS = "ValueError: no address"
ALL = ("view_workflow", "change_workflow", "retry_workflow", "view_schedule", "change_schedule", "run_schedule")


@pytest.fixture
def cluster(api_server: Server) -> WholeCluster:
    flow = {"workflow": "shop.flows.report", "queue": "mail", "steps": STEPS}
    api_server.answer = made = WholeCluster(
        (WORKFLOWS, workflow_resource("failed", FAILED, steps=STEPS)),
        (WORKFLOWS, workflow_resource("running", RUNNING, steps=STEPS)),
        (SCHEDULES, schedule_resource("report", task=None, workflow=flow)),
    )
    return made


@pytest.fixture
def only_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a list, which projects may well return in place of a set."""
    monkeypatch.setattr(TaskAdmin, "queues_for", lambda self, request: ["mail"])


PAGES = ("workflow/failed/change/", "workflow/running/change/", "schedule/report/change/", "schedule/")


def test_who_may_see_all_queues_sees_and_does_all(cluster: WholeCluster, log_in: LogIn) -> None:
    client = log_in(*ALL)
    for page in PAGES:
        assert BUTTON.search(client.get(f"{APP}/{page}").text), page
    assert NO_ADDRESS in client.get(f"{APP}/{PAGES[0]}").text


def test_the_workflow_is_shown_without_what_the_tasks_of_others_say(
    cluster: WholeCluster, log_in: LogIn, only_mail: None
) -> None:
    client = log_in(*ALL)
    for page in PAGES:
        response = client.get(f"{APP}/{page}")
        assert response.status_code == 200, page
        assert not BUTTON.search(response.text), page
        assert NO_ADDRESS not in response.text, page
    assert "extract" in client.get(f"{APP}/{PAGES[0]}").text


@pytest.mark.parametrize(
    ("page", "status"),
    [
        ("workflow/running/cancel", 403),
        ("workflow/failed/retry", 403),
        ("schedule/report/run", 404),
        ("schedule/report/suspend", 404),
        ("schedule/report/resume", 404),
    ],
)
def test_nothing_is_done_in_queues_of_others(
    cluster: WholeCluster, log_in: LogIn, only_mail: None, page: str, status: int
) -> None:
    client = log_in(*ALL)
    assert client.get(f"{APP}/{page}/").status_code == status
    assert client.post(f"{APP}/{page}/", {"new_id": new_id()}).status_code == status
    assert cluster.changes == []


@pytest.mark.parametrize("act", ["run", "suspend", "resume"])
def test_nor_with_several_schedules(cluster: WholeCluster, log_in: LogIn, only_mail: None, act: str) -> None:
    form = {"act": act, "pks": "report", "nonce": f"1-{'0' * 32}"}
    text = log_in(*ALL).post(f"{APP}/schedule/act/", form, follow=True).text
    assert "1 schedule was left alone" in text
    assert cluster.changes == []
