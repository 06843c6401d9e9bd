"""Where the settings do not lead to a cluster, each page says so."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings

from tests.unit.backend.admin.addresses import ADDRESSES
from tests.unit.backend.admin.test_permissions import form
from tests.unit.backend.admin.whole_project import fill_tables, whole_project

OPTIONS: dict[str, dict[str, Any]] = {
    "no credentials": {"NAMESPACE": "shop", "KUBECONFIG": "/nowhere/kubeconfig"},
    "a wrong option": {"NAMESPACE": "shop", "REQUEST_TIMEOUT": "soon"},
}


@pytest.fixture(params=OPTIONS.values(), ids=list(OPTIONS))
def staff(request: pytest.FixtureRequest, admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    for name in ("KUBERNETES_SERVICE_HOST", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    fill_tables()
    admin_client.raise_request_exception = False
    with override_settings(TASKS={"default": settings.TASKS["default"] | {"OPTIONS": request.param}}), whole_project():
        yield admin_client


@pytest.mark.thorough
def test_another_backend_that_cannot_be_imported_breaks_no_page(admin_client: Client) -> None:
    """As one for development, which is not installed here."""
    with override_settings(TASKS=settings.TASKS | {"other": {"BACKEND": "not_installed.Backend"}}):
        text = admin_client.get("/admin/").text
    assert "/admin/django_tasks_kubernetes/task/" in text


@pytest.mark.thorough
def test_no_page_breaks(staff: Client) -> None:
    for one in ADDRESSES:
        for response in (staff.get(one.path), staff.post(one.path, form(one))):
            assert response.status_code in (200, 302, 400, 403, 404, 405, 503), one.name
