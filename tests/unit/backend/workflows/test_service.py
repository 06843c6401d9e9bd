"""When a workflow goes to the cluster: at once, at the commit, or by way of the outbox."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django.tasks import task_backends
from django.test import override_settings
from django.utils import timezone

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.relay import relay
from django_tasks_kubernetes.testing import InMemoryCluster, in_memory
from django_tasks_kubernetes.workflows import step, workflow
from tests.unit.backend.outbox_backend import Backend, outbox
from tests.unit.backend.workflows.flows import note

pytestmark = pytest.mark.django_db(transaction=True)


@workflow
def flow() -> Any:
    return step(note)(1)


def test_the_outbox_sends_it_after_the_commit() -> None:
    with outbox(InMemoryCluster()) as cluster:
        with transaction.atomic():
            result = flow.enqueue()
            assert not cluster.workflows.resources
            assert task_backends["default"].get_workflow(result.id).phase == "Pending"  # type: ignore[attr-defined]
        assert [*cluster.workflows.resources] == [result.id]
        assert not cluster.resources, "it is no task"
        assert not OutboxTask.objects.exists()
        cluster.run_pending()
        result.refresh()
        assert result.return_value == 1


def test_the_relay_sends_what_is_left_in_the_outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    with outbox(InMemoryCluster()) as cluster:
        monkeypatch.setattr(Backend, "away", True)
        result = flow.enqueue()
        assert not cluster.workflows.resources
        OutboxTask.objects.update(next_try_at=timezone.now())
        assert relay("default").sent == 1
        assert [*cluster.workflows.resources] == [result.id]


def test_nothing_is_left_of_a_rollback() -> None:
    with outbox(InMemoryCluster()) as cluster, transaction.atomic():
        flow.enqueue()
        transaction.set_rollback(True)
    assert not OutboxTask.objects.exists()
    assert not cluster.workflows.resources


def test_it_is_created_at_the_commit() -> None:
    options = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "OPTIONS": {"ENQUEUE": "on_commit"}}
    with override_settings(TASKS={"default": options}), in_memory() as cluster:
        with transaction.atomic():
            result = flow.enqueue()
            assert not cluster.workflows.resources
        assert [*cluster.workflows.resources] == [result.id]


def test_waiting_for_it_in_the_transaction_that_creates_it_is_refused() -> None:
    """The row is there for its own transaction: the wait would never end."""
    with outbox(InMemoryCluster()), pytest.raises(e.NotCommitted, match="Wait after it"), transaction.atomic():
        flow.enqueue().wait(0.3)
    options = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "OPTIONS": {"ENQUEUE": "on_commit"}}
    with (
        override_settings(TASKS={"default": options}),
        in_memory(),
        pytest.raises(e.NotCommitted, match="Wait after it"),
        transaction.atomic(),
    ):
        flow.enqueue().wait(0.3)
