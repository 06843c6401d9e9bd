"""To wait for a task that its transaction has not brought to the cluster yet."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import transaction
from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes import KubernetesBackend
from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.waiting import steps
from tests.unit.backend import tasks
from tests.unit.backend.namespace import Namespace
from tests.unit.backend.watch.waiters import SECONDS, until

on_commit = pytest.mark.parametrize("backend", [{"ENQUEUE": "on_commit"}], indirect=True)
outbox = pytest.mark.parametrize("backend", [{"ENQUEUE": "outbox"}], indirect=True)


@on_commit
def test_wait_waits_for_a_task_that_is_yet_to_be_created(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    future = pool.submit(lambda: [result.status for result in backend.watch("t1")])
    until("it was looked for", lambda: bool(namespace.calls("get")))
    namespace.put("t1")
    namespace.put("t1", "Succeeded")
    assert future.result(SECONDS)[-1] == "SUCCESSFUL"


@on_commit
def test_wait_gives_up_on_a_task_that_never_appears(
    namespace: Namespace, backend: KubernetesBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "APPEAR_SECONDS", 0.05)
    monkeypatch.setattr(steps, "POLL_SECONDS", 0.01)
    with pytest.raises(TaskResultDoesNotExist):
        list(backend.watch("t1"))


@pytest.mark.django_db(transaction=True)
@on_commit
def test_wait_refuses_to_wait_in_the_transaction_that_creates_the_task(
    namespace: Namespace, backend: KubernetesBackend
) -> None:
    with pytest.raises(e.NotCommitted, match="Wait after it"), transaction.atomic():
        tasks.echo.enqueue().wait(SECONDS)  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
@outbox
def test_wait_waits_for_a_row_of_the_outbox(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "APPEAR_SECONDS", 0.05)
    monkeypatch.setattr(steps, "POLL_SECONDS", 0.01)
    namespace.forbidden.add("create")
    with pytest.raises(e.NotCommitted), transaction.atomic():
        tasks.echo.enqueue().wait(SECONDS)  # type: ignore[attr-defined]
    result = tasks.echo.enqueue()
    with pytest.raises(e.WaitTimeout):
        result.wait(0.3)  # type: ignore[attr-defined]
    OutboxTask.objects.all().delete()
    with pytest.raises(TaskResultDoesNotExist):
        result.wait(SECONDS)  # type: ignore[attr-defined]
