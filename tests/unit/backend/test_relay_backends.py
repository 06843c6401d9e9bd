"""The relay: a row, or a cluster, that is broken holds up nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import override_settings
from django.utils import timezone

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.enqueue import outbox
from django_tasks_kubernetes.kube.errors import error_from
from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.relay import Relayed, relay
from django_tasks_kubernetes.testing import InMemoryCluster
from tests.unit.backend.tasks import echo

pytestmark = pytest.mark.django_db
ECHO: Any = echo
# As a policy engine refuses: with the code of RBAC, and perhaps with its words.
POLICY = (
    b'{"message": "admission webhook \\"gatekeeper\\" denied the request: [prio] tasks cannot ask for priority 50"}'
)


class Cluster(InMemoryCluster):
    def __init__(self) -> None:
        super().__init__()
        self.requests = 0

    def create(self, resource: Resource) -> Resource | None:
        self.requests += 1
        if resource["spec"]["backend"] == "gone":
            raise e.NamespaceNotFound("The namespace 'gone' does not exist.")
        if resource["spec"]["priority"] == 50:
            raise error_from(403, POLICY, server="https://api", namespace="shop", plural="djangotasks")
        return super().create(resource)


class Backend(KubernetesBackend):
    cluster: Cluster

    @property
    def store(self) -> Any:
        return self.cluster


@pytest.fixture(autouse=True)
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    cluster = Cluster()
    monkeypatch.setattr(Backend, "cluster", cluster, raising=False)
    monkeypatch.setattr(outbox, "on_commit", lambda *args, **more: None)
    backend = {"BACKEND": f"{__name__}.Backend", "QUEUES": [], "OPTIONS": {"ENQUEUE": "outbox"}}
    with override_settings(TASKS={"default": backend, "gone": backend}):
        yield cluster


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    now = timezone.now()

    def set_clock(seconds: float) -> datetime:
        at = now + timedelta(seconds=seconds)
        monkeypatch.setattr(timezone, "now", lambda: at)
        return at

    return set_clock


@pytest.mark.parametrize("options", [{"priority": 50}, {"backend": "gone"}], ids=str)
def test_rows_that_cannot_be_sent_hold_up_no_others(cluster: Cluster, later: Any, options: dict[str, Any]) -> None:
    for _ in range(30):
        ECHO.using(**options).enqueue()
    good = ECHO.enqueue().id
    later(10)
    assert relay("default").sent == 1
    assert [*cluster.resources] == [good]


@pytest.mark.parametrize("error", [e.PermissionDenied("no right"), e.CrdNotInstalled("no such kind")], ids=repr)
def test_workflows_that_cannot_be_sent_hold_up_no_tasks(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """As with a Role, or CustomResourceDefinitions, from before there were workflows."""

    class Workflows:
        def create(self, resource: Resource) -> None:
            raise error

    monkeypatch.setattr(Cluster, "workflows", Workflows())
    ECHO.enqueue()
    now = timezone.now()
    OutboxTask.objects.update(next_try_at=now)
    for number in range(3):
        flow = {"kind": "DjangoTaskWorkflow", "metadata": {"name": f"flow-{number}"}, "spec": {"steps": []}}
        due = now - timedelta(days=1)
        OutboxTask.objects.create(
            id=f"flow-{number}", backend="default", resource=json.dumps(flow), created_at=now, next_try_at=due
        )
    assert relay("default") == Relayed(sent=1, refused=3)
    assert list(OutboxTask.objects.values_list("tries", "error")) == [(1, str(error))] * 3


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ({"BACKEND": f"{__name__}.Missing"}, "Could not find backend"),
        ({"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "OPTIONS": {"TYPO": 1}}, "TYPO"),
    ],
    ids=["class", "options"],
)
def test_a_backend_that_cannot_be_made_here_holds_up_no_others(cluster: Cluster, backend: Any, words: str) -> None:
    ECHO.enqueue()
    ECHO.using(backend="gone").enqueue()
    OutboxTask.objects.filter(backend="gone").update(next_try_at=timezone.now() - timedelta(days=1))
    OutboxTask.objects.filter(backend="default").update(next_try_at=timezone.now())
    with override_settings(TASKS=django_settings.TASKS | {"gone": backend}):
        done = relay("default")
    assert (done.sent, done.refused, [*done.away]) == (1, 0, ["gone"])
    assert words in OutboxTask.objects.get().error


def test_a_cluster_that_is_away_is_asked_once_in_a_pass(cluster: Cluster, later: Any) -> None:
    for _ in range(30):
        ECHO.using(backend="gone").enqueue()
    later(10)
    assert relay("default") == Relayed(away={"gone": "The namespace 'gone' does not exist."})
    assert cluster.requests == 1


def test_each_failure_waits_longer(later: Any) -> None:
    ECHO.using(priority=50).enqueue(), ECHO.using(backend="gone").enqueue()
    waits: dict[str, list[float]] = {"default": [], "gone": []}
    seconds = 10.0
    for _ in range(9):
        now = later(seconds)
        relay("default")
        for row in OutboxTask.objects.all():
            waits[row.backend].append((row.next_try_at - now).total_seconds())
        seconds += 600
    assert waits["default"] == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert waits["gone"] == [5, 10, 20, 40, 60, 60, 60, 60, 60]


@pytest.mark.parametrize(
    ("message", "class_"),
    [
        ('djangotasks is forbidden: User "system:serviceaccount:shop:web" cannot create resource "djangotasks" in API group '
         '"djangotasks.dev" in the namespace "shop"', e.PermissionDenied),
        ("tasks cannot ask for priority 50", e.TaskRefused),
        ("exceeded quota: count, cannot create more", e.TaskRefused),
    ],
)  # fmt: skip
def test_a_missing_right_is_recognised_by_the_words_of_the_authorizer(message: str, class_: type[Exception]) -> None:
    body = json.dumps({"message": message}).encode()
    assert type(error_from(403, body, server="https://api", namespace="shop", plural="djangotasks")) is class_
