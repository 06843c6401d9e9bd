"""From the assignment to a task that is ready to run, or to why it cannot."""

from __future__ import annotations

import json
from typing import Any

import pytest

from django_tasks_kubernetes.exceptions import InvalidPayload, NotATask
from django_tasks_kubernetes.runner.cannot_run import CannotRun
from django_tasks_kubernetes.runner.prepare import alias_of, load_task, prepare, ready_result
from djangotasks_api.phases import Reason
from tests.unit.backend import tasks
from tests.unit.backend.kube.test_connection import attempt

ECHO: Any = tasks.echo
HERE = "tests.unit.backend"


@pytest.mark.parametrize(
    ("path", "reason", "cause"),
    [
        (f"{HERE}.tasks.gone", Reason.TASK_NOT_FOUND, ImportError),
        ("nowhere.tasks.gone", Reason.TASK_NOT_FOUND, ImportError),
        (f"{HERE}.tasks.Holder", Reason.NOT_A_TASK, NotATask),
        (f"{HERE}.broken.task", Reason.SETUP_ERROR, BaseException),
    ],
)
def test_a_path_that_leads_to_no_task(path: str, reason: Reason, cause: type[BaseException]) -> None:
    with pytest.raises(CannotRun) as raised:
        load_task(path)
    assert (raised.value.reason, raised.value.retryable) == (reason, True)
    assert isinstance(raised.value.__cause__, cause)


def test_a_result_is_that_of_the_assignment() -> None:
    payload = json.dumps({"args": [1], "kwargs": {"a": 2}})
    result = ready_result(attempt(payload=payload, enqueued_at="2026-11-23T04:00:00Z", priority=5), ECHO)
    assert (result.id, result.args, result.kwargs, result.task.priority) == ("t1", [1], {"a": 2}, 5)
    assert (result.task.queue_name, str(result.status)) == ("mail", "READY")


@pytest.mark.parametrize("payload", ["", "x", "[]", '{"args":[]}', '{"args":{},"kwargs":{}}', "[" * 100_000])
def test_a_payload_that_is_none_is_final(payload: str) -> None:
    with pytest.raises(CannotRun) as raised:
        prepare(attempt(task=f"{HERE}.tasks.echo", payload=payload, enqueued_at="2026-11-23T04:00:00Z"))
    assert (raised.value.reason, raised.value.retryable) == (Reason.INVALID_PAYLOAD, False)
    assert isinstance(raised.value.__cause__, (InvalidPayload, RecursionError))


@pytest.mark.parametrize(("backend", "alias"), [("default", "default"), ("elsewhere", "default")])
def test_an_alias_that_the_settings_lack_is_the_tasks_own(backend: str, alias: str) -> None:
    assert alias_of(attempt(backend=backend), ECHO) == alias
