"""in_memory() replaces the backends, and nothing else of TASKS."""

from contextlib import nullcontext
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.tasks.signals import task_enqueued, task_finished, task_started
from django.test import override_settings

from django_tasks_kubernetes import KubernetesBackend
from django_tasks_kubernetes.signals import task_ended
from django_tasks_kubernetes.testing import in_memory
from tests.unit.backend import tasks


def test_in_memory_restores_the_settings() -> None:
    before = settings.TASKS
    with in_memory():
        assert settings.TASKS["default"]["QUEUES"] == ["default", "mail"]
    assert before == settings.TASKS


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["on_commit", "outbox"])
def test_tasks_come_with_the_commit_and_not_after_a_rollback(mode: str) -> None:
    backend = settings.TASKS["default"]
    with override_settings(TASKS={"default": backend | {"OPTIONS": {"ENQUEUE": mode}}}), in_memory() as cluster:
        with transaction.atomic():
            tasks.echo.enqueue(1)
            transaction.set_rollback(True)
        assert cluster.results == []
        with transaction.atomic():
            tasks.echo.enqueue(2)
            assert cluster.results == []
        assert [result.args for result in cluster.results] == [[2]]


class OwnBackend(KubernetesBackend):
    pass


@pytest.mark.parametrize("backend", [KubernetesBackend, OwnBackend])
@pytest.mark.parametrize("nested", [False, True])
def test_the_sender_is_the_backend_that_is_configured(backend: type, nested: bool) -> None:
    senders: list[type] = []

    def receiver(sender: type, **kwargs: Any) -> None:
        senders.append(sender)

    sent = (task_enqueued, task_started, task_finished, task_ended)
    for signal in sent:
        signal.connect(receiver)
    path = f"{backend.__module__}.{backend.__qualname__}"
    try:
        named = override_settings(TASKS={"default": {"BACKEND": path, "QUEUES": []}})
        # A test in a project whose fixture has one for all tests.
        with named, in_memory() if nested else nullcontext(), in_memory() as cluster:
            tasks.echo.enqueue(1)
            cluster.run_pending()
            cluster.send_ends()
    finally:
        for signal in sent:
            signal.disconnect(receiver)
    assert senders == [backend] * 4
