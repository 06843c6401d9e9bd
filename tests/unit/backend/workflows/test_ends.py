"""workflow_ended, without a cluster."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from django_tasks_kubernetes.signals import workflow_ended
from django_tasks_kubernetes.testing import in_memory
from django_tasks_kubernetes.workflows import call, chain
from tests.unit.backend.workflows.flows import LOCAL, add, fail


@pytest.fixture
def ends() -> Iterator[list[Any]]:
    found: list[Any] = []

    def receiver(sender: type, workflow_result: Any, reason: str | None, **kwargs: Any) -> None:
        found.append((sender.__name__, workflow_result.id, reason))
        if workflow_result.is_finished and reason is None:
            found.append(workflow_result.return_value)
            raise ValueError("a receiver's own")

    workflow_ended.connect(receiver)
    yield found
    workflow_ended.disconnect(receiver)


def test_the_local_backend_sends_it(ends: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    with override_settings(TASKS=LOCAL), caplog.at_level(logging.ERROR):
        good, bad = chain(call(add, 1, 2)).enqueue(), chain(call(fail)).enqueue()
    assert ends == [("LocalBackend", good.id, None), 3, ("LocalBackend", bad.id, "StepFailed")]
    assert "A receiver of a task's end raised" in caplog.text


def test_in_memory_sends_it_once_when_it_is_asked_for(ends: list[Any]) -> None:
    with in_memory() as cluster:
        bad = chain(call(fail)).enqueue()
        cluster.send_ends()
        assert ends == []
        cluster.run_pending()
        for _ in range(2):
            cluster.send_ends()
    assert ends == [("KubernetesBackend", bad.id, "StepFailed")]
