"""An admin site that has some of the pages."""

from collections.abc import Iterator

import pytest
from django.test import Client, override_settings

from djangotasks_api.task_ids import new_id
from tests.unit.backend.admin.addresses import APP
from tests.unit.backend.admin.whole_cluster import SCHEDULES, WORKFLOWS, WholeCluster
from tests.unit.backend.schedule_resources import schedule_resource
from tests.unit.backend.web_server import Server
from tests.unit.backend.workflow_resources import FAILED, workflow_resource

PAGES = f"/admin/{APP}"


@pytest.fixture
def small_site() -> Iterator[None]:
    with override_settings(ROOT_URLCONF="tests.unit.backend.admin.small_urls"):
        yield


@pytest.mark.thorough
def test_pages_that_a_site_does_not_have_are_not_linked(
    whole_server: Server, admin_client: Client, small_site: None
) -> None:
    steps = [{"name": "publish", "task": "shop.flows.publish"}]
    workflow = {"workflow": "shop.flows.monthly", "queue": "mail", "steps": steps}
    schedule = schedule_resource("monthly", task=None, workflow=workflow)
    made = workflow_resource("monthly-202611290100", FAILED, schedule="monthly")
    whole_server.answer = WholeCluster((SCHEDULES, schedule), (WORKFLOWS, made))
    for path in ("schedule/", "schedule/monthly/change/", "schedule/monthly/run/"):
        assert "/workflow/" not in admin_client.get(f"{PAGES}/{path}").text
    response = admin_client.post(f"{PAGES}/schedule/monthly/run/", {"new_id": new_id()})
    assert response.headers["Location"] == f"{PAGES}/schedule/monthly/change/"
    # The history has a row of this one.
    assert admin_client.get(f"{PAGES}/task/one/change/").status_code == 404
