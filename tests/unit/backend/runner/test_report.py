"""For how long an outcome is offered to an operator that does not take it."""

import os
import re
import resource
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from django_tasks_kubernetes.runner import report
from django_tasks_kubernetes.runner.report import Reporter, TerminationMessage
from djangotasks_api.assignment import Assignment
from djangotasks_api.bounds import TERMINATION_MESSAGE_MAX_BYTES, UNREPORTED_MAX_CHARS
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import REPORTED, Reason
from tests.unit.backend.pod import Pod
from tests.unit.backend.runner.conftest import Run
from tests.unit.backend.web_server import Answer, Request, Server

MINUTES = 60.0


class Clock:
    """In place of `time`: waiting takes no time."""

    def __init__(self) -> None:
        self.began = self.now = time.monotonic()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def passed(self) -> float:
        return self.now - self.began


@pytest.mark.parametrize(
    ("size", "has_file", "most"),
    [
        (2, True, 30),
        (TERMINATION_MESSAGE_MAX_BYTES, True, 15 * MINUTES),
        (2, False, 15 * MINUTES),
    ],
    ids=["small result", "large result", "no termination log"],
)
def test_outcome_is_offered_longer_where_it_would_be_lost(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, has_file: bool, most: float
) -> None:
    clock, pod = Clock(), Pod(server, tmp_path)
    monkeypatch.setattr(report, "time", clock)
    server.answer = lambda request: (503, b"", {})
    assignment = Assignment.from_environ(pod.environ("echo"))
    if not has_file:
        pod.termination_log.unlink()
    at = "2026-11-23T04:00:02Z"
    outcome = Outcome(started_at=at, finished_at=at, result='"' + "x" * (size - 2) + '"')
    kept = TerminationMessage(pod.termination_log, assignment.token).write(outcome)
    assert not Reporter(assignment).outcome(outcome, kept=kept)
    assert most - report.BACKOFF_MAX_SECONDS <= clock.passed <= most


def test_outcome_is_retried_until_the_operator_is_back(run: Run, pod: Pod, caplog: pytest.LogCaptureFixture) -> None:
    failures: Iterator[Answer] = iter([None, (503, b"starting", {}), (429, b"", {})])
    pod.server.answer = lambda r: next(failures, (200, {}, {})) if r.path.endswith("outcome") else (200, {}, {})
    assert run("echo") == 0
    assert len(pod.reports("outcome")) == 4
    assert caplog.text.count("does not take the outcome yet") == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413])
def test_outcome_is_not_retried_after_a_refusal(
    run: Run, pod: Pod, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(report, "FORBIDDEN_SECONDS", 0)
    pod.server.answer = lambda request: (status, b"the reason", {})
    assert run("echo") == 0
    assert len(pod.reports("outcome")) == 1
    # Conflict is what happens when an attempt is given up; the others are defects.
    said = "no longer waits for this attempt" if status == 409 else f"refused the outcome ({status})"
    assert said in caplog.text
    assert "the reason" in caplog.text


def test_outcome_is_retried_while_the_key_changes(run: Run, pod: Pod) -> None:
    """A replica that was there before the rotation, and is about to go."""
    failures: Iterator[Answer] = iter([(403, b"the token is not this attempt's", {})] * 2)
    pod.server.answer = lambda r: next(failures, (200, {}, {})) if r.path.endswith("outcome") else (200, {}, {})
    assert run("echo") == 0
    assert len(pod.reports("outcome")) == 3


def test_outcome_is_kept_whatever_the_task_has_put_in_place_of_sockets(
    run: Run, pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As libraries for tests and for proxies do."""
    monkeypatch.setattr("socket.create_connection", lambda *args, **kwargs: 1 / 0)
    assert run("echo", report_seconds=0) == 0
    left = pod.left_outcome
    assert left.result == '{"args":[],"kwargs":{}}'
    assert left.unreported == "ZeroDivisionError: division by zero"


def test_outcome_is_given_up_after_its_time(run: Run, pod: Pod, caplog: pytest.LogCaptureFixture) -> None:
    assert run("echo", url="http://127.0.0.1:9", report_seconds=0.2) == 0
    assert "did not take the outcome in 0 s" in caplog.text
    assert "It reads it from the termination message." in caplog.text
    assert pod.left_outcome.succeeded


def test_the_start_is_reported_until_the_operator_has_it(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is how the operator learns that the pod can reach it."""
    monkeypatch.setattr(report, "STARTED_BACKOFF_SECONDS", 0.01)
    taken = threading.Event()

    def answer(request: Request) -> Answer:
        if len(server.requests) < 4:
            return (503, 403, 429)[len(server.requests) - 1], b"", {}
        taken.set()
        return 202, b"", {}

    server.answer = answer
    assignment = Assignment.from_environ(Pod(server, tmp_path).environ("echo"))
    Reporter(assignment).started("2026-11-23T04:00:02Z")
    assert taken.wait(20)


def test_a_task_is_called_where_no_thread_can_report_its_start(
    run: Run, pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a node gives a pod few processes, and an instrumentation has its own threads (podPidsLimit)."""
    start = threading.Thread.start

    def full(thread: threading.Thread) -> None:
        if thread.name == "djangotasks-started":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", full)
    assert run("returns_item", 7) == 0
    assert pod.outcome.result == "7"


def test_the_termination_message_says_why_the_outcome_was_not_reported(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "time", Clock())
    server.answer = lambda request: (503, b"away", {})
    pod = Pod(server, tmp_path)
    assignment = Assignment.from_environ(pod.environ("echo"))
    noted: list[str] = []
    at = "2026-11-23T04:00:02Z"
    outcome = Outcome(started_at=at, finished_at=at, result="1")
    assert not Reporter(assignment).outcome(outcome, kept=True, note=noted.append)
    assert noted == ["503 away", "503 away"]
    for text in (noted[0], "x" * 5000):
        message = TerminationMessage(pod.termination_log, assignment.token)
        assert message.write(replace(outcome, unreported=text)), "the result is kept"
        left = Outcome.from_termination_message(pod.termination_log.read_text(), [assignment.token])
        assert (left.result, left.unreported) == ("1", text[:UNREPORTED_MAX_CHARS])


@pytest.mark.parametrize("is_closed", [False, True], ids=["kept", "closed by the task"])
def test_the_termination_message_needs_no_descriptor_after_the_task(tmp_path: Path, is_closed: bool) -> None:
    at = "2026-11-23T04:00:02Z"
    outcomes = [Outcome(started_at=at, finished_at=at, result=text) for text in ('"long"', "1")]
    path = tmp_path / "termination-log"
    path.touch()
    message = TerminationMessage(path, "token")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if is_closed:
        os.close(message._open.number or -1)
    else:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        kept = [message.write(outcome) for outcome in outcomes]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert kept == [True, True]
    assert Outcome.from_termination_message(path.read_text(), ["token"]).result == "1"


def test_all_reasons_of_the_runner_are_a_pods_to_report() -> None:
    """The operator takes others for TaskError."""
    sources = [path.read_text() for path in Path(report.__file__).parent.glob("*.py")]
    used = {Reason[name] for source in sources for name in re.findall(r"\bReason\.([A-Z_]+)", source)}
    assert used == REPORTED
