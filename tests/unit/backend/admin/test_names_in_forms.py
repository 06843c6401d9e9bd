"""A task or a schedule that a form names in another way than pages do."""

from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from django_tasks_kubernetes.testing import InMemoryCluster
from djangotasks_api.phases import Phase
from djangotasks_api.task_ids import new_id
from tests.unit.backend.admin.conftest import LogIn, put
from tests.unit.backend.admin.whole_cluster import WholeCluster
from tests.unit.backend.web_server import Server
from tests.unit.backend.workflow_resources import RUNNING, workflow_resource

APP = "/admin/django_tasks_kubernetes"
NONCE = f"1-{'0' * 32}"


@pytest.mark.parametrize("way", ["{name}", "default.{name}", "{hex}", "default.{hex}"])
def test_what_is_done_with_a_task_is_in_its_history(cluster: InMemoryCluster, log_in: LogIn, way: str) -> None:
    name = put(cluster, phase=Phase.RUNNING, name=new_id())
    client = log_in("view_task", "change_task")
    pk = way.format(name=name, hex=UUID(name).hex)
    client.post(f"{APP}/task/act/", {"act": "cancel", "pks": pk, "nonce": NONCE, "reason": "wrong month"})
    for address in (name, f"default.{name}"):
        assert "wrong month" in client.get(f"{APP}/task/{address}/history/").text


def test_one_that_is_named_twice_is_done_once(cluster: InMemoryCluster, log_in: LogIn) -> None:
    name = put(cluster, phase=Phase.RUNNING, name=new_id())
    client = log_in("view_task", "change_task")
    pks = f"{name} default.{name} {UUID(name).hex}"
    text = client.post(f"{APP}/task/act/", {"act": "cancel", "pks": pks, "nonce": NONCE}, follow=True).text
    assert "Cancel: 1 task." in text
    assert LogEntry.objects.count() == 1


def test_the_same_for_schedules(api_server: Server, admin_client: Client) -> None:
    api_server.answer = cluster = WholeCluster()
    form = {"act": "run", "pks": "nightly default.nightly", "nonce": NONCE}
    assert "Run now: 1 schedule." in admin_client.post(f"{APP}/schedule/act/", form, follow=True).text
    assert LogEntry.objects.get().object_id == "nightly"
    assert [method for method, _path in cluster.changes] == ["POST"]


def test_a_workflow_is_cancelled_by_the_name_that_its_history_has(cluster: InMemoryCluster, log_in: LogIn) -> None:
    name = new_id()
    cluster.workflows.resources[name] = workflow_resource(name, RUNNING)
    client = log_in("view_workflow", "change_workflow")
    assert client.post(f"{APP}/workflow/{UUID(name).hex}/cancel/").status_code == 404
    assert client.post(f"{APP}/workflow/default.{name}/cancel/").status_code == 302
    assert LogEntry.objects.get().object_id == name


def test_a_name_with_line_breaks_is_one_line_of_the_log(
    cluster: InMemoryCluster, log_in: LogIn, caplog: pytest.LogCaptureFixture
) -> None:
    """As another system may give it: Django's own forms refuse it."""
    client = log_in("view_task", "change_task")
    User.objects.update(username="jane\nroot: delete of 1 tasks: x\x1b[2K")
    name = put(cluster, phase=Phase.RUNNING)
    with caplog.at_level("INFO", logger="django_tasks_kubernetes.admin.audit"):
        client.post(f"{APP}/task/act/", {"act": "cancel", "pks": name, "nonce": NONCE})
    (record,) = [one for one in caplog.records if one.name.endswith(".audit")]
    assert record.getMessage().startswith("jane root: delete")
    assert record.getMessage().isprintable()
    assert "\n" not in cluster.resources[name]["status"]["message"]
