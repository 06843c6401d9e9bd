"""What other projects have: local times, users of their own, replicas of their database, tools that read all models."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.admindocs.utils import get_view_name
from django.contrib.admindocs.views import ViewDetailView
from django.contrib.auth import middleware
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import resolve
from django.utils import timezone

from django_tasks_kubernetes.admin import TaskAdmin
from django_tasks_kubernetes.models import Queue, Schedule, Task, TaskEnd, TaskHistory, Workflow
from django_tasks_kubernetes.testing import InMemoryCluster
from djangotasks_api.phases import Phase
from tests.unit.backend.admin.addresses import ADDRESSES, APP
from tests.unit.backend.admin.conftest import put
from tests.unit.backend.admin.test_ends import ALL, connected, dead
from tests.unit.backend.admin.whole_cluster import WholeCluster
from tests.unit.backend.kube.test_client import NO_ROLE, kubeconfig, status
from tests.unit.backend.web_server import Server

__all__ = ["connected"]  # a fixture
PAGES = f"/admin/{APP}"
NONCE = f"1-{'0' * 32}"
PARTS = ("task/?part=rows", "task/overview/?part=overview", "task/one/change/?part=task", "queue/?part=queues")
WITH_TIMES = ("task/?within=24h", "task/overview/?within=30d", "task/failures/?within=30d", "taskhistory/?within=30d")


def answers(client: Client, *more: str) -> Iterator[tuple[str, int]]:
    for path in (*(one.path for one in ADDRESSES), *(f"{PAGES}/{one}" for one in more)):
        yield path, client.get(path).status_code


@pytest.fixture
def local_times() -> Iterator[None]:
    with override_settings(USE_TZ=False):
        yield


@pytest.mark.thorough
def test_no_page_breaks_without_use_tz(whole_server: Server, admin_client: Client, local_times: None) -> None:
    whole_server.answer = WholeCluster()
    for path, code in answers(admin_client, *PARTS, *WITH_TIMES):
        assert code in (200, 302, 403, 404, 405), path


@pytest.mark.thorough
def test_a_page_has_local_times_without_use_tz(cluster: InMemoryCluster, viewer: Client, local_times: None) -> None:
    """The settings' TIME_ZONE is an hour or two ahead of UTC."""
    at = (datetime.now(UTC) - timedelta(minutes=5)).replace(microsecond=0)
    put(cluster, spec={"enqueuedAt": at.isoformat()})
    response = viewer.get(f"{PAGES}/task/")
    assert "5m ago" in response.text
    as_of = response.context["as_of"]
    assert f"<time data-live-time>{timezone.localtime(as_of):%H:%M:%S}</time>" in response.text
    assert timezone.localtime(as_of).hour != as_of.hour


@pytest.mark.thorough
def test_rows_have_their_age_without_use_tz(whole_server: Server, admin_client: Client, local_times: None) -> None:
    whole_server.answer = WholeCluster()
    TaskHistory.objects.update(finished_at=timezone.now() - timedelta(minutes=20))
    TaskEnd.objects.update(seen_at=timezone.now() - timedelta(minutes=30))
    assert "20m ago" in admin_client.get(f"{PAGES}/taskhistory/").text
    assert "30m ago" in admin_client.get(f"{PAGES}/taskend/").text


@pytest.mark.thorough
def test_no_page_asks_for_what_it_has_not(whole_server: Server, admin_client: Client) -> None:
    """Else a project's `string_if_invalid` stands there: as the reason, in the form that asks for one."""
    whole_server.answer = WholeCluster()
    (engine,) = settings.TEMPLATES
    options = engine["OPTIONS"] | {"string_if_invalid": "MISSING[%s]"}
    with override_settings(TEMPLATES=[engine | {"OPTIONS": options}]):
        for one in ADDRESSES:
            response = admin_client.get(one.path)
            assert response.status_code != 200 or "MISSING[" not in response.text, one.name


class Employee:
    """As a project's own user model may be: Django's admin asks it for no more than this, and its name is a number."""

    is_active = is_staff = is_authenticated = True
    is_anonymous = False

    def __init__(self, user: Any) -> None:
        self.pk = self.id = user.pk

    def has_perm(self, permission: str, obj: Any = None) -> bool:
        return True

    def has_module_perms(self, app_label: str) -> bool:
        return True

    def get_username(self) -> Any:
        return 4711

    def get_short_name(self) -> str:
        return "Jane"

    def has_usable_password(self) -> bool:
        return True


@pytest.fixture
def employee(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    get_user = middleware.get_user
    monkeypatch.setattr(middleware, "get_user", lambda request: Employee(get_user(request)))
    return admin_client


@pytest.mark.thorough
def test_no_page_asks_a_user_for_more_than_django_does(whole_server: Server, employee: Client) -> None:
    whole_server.answer = WholeCluster()
    for path, code in answers(employee, *PARTS):
        assert code in (200, 302, 403, 404, 405), path


@pytest.mark.thorough
def test_what_is_wrong_is_said_to_such_a_user(api_server: Server, employee: Client) -> None:
    api_server.answer = lambda request: status(403, NO_ROLE)
    text = employee.get(f"{PAGES}/task/").text
    assert "A right is missing" in text
    assert "Ask your administrator." in text


@pytest.mark.thorough
def test_a_name_that_is_a_number_is_kept_with_what_was_done(cluster: InMemoryCluster, employee: Client) -> None:
    name = put(cluster, phase=Phase.RUNNING)
    form = {"act": "cancel", "pks": name, "nonce": NONCE, "reason": "wrong month"}
    assert employee.post(f"{PAGES}/task/act/", form).status_code == 302
    assert "4711: wrong month" in cluster.resources[name]["status"]["message"]


def test_each_view_is_known_to_admindocs() -> None:
    """It links to each, by its name."""
    docs: Any = ViewDetailView
    for one in ADDRESSES:
        name = get_view_name(resolve(one.path).func)
        assert docs._get_view_func(name) is not None, name


class ReadsReplica:
    """A router that reads from a replica, which is not there: it takes no writes."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "replica" if model._meta.app_label == APP else None

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"


@pytest.mark.parametrize("name", ["again", "discard"])
def test_what_is_done_with_rows_is_not_done_in_a_replica(log_in: Any, name: str) -> None:
    dead()
    client = log_in(*ALL)
    with override_settings(DATABASE_ROUTERS=[f"{__name__}.ReadsReplica"]):
        assert client.post(f"{PAGES}/taskend/act/", {"act": name, "pks": "dead"}).status_code == 302
    row = TaskEnd.objects.get()
    assert (row.tries, row.dispatched_at is not None) == ((0, False) if name == "again" else (10, True))


@pytest.mark.django_db
@pytest.mark.parametrize("use_base_manager", [False, True])
def test_dumpdata_leaves_out_what_has_no_table(use_base_manager: bool) -> None:
    out = StringIO()
    call_command("dumpdata", APP, use_base_manager=use_base_manager, stdout=out)
    assert out.getvalue().strip() == "[]"
    assert [model._default_manager.count() for model in (Task, Queue, Schedule, Workflow)] == [0, 0, 0, 0]


def export(modeladmin: Any, request: Any, queryset: Any) -> HttpResponse:
    """As in Django's documentation of actions that are made available site-wide."""
    return HttpResponse(",".join(queryset.values_list("pk", flat=True)))


def test_actions_of_the_site_are_for_query_sets(
    cluster: InMemoryCluster, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(admin.site._actions, "export", export)
    address, form = f"{PAGES}/task/", {"action": "export", "_selected_action": put(cluster), "index": 0}
    text = admin_client.get(address).text
    assert ('value="export"' in text, 'value="cancel_selected"' in text) == (False, True)
    assert admin_client.post(address, form).status_code in (200, 302)
    # A class may name one that knows what it is given.
    monkeypatch.setattr(TaskAdmin, "actions", (export,))
    assert 'value="export"' in admin_client.get(address).text


@pytest.fixture
def second_place(api_server: Server, tmp_path: Path) -> Iterator[None]:
    """TASKS has another one, whose alias is not as it stands in an address."""
    (tmp_path / "second").mkdir()
    options = {"NAMESPACE": "shop", "KUBECONFIG": kubeconfig(tmp_path / "second", api_server.url)}
    with override_settings(TASKS=settings.TASKS | {"b&b": settings.TASKS["default"] | {"OPTIONS": options}}):
        yield


def test_after_an_action_the_list_is_that_of_its_tasks(
    api_server: Server, admin_client: Client, second_place: None
) -> None:
    api_server.answer = WholeCluster()
    form = {"act": "delete", "pks": "b&b.one b&b.two", "nonce": NONCE}
    response = admin_client.post(f"{PAGES}/task/act/", form)
    assert response.headers["Location"] == f"{PAGES}/task/?backend=b%26b"
    response = admin_client.post(f"{PAGES}/schedule/act/", {"act": "suspend", "backend": "b&b"})
    assert response.headers["Location"] == f"{PAGES}/schedule/?backend=b%26b"
