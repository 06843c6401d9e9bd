"""Who may open what: each role at each address."""

import pytest
from django.test import Client

from django_tasks_kubernetes.testing import InMemoryCluster
from djangotasks_api.phases import Phase
from tests.unit.backend.admin.conftest import LIST, LogIn, put

ROLES = {
    "none": (),
    "view": ("view_task",),
    "data": ("view_task", "view_task_data"),
    "on call": ("view_task", "change_task", "retry_task"),
    "all": ("view_task", "view_task_data", "change_task", "retry_task", "delete_task", "add_task"),
    # Nothing can be done by those who may not see tasks.
    "blind": ("view_task_data", "change_task", "retry_task", "delete_task", "add_task"),
}
# By the address, what each role is answered. There is no form to add or to change a task.
EXPECTED: dict[str, dict[str, int]] = {
    "": {"none": 403, "view": 200, "data": 200, "on call": 200, "all": 200, "blind": 403},
    "add/": dict.fromkeys(ROLES, 403),
    "{pk}/change/": {"none": 403, "view": 200, "data": 200, "on call": 200, "all": 200, "blind": 403},
    "{pk}/history/": {"none": 403, "view": 200, "data": 200, "on call": 200, "all": 200, "blind": 403},
    "{pk}/arguments/": {"none": 403, "view": 403, "data": 200, "on call": 403, "all": 200, "blind": 403},
    "{pk}/result/": {"none": 403, "view": 403, "data": 200, "on call": 403, "all": 200, "blind": 403},
    "{pk}/cancel/": {"none": 403, "view": 403, "data": 403, "on call": 200, "all": 200, "blind": 403},
    "{pk}/again/": {"none": 403, "view": 403, "data": 403, "on call": 200, "all": 200, "blind": 403},
    "{pk}/delete/": {"none": 403, "view": 403, "data": 403, "on call": 403, "all": 200, "blind": 403},
    "overview/": {"none": 403, "view": 200, "data": 200, "on call": 200, "all": 200, "blind": 403},
    "failures/": {"none": 403, "view": 200, "data": 200, "on call": 200, "all": 200, "blind": 403},
}


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("role", ROLES)
def test_each_role_at_each_address(cluster: InMemoryCluster, log_in: LogIn, role: str, method: str) -> None:
    pk = put(cluster, phase=Phase.FAILED, finishedAt="2026-11-29T12:03:00Z", result="1")
    client = log_in(*ROLES[role])
    found = {path: getattr(client, method)(LIST + path.format(pk=pk)).status_code for path in EXPECTED}
    assert found == {path: expected[role] for path, expected in EXPECTED.items()}
    assert cluster.resources[pk]["status"]["phase"] == Phase.FAILED


@pytest.mark.parametrize("path", [*EXPECTED, "act/"])
@pytest.mark.parametrize("staff", [False, True])
def test_who_is_not_logged_in_is_asked_to(cluster: InMemoryCluster, log_in: LogIn, path: str, staff: bool) -> None:
    client = Client()
    if not staff:
        from django.contrib.auth.models import User

        # A customer with permissions that do not count, since the admin is for the staff.
        client.force_login(User.objects.create_user("customer", is_staff=False))
    response = client.get(LIST + path.format(pk=put(cluster)))
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/admin/login/")
