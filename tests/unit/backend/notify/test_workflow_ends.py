"""The ends of workflows: recorded and dispatched as those of tasks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.tasks import TaskResultStatus, task_backends
from django.utils import timezone

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.kube.client import Client
from django_tasks_kubernetes.models import TaskEnd
from django_tasks_kubernetes.notify import inbox
from django_tasks_kubernetes.notify.ends import End, as_deleted, ends_of
from django_tasks_kubernetes.notify.follower import WORKFLOWS_ENDED, Follower
from django_tasks_kubernetes.notify.loop import NotifyLoop, has_receivers
from django_tasks_kubernetes.watchdog import Watchdog
from djangotasks_api.workflow.records import WorkflowPhase
from tests.unit.backend.notify.receivers import dispatch_next
from tests.unit.backend.notify.scripted_api import api
from tests.unit.backend.tasks import echo
from tests.unit.backend.web_server import Answer, Request, Server

AT = "2026-11-23T12:00:00Z"


def workflow(phase: str = "Succeeded", task: str = echo.module_path, **status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskWorkflow",
        "metadata": {"name": "flow", "uid": "uid-flow", "resourceVersion": "7"},
        "spec": {"workflow": "", "backend": "default", "steps": [{"name": "first", "task": task}]},
        "status": {"phase": phase, **status},
    }


FAILED = workflow("Failed", reason="StepFailed", message="first: no", finishedAt=AT)


@pytest.fixture
def calls() -> Iterator[list[Any]]:
    found: list[Any] = []

    def receiver(workflow_result: Any, reason: str | None, message: str, **kwargs: Any) -> None:
        assert not kwargs.keys() - {"signal", "sender"}
        found.append((workflow_result.id, workflow_result.status, reason, message))

    signals.workflow_ended.connect(receiver)
    yield found
    signals.workflow_ended.disconnect(receiver)


@pytest.mark.parametrize("phase", ["Pending", "Running"])
def test_a_workflow_that_goes_on_has_not_ended(phase: str) -> None:
    assert ends_of(workflow(phase, steps={"first": {"finishedAt": AT}})) == []


def test_an_end_has_the_workflows_reason() -> None:
    (end,) = ends_of(FAILED)
    assert end == End(uid="uid-flow", reason="StepFailed", message="first: no", of_workflow=True)
    assert ends_of(workflow())[0].reason is None
    assert end.key == "uid-flow/workflow"


def test_one_that_is_deleted_before_has_ended() -> None:
    (end,) = ends_of(as_deleted(workflow("Running"), datetime.now(UTC)))
    assert (end.reason, end.message) == ("CancelRequested", "The DjangoTaskWorkflow was deleted before it had ended.")


@pytest.mark.django_db
def test_each_end_is_dispatched_once(calls: list[Any]) -> None:
    backend: Any = task_backends["default"]
    for _ in range(2):
        assert inbox.record(backend, [FAILED], "default") == {"uid-flow/workflow"}
        while dispatch_next(backend):
            pass
    assert calls == [("flow", TaskResultStatus.FAILED, "StepFailed", "first: no")]


@pytest.mark.django_db
def test_that_of_another_project_is_not(calls: list[Any]) -> None:
    assert inbox.record(task_backends["default"], [workflow(task="other.tasks.a")], "default") == set()  # type: ignore[arg-type]


@pytest.mark.django_db
def test_rows_of_workflows_and_of_tasks_go_with_their_own_kind(calls: list[Any]) -> None:
    inbox.record(task_backends["default"], [FAILED], "default", dispatched=True)  # type: ignore[arg-type]
    later = timezone.now() + timedelta(hours=1)
    assert inbox.prune("default", [], later, "default") == 0
    assert inbox.prune("default", ["uid-flow"], later, "default", of_workflows=True) == 0
    assert inbox.prune("default", [], later, "default", of_workflows=True) == 1
    assert not TaskEnd.objects.exists()


def test_they_are_followed_where_a_receiver_is_connected(client: Client, calls: list[Any]) -> None:
    backends: Any = [task_backends["default"], task_backends["other"]]
    loop = NotifyLoop(backends, "default", Watchdog(hang_seconds=0))
    assert [follower.what for follower in loop.followers] == [
        "the DjangoTasks of shop",
        "the DjangoTaskWorkflows of shop",
    ]
    assert has_receivers(backends)


def test_a_follower_records_them(server: Server, client: Client, recorded: list[Any]) -> None:
    scripted = api([], [("MODIFIED", workflow("Running")), ("MODIFIED", FAILED), ("DELETED", workflow("Running"))])
    paths: list[str] = []

    def answer(request: Request) -> Answer:
        paths.append(request.path)
        if "fieldSelector" in request.path:
            return 200, {"metadata": {}, "items": [FAILED]}, {}
        return scripted(request)

    server.answer = answer
    backend: Any = task_backends["default"]
    Follower(backend, client.workflows(), "default", of_workflows=True).run()
    assert recorded[0] == [("flow", "Failed")]
    assert all("/djangotaskworkflows" in path for path in paths)


def test_the_selector_leaves_out_the_phases_of_those_that_go_on() -> None:
    left_out = {term.removeprefix("status.phase!=") for term in WORKFLOWS_ENDED.split(",")}
    assert left_out == {phase for phase in WorkflowPhase if not phase.is_terminal}
