"""SIGTERM in the runner's process. What needs a process of its own is in tests/processes."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.tasks.signals import task_started

from django_tasks_kubernetes.runner import process
from django_tasks_kubernetes.runner.process import Termination, code_of, leave
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


def test_a_timer_that_the_task_has_left_does_not_end_the_reporting(run: Run, pod: Pod) -> None:
    timers = []

    def answer(request: Request) -> Answer:
        timers.append([signal.getitimer(timer) for timer in process.TIMERS])
        return 200, {}, {}

    pod.server.answer = answer
    try:
        assert run("leaves_timers") == 0
        assert timers[-1] == [(0.0, 0.0)] * 3
    finally:
        for timer in process.TIMERS:
            signal.setitimer(timer, 0)


def test_a_task_of_the_event_loop_that_cannot_be_cancelled_keeps_no_outcome(
    run: Run, pod: Pod, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.01)
    assert run("leaves_a_task_that_goes_on") == 0
    assert pod.outcome.result == '"done"'
    assert "do not end when they are cancelled: ['consumer']" in caplog.text


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


class _Proxy:
    """Has write() alone, as what libraries put in the place of stdout: https://github.com/celery/celery/issues/928"""

    def write(self, text: str) -> None: ...


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The codes with which the process would have ended. Afterwards, nothing is left that would end it."""
    codes: list[int] = []

    def exit_(code: int) -> None:
        codes.append(code)
        if threading.current_thread() is threading.main_thread():
            raise SystemExit  # nothing comes after it

    monkeypatch.setattr(process, "GRACE_SECONDS", 0.01)
    monkeypatch.setattr(process, "LAST_WORDS_SECONDS", 0.01)
    monkeypatch.setattr(os, "_exit", exit_)
    yield codes
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(60)


@pytest.mark.parametrize("stdout", [None, _Proxy()])
def test_the_end_comes_whatever_is_in_the_place_of_stdout(
    monkeypatch: pytest.MonkeyPatch, left: list[int], stdout: Any
) -> None:
    monkeypatch.setattr(sys, "stdout", stdout)
    with pytest.raises(SystemExit):
        process._leave_now(3)
    assert left == [3]


def test_the_end_comes_where_the_log_hangs(monkeypatch: pytest.MonkeyPatch, left: list[int]) -> None:
    """A thread that the task has left holds the lock of a handler, say, which sends to a server that is away."""
    hangs, ended = threading.Event(), threading.Event()
    monkeypatch.setattr(logging.Logger, "handle", lambda self, record: hangs.wait(60))

    def exit_(code: int) -> None:
        left.append(code)
        ended.set()

    monkeypatch.setattr(os, "_exit", exit_)
    with pytest.raises(SystemExit):
        leave(3)
    try:
        assert ended.wait(60)
        assert left == [3]
    finally:
        hangs.set()


def test_the_end_comes_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch, left: list[int]) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Timer, "start", start)
    with pytest.raises(SystemExit):
        leave(3)
    assert left == [3]


@pytest.mark.parametrize("error", [LookupError("a defect"), SystemExit(0), KeyboardInterrupt()])
def test_an_error_of_the_runner_itself_is_shown_and_no_success(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def main(termination: Termination) -> int:
        raise error

    assert code_of(main, Termination()) == 1
    assert "The runner has failed" in caplog.text
