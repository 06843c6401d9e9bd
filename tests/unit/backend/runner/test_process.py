"""SIGTERM in the runner's process. What needs a process of its own is in tests/processes."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.tasks.signals import task_started

from tests.unit.backend.pod import Pod
from tests.unit.backend.runner.conftest import Run
from tests.unit.backend.web_server import Answer, Request


@pytest.mark.parametrize("task", ["terminated", "async_terminated"])
def test_sigterm_in_a_task_is_no_failure(run: Run, pod: Pod, task: str) -> None:
    assert run(task, "ends") == 143
    assert pod.reports("outcome") == []
    assert pod.message == ""


def test_sigterm_while_django_is_set_up(run: Run, pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(django, "setup", lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert run("echo") == 143
    assert pod.server.requests == []


@pytest.mark.parametrize("caught", [False, True])
def test_sigterm_in_a_receiver_of_task_started(
    run: Run, pod: Pod, caplog: pytest.LogCaptureFixture, caught: bool
) -> None:
    """The task is not called, also where the receiver has caught what SIGTERM raised."""

    def receiver(**kwargs: Any) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except SystemExit:
            if not caught:
                raise

    task_started.connect(receiver)
    try:
        assert run("echo") == 143
    finally:
        task_started.disconnect(receiver)
    assert (pod.reports("outcome"), pod.message) == ([], "")
    assert "It is ignored" not in caplog.text


def test_exception_after_sigterm_is_no_failure(run: Run, pod: Pod) -> None:
    assert run("terminated", "raises") == 143
    assert pod.reports("outcome") == []


@pytest.mark.parametrize("task", ["terminated", "async_terminated"])
def test_task_that_returns_after_sigterm_succeeds(run: Run, pod: Pod, task: str) -> None:
    assert run(task, "returns") == 0
    assert pod.outcome.result == '"finished all the same"'


def test_sigterm_does_not_stop_the_reporting(run: Run, pod: Pod) -> None:
    failures: Iterator[Answer] = iter([(503, b"", {}), (503, b"", {})])

    def answer(request: Request) -> Answer:
        if request.path.endswith("outcome"):
            os.kill(os.getpid(), signal.SIGTERM)
            return next(failures, (200, {}, {}))
        return 200, {}, {}

    pod.server.answer = answer
    assert run("echo") == 0
    assert len(pod.reports("outcome")) == 3
