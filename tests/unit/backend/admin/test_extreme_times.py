"""Times at the ends of the calendar: somebody may have written them, as that of a task that is never due."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from django_tasks_kubernetes.admin.reading import forget
from tests.unit.backend.admin.conftest import made_task
from tests.unit.backend.admin.whole_cluster import TASKS, WholeCluster
from tests.unit.backend.resources import attempt
from tests.unit.backend.web_server import Server

PAGES = ("one/change/", "", "?within=24h", "overview/", "overview/?within=30d", "failures/?within=30d", "one/log/")
FIRST, LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
TIMES: dict[str, dict[str, Any]] = {
    "never due": {"spec": {"runAfter": LAST}},
    "enqueued last": {"spec": {"enqueuedAt": LAST}},
    "ended last": {"phase": "Failed", "startedAt": FIRST, "finishedAt": LAST},
    "starts": {"phase": "Running", "startedAt": FIRST, "spec": {"enqueuedAt": FIRST}},
    "an attempt": {"phase": "Running", "attempts": [attempt(1, startedAt=FIRST, finishedAt=LAST)]},
}


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", pytest.param("America/New_York", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("fields", TIMES.values(), ids=TIMES)
def test_all_pages_are_there(api_server: Server, admin_client: Client, fields: dict[str, Any], zone: str) -> None:
    made = made_task(1, "one", **fields | {"spec": dict(fields.get("spec", {}))})
    api_server.answer = WholeCluster((TASKS, made))
    forget()
    with timezone.override(zone):
        for page in PAGES:
            assert admin_client.get(f"/admin/django_tasks_kubernetes/task/{page}").status_code == 200, page
