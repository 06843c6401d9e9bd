"""What a task says of its progress: checked, sent beside it and seldom, and seen in its result."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from django_tasks_kubernetes.runner import progress
from django_tasks_kubernetes.runner.endpoint import Endpoint
from django_tasks_kubernetes.runner.progress import ProgressSender
from djangotasks_api.assignment import Assignment
from djangotasks_api.reports import ProgressReport
from tests.unit.backend import tasks
from tests.unit.backend.pod import Pod
from tests.unit.backend.web_server import Answer, Request, Server

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SAYS: Any = tasks.says_progress


# Sent from a pod


class Gate:
    """The operator's endpoint: it answers reports of progress when the test lets it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.arrived = threading.Semaphore(0)
        self.answers = threading.Semaphore(0)
        self.status = 202
        server.answer = self._answer

    def _answer(self, request: Request) -> Answer:
        self.arrived.release()
        assert self.answers.acquire(timeout=30)
        return None if self.status == 0 else (self.status, b"", {})

    def wait(self) -> Any:
        """Until a report has come: its body. It is not answered yet."""
        assert self.arrived.acquire(timeout=30)
        return self.server.requests[-1].body

    def let_go(self, status: int = 202) -> None:
        """`status`: 0 closes the connection without an answer."""
        self.status = status
        self.answers.release()

    def take(self, status: int = 202) -> Any:
        body = self.wait()
        self.let_go(status)
        return body

    def open(self) -> None:
        """From now on, everything is answered."""
        for _ in range(100):
            self.answers.release()

    def nothing_comes(self) -> bool:
        return not self.arrived.acquire(timeout=0.1)


@pytest.fixture
def gate(server: Server) -> Gate:
    return Gate(server)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_SECONDS", "INTERVAL_SECONDS", "INTERVAL_MAX_SECONDS"):
        monkeypatch.setattr(progress, name, 0.01)


Sender = Callable[..., ProgressSender]


@pytest.fixture
def sender_to(gate: Gate) -> Iterator[Sender]:
    """Makes what a pod has, and ends it when the test does."""
    senders: list[ProgressSender] = []

    def make(pod: Pod, heartbeat_timeout: float | None = None) -> ProgressSender:
        endpoint = Endpoint(Assignment.from_environ(pod.environ("echo")))
        senders.append(ProgressSender(endpoint, heartbeat_timeout))
        return senders[-1]

    yield make
    gate.open()
    for sender in senders:
        sender.stop()
        if sender._thread is not None and sender._thread.ident is not None:
            sender._thread.join(30)
            assert not sender._thread.is_alive()


@pytest.fixture
def pod(server: Server, tmp_path: Any) -> Pod:
    return Pod(server, tmp_path)


def said(done: int) -> ProgressReport:
    return ProgressReport(started_at=NOON.isoformat(), done=done)


def test_sender_sends_the_newest_report_over_one_connection(pod: Pod, gate: Gate, sender_to: Sender) -> None:
    sender = sender_to(pod)
    sender.submit(said(1))
    assert gate.wait() == {"startedAt": NOON.isoformat(), "done": 1}
    for number in range(2, 5000):
        sender.submit(said(number))
    gate.let_go()
    assert gate.take()["done"] == 4999
    assert gate.nothing_comes()
    sender.submit(said(5000))
    assert gate.take()["done"] == 5000
    assert [r.path for r in pod.server.requests] == ["/v1/attempts/shop/t1/u-1/2/progress"] * 3
    assert pod.server.requests[0].headers["authorization"] == "Bearer the-token"
    assert len({request.port for request in pod.server.requests}) == 1


def test_sender_repeats_a_report_only_with_a_heartbeat_timeout(pod: Pod, gate: Gate, sender_to: Sender) -> None:
    sender = sender_to(pod)
    sender.submit(said(1))
    gate.take()
    sender.submit(said(1))
    assert gate.nothing_comes()
    # What is new after that is not missed.
    sender.submit(said(2))
    assert gate.take()["done"] == 2


def test_sender_sends_a_heartbeat_without_progress(pod: Pod, gate: Gate, sender_to: Sender) -> None:
    nothing = ProgressReport(started_at=NOON.isoformat())
    unwatched = sender_to(pod)
    unwatched.submit(nothing)
    assert gate.nothing_comes()
    watched = sender_to(pod, heartbeat_timeout=0.04)
    for _ in range(3):
        watched.submit(nothing)
        assert gate.take() == {"startedAt": NOON.isoformat()}


def test_sender_limits_heartbeats(pod: Pod, gate: Gate, sender_to: Sender) -> None:
    sender = sender_to(pod, heartbeat_timeout=2)
    sender.submit(said(1))
    gate.take()
    sender.submit(said(1))
    assert gate.nothing_comes()  # not within a quarter of the timeout, 0.5 s
    # But the one that was given then is sent, though no other follows.
    assert gate.take()["done"] == 1


@pytest.mark.parametrize("status", [0, 403, 429, 500, 503])
def test_sender_drops_a_failed_report_for_a_newer_one(pod: Pod, gate: Gate, sender_to: Sender, status: int) -> None:
    sender = sender_to(pod)
    sender.submit(said(1))
    assert gate.wait()["done"] == 1
    sender.submit(said(2))
    gate.let_go(status)
    assert gate.take()["done"] == 2
    assert gate.nothing_comes()


def test_sender_reopens_a_closed_connection_at_once(pod: Pod, gate: Gate, sender_to: Sender) -> None:
    sender = sender_to(pod)
    sender.submit(said(1))
    gate.take()
    sender.submit(said(2))
    assert gate.wait()["done"] == 2
    sender.submit(said(3))
    gate.let_go(0)
    # The same report: it was the connection's fault.
    assert gate.take()["done"] == 2
    assert gate.take()["done"] == 3
    assert len({request.port for request in pod.server.requests}) == 2


@pytest.mark.parametrize(("status", "heartbeat_timeout"), [(404, None), (409, None), (409, 60)])
def test_sender_stops_after_a_permanent_refusal(
    pod: Pod,
    gate: Gate,
    sender_to: Sender,
    caplog: pytest.LogCaptureFixture,
    status: int,
    heartbeat_timeout: float | None,
) -> None:
    sender = sender_to(pod, heartbeat_timeout)
    sender.submit(said(1))
    gate.take(status)
    for number in range(2, 100):
        sender.submit(said(number))
    assert gate.nothing_comes()
    assert caplog.records == []


def test_sender_retries_an_old_replica_with_a_heartbeat_timeout(pod: Pod, gate: Gate, sender_to: Sender) -> None:
    sender = sender_to(pod, heartbeat_timeout=60)
    sender.submit(said(1))
    gate.take(404)
    assert gate.take()["done"] == 1


def test_sender_does_not_repeat_a_refused_report(pod: Pod, gate: Gate, sender_to: Sender) -> None:
    sender = sender_to(pod)
    sender.submit(said(1))
    gate.take(400)
    assert gate.nothing_comes()
    sender.submit(said(2))
    assert gate.take()["done"] == 2


def test_sender_sends_nothing_after_stop(pod: Pod, gate: Gate, sender_to: Sender) -> None:
    sender = sender_to(pod)
    sender.stop()
    sender.submit(said(1))
    assert gate.nothing_comes()


def test_sender_without_a_thread(pod: Pod, gate: Gate, sender_to: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", full)
    sender = sender_to(pod)
    sender.submit(said(1))
    sender.submit(said(2))
    assert gate.nothing_comes()


def test_sender_is_silent_in_a_forked_child(
    pod: Pod, gate: Gate, sender_to: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = sender_to(pod)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    sender.submit(said(1))
    assert gate.nothing_comes()


def test_runner_takes_the_heartbeat_timeout_of_the_assignment(pod: Pod) -> None:
    assignment = Assignment.from_environ(pod.environ("echo", heartbeat_timeout=60.0))
    assert Assignment.from_environ(assignment.to_environ()) == assignment
    # An operator that does not know of heartbeats does not mention them.
    environ = assignment.to_environ()
    values = json.loads(environ["DJANGOTASKS_ASSIGNMENT"])
    del values["heartbeat_timeout"]
    older = Assignment.from_environ(environ | {"DJANGOTASKS_ASSIGNMENT": json.dumps(values)})
    assert older == replace(assignment, heartbeat_timeout=None)
