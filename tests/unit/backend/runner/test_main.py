"""The runner's order of events, in this process: what it reports, to whom, how often."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.tasks.signals import task_finished
from django.test import override_settings

from django_tasks_kubernetes.runner import report
from django_tasks_kubernetes.runner.__main__ import main
from django_tasks_kubernetes.runner.process import Termination
from djangotasks_api.bounds import TERMINATION_MESSAGE_MAX_BYTES
from djangotasks_api.phases import Reason
from tests.unit.backend.pod import HERE, Pod
from tests.unit.backend.runner.conftest import Run
from tests.unit.backend.web_server import Answer, Request


def test_runner_reports_a_success(run: Run, pod: Pod) -> None:
    assert run("echo", 2**63 + 1, "ü $(HOME) $$ \ud800") == 0
    (request,) = pod.reports("outcome")
    assert request.path == "/v1/attempts/shop/t1/u-1/2/outcome"
    assert request.headers["authorization"] == "Bearer the-token"
    assert pod.outcome.result == '{"args":[9223372036854775809,"\\u00fc $(HOME) $$ \\ud800"],"kwargs":{}}'
    assert pod.left_outcome == pod.outcome


def test_runner_reports_the_start_beside_the_task(run: Run, pod: Pod) -> None:
    reported = pod.server.arrived
    assert run("echo") == 0
    assert reported.wait(60)
    assert [r.body for r in pod.reports("started")] in ([], [{"startedAt": pod.outcome.started_at}])


def test_deeply_nested_groups_are_an_outcome(run: Run, pod: Pod) -> None:
    """Django's own log of the end cannot show them."""
    assert run("raises_groups", 1000, 1) == 1
    assert pod.outcome.reason == Reason.TASK_ERROR
    assert pod.outcome.error is not None
    assert pod.outcome.error.message == "ExceptionGroup: several (1 sub-exception): ValueError: no such order 7"
    assert pod.left_outcome == pod.outcome


def test_outcome_carries_the_last_progress(run: Run, pod: Pod) -> None:
    """The task is quicker than a report of progress."""
    assert run("says_progress", [1, 3], [2, 3, "half"]) == 0
    assert pod.reports("progress") == []
    progress = pod.outcome.progress
    assert progress is not None
    assert (progress.done, progress.total, progress.message) == (2, 3, "half")
    assert progress.started_at == pod.outcome.started_at


@pytest.mark.parametrize(
    ("given", "seen"),
    [(None, None), ("2026-11-23T04:00:00+00:00", "2026-11-23T04:00:00+00:00")],
)
def test_context_has_the_time_of_the_schedule(run: Run, pod: Pod, given: str | None, seen: str | None) -> None:
    assert run("says_when", scheduled_for=given) == 0
    assert pod.outcome.result == json.dumps(seen)


def test_context_of_a_second_attempt(run: Run, pod: Pod) -> None:
    assert run("attempt") == 0
    assert pod.outcome.result == '[2,["t1-1","t1-2"],"RUNNING"]'


def test_runner_reports_a_failure(run: Run, pod: Pod, caplog: pytest.LogCaptureFixture) -> None:
    assert run("fails", "out of stock") == 1
    outcome = pod.outcome
    assert (outcome.reason, outcome.retryable) == (Reason.TASK_ERROR, True)
    assert outcome.error is not None
    assert outcome.error.type == f"{HERE}.Refused"
    assert outcome.error.message == f"{HERE}.Refused: out of stock"
    (line,) = [record for record in caplog.records if record.name == "django_tasks_kubernetes.runner"]
    assert line.getMessage() == f"Task t1 ({HERE}.fails) failed: TaskError: {HERE}.Refused: out of stock"


def test_runner_logs_a_receiver_that_raises(run: Run, pod: Pod, caplog: pytest.LogCaptureFixture) -> None:
    def receiver(**kwargs: Any) -> None:
        raise ValueError("of the receiver")

    task_finished.connect(receiver)
    try:
        assert run("echo") == 0
    finally:
        task_finished.disconnect(receiver)
    (line,) = [record for record in caplog.records if record.name == "django_tasks_kubernetes.runner"]
    assert "receiver" in line.getMessage()
    assert line.exc_info is not None
    assert str(line.exc_info[1]) == "of the receiver"


@pytest.mark.parametrize(
    ("task", "more", "reason", "retryable", "words"),
    [
        (f"{HERE}.gone", {}, Reason.TASK_NOT_FOUND, True, 'does not define a "gone"'),
        ("nowhere.tasks.gone", {}, Reason.TASK_NOT_FOUND, True, "No module named 'nowhere'"),
        ("plain", {}, Reason.NOT_A_TASK, True, "plain is function, not a Django task"),
        ("os.getcwd", {}, Reason.NOT_A_TASK, True, "getcwd is builtin_function_or_method, not a Django task"),
        ("tests.unit.backend.broken.task", {}, Reason.SETUP_ERROR, True, "ZeroDivisionError"),
        ("echo", {"payload": "not json"}, Reason.INVALID_PAYLOAD, False, "The payload is not JSON"),
        ("echo", {"payload": "[]"}, Reason.INVALID_PAYLOAD, False, 'must be {"args": [...], "kwargs": {...}}'),
        ("echo", {"payload": "[" * 90_000}, Reason.INVALID_PAYLOAD, False, "The payload is not JSON"),
    ],
)
def test_runner_reports_a_task_that_cannot_be_called(
    run: Run, pod: Pod, task: str, more: Any, reason: Reason, retryable: bool, words: str
) -> None:
    assert run(task, **more) == 1
    outcome = pod.outcome
    assert (outcome.reason, outcome.retryable, outcome.started_at) == (reason, retryable, None)
    assert outcome.error is not None
    assert words in outcome.error.traceback
    assert pod.reports("started") == []


@pytest.mark.parametrize(
    ("policy", "retryable"),
    [
        ({}, True),
        ({"retry_on": ("TaskNotFound",)}, True),
        ({"retry_on": ("builtins.ImportError",)}, True),
        ({"retry_on": ("builtins.ConnectionError",)}, False),
        ({"never_retry_on": ("TaskNotFound",)}, False),
    ],
)
def test_a_task_that_the_image_lacks_is_retried_by_the_policy(
    run: Run, pod: Pod, policy: dict[str, Any], retryable: bool
) -> None:
    run("nowhere.tasks.gone", **policy)
    assert (pod.outcome.reason, pod.outcome.retryable) == (Reason.TASK_NOT_FOUND, retryable)


def test_runner_reports_a_failed_setup(run: Run, pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ImproperlyConfigured("settings are not configured")

    monkeypatch.setattr(django, "setup", fail)
    assert run("echo") == 1
    assert (pod.outcome.reason, pod.outcome.retryable) == (Reason.SETUP_ERROR, True)


def test_runner_reports_a_backend_that_the_image_lacks(run: Run, pod: Pod) -> None:
    """The task's own is another one, and is there: so its module can be imported."""
    backends = settings.TASKS | {"reports": {"BACKEND": "nowhere.Backend"}}
    with override_settings(TASKS=backends):
        assert run("echo", backend="reports") == 1
    assert (pod.outcome.reason, pod.outcome.retryable) == (Reason.SETUP_ERROR, True)
    assert pod.outcome.error is not None
    assert "No module named 'nowhere'" in pod.outcome.error.traceback


def test_termination_message_is_cut_for_a_long_result(run: Run, pod: Pod) -> None:
    assert run("returns_text", 100_000) == 0
    assert len(pod.outcome.result or "") == 100_002
    assert len(pod.message) <= TERMINATION_MESSAGE_MAX_BYTES
    assert pod.left_outcome.truncated


def test_runner_without_a_termination_log(run: Run, pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "touch", lambda self: None)
    assert run("echo") == 0
    assert not pod.termination_log.exists()


def test_runner_whose_termination_log_cannot_be_looked_for(run: Run, pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a folder that the image's user may not enter."""
    monkeypatch.setattr(Pod, "termination_log", pod.folder / ("x" * 300))
    monkeypatch.setattr(Path, "touch", lambda self: None)
    assert run("returns", "nothing") == 0
    assert pod.outcome.succeeded


def test_child_processes_do_not_see_the_token(run: Run, pod: Pod) -> None:
    assert run("child_environment") == 0
    assert sorted(json.loads(pod.outcome.result or "")) == [
        "DJANGOTASKS_GC",
        "DJANGOTASKS_REPORT_SECONDS",
        "DJANGOTASKS_TERMINATION_LOG",
        "DJANGOTASKS_WORKER",
    ]
    assert "DJANGOTASKS_TOKEN" not in os.environ


def test_hanging_endpoint_does_not_delay_the_task(run: Run, pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "STARTED_TIMEOUT_SECONDS", 60)
    released, answered = threading.Event(), list[str]()

    def answer(request: Request) -> Answer:
        kind = request.path.rpartition("/")[2]
        if kind == "started":
            released.wait(20)
        answered.append(kind)
        return 200, {}, {}

    pod.server.answer = answer
    assert run("echo") == 0
    assert answered == ["outcome"]
    released.set()


def test_runner_ignores_unknown_fields_of_the_assignment(run: Run, pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = pod.environ
    newer = {"DJANGOTASKS_ASSIGNMENT": json.dumps(json.loads(environ("echo")["DJANGOTASKS_ASSIGNMENT"]) | {"new": 1})}
    monkeypatch.setattr(pod, "environ", lambda *args, **more: environ(*args, **more) | newer)
    assert run("echo") == 0


def test_runner_without_an_assignment_exits_with_2(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert main(Termination()) == 2
    monkeypatch.setenv("DJANGOTASKS_ASSIGNMENT", "{")
    assert main(Termination()) == 2
    assert "There is no task to run here" in caplog.text
