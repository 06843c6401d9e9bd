"""People of different permissions, tasks in memory, and an API server that answers with tables."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client, override_settings

from django_tasks_kubernetes.admin.reading import forget
from django_tasks_kubernetes.testing import InMemoryCluster, in_memory
from djangotasks_api.task_ids import new_id, order_labels
from tests.unit.backend.kube.test_client import kubeconfig
from tests.unit.backend.resources import resource
from tests.unit.backend.tables import FakeTables
from tests.unit.backend.web_server import Request, Server

LIST = "/admin/django_tasks_kubernetes/task/"
BEGIN = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """What one test has read, no other sees."""
    forget()
    yield
    forget()


@pytest.fixture
def cluster() -> Iterator[InMemoryCluster]:
    with in_memory() as found:
        yield found


def put(cluster: InMemoryCluster, minute: int = 0, name: str | None = None, **fields: Any) -> str:
    """Puts in a task that was enqueued in that minute. `fields`: of the status, and `spec` and `labels`."""
    made = made_task(minute, name, **fields)
    cluster.resources[made["metadata"]["name"]] = made
    return str(made["metadata"]["name"])


def made_task(minute: int = 0, name: str | None = None, **fields: Any) -> dict[str, Any]:
    at = BEGIN + timedelta(minutes=minute)
    name = name or new_id(int(at.timestamp() * 1000))
    labels = order_labels(name) | fields.pop("labels", {})
    made = resource(name, spec={"enqueuedAt": at.isoformat()} | fields.pop("spec", {}), **fields)
    made["metadata"] |= {"labels": labels, "uid": f"uid-of-{name}"}
    return made


type LogIn = Callable[..., Client]


@pytest.fixture
def log_in(db: None) -> LogIn:
    """Logs in one of the staff with these permissions, by their codenames."""

    numbers = count()

    def one(*permissions: str) -> Client:
        user = User.objects.create(username=f"jane-{next(numbers)}", is_staff=True)
        found = Permission.objects.filter(content_type__app_label="django_tasks_kubernetes", codename__in=permissions)
        assert len(found) == len(permissions), permissions
        user.user_permissions.add(*found)
        client = Client()
        client.force_login(user)
        return client

    return one


@pytest.fixture
def viewer(log_in: LogIn) -> Client:
    return log_in("view_task")


@pytest.fixture
def api_server(server: Server, tmp_path: Path) -> Iterator[Server]:
    """The one of TASKS: `server.answer` says what it answers, and `server.requests` what it was asked."""
    options = {"NAMESPACE": "shop", "KUBECONFIG": kubeconfig(tmp_path, server.url)}
    tasks = {"default": settings.TASKS["default"] | {"OPTIONS": options}}
    with override_settings(TASKS=tasks):
        yield server


@pytest.fixture
def whole_server(api_server: Server, db: None) -> Iterator[Server]:
    """The same, of a project that uses all that there is a page for."""
    from tests.unit.backend.admin.whole_project import fill_tables, whole_project

    fill_tables()
    with whole_project():
        yield api_server


def tables_of(*resources: dict[str, Any]) -> Callable[[Request], Any]:
    """Answers lists with tables of these tasks, and a look-up with the task."""
    from urllib.parse import parse_qs, urlsplit

    fake = FakeTables(*resources)

    def answer(request: Request) -> Any:
        address = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        name = address.path.rpartition("/djangotasks")[2].strip("/")
        if name:
            found = [one for one in resources if one["metadata"]["name"] == name]
            return (
                (200, found[0], {})
                if found
                else (404, {"kind": "Status", "details": {"kind": "djangotasks", "name": name}}, {})
            )
        return 200, fake.table_page(
            fields=query.get("fieldSelector", ""),
            labels=query.get("labelSelector", ""),
            limit=int(query["limit"]),
            token=query.get("continue"),
        ), {}  # fmt: skip

    return answer
