"""What a task says of its progress: checked, sent beside it and seldom, and seen in its result."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.tasks.exceptions import InvalidTask
from django.utils.translation import gettext_lazy

from django_tasks_kubernetes import KubernetesTaskContext
from django_tasks_kubernetes.codec import progress_of
from django_tasks_kubernetes.context import checked
from django_tasks_kubernetes.results import Progress
from django_tasks_kubernetes.runner import progress
from django_tasks_kubernetes.runner.endpoint import Endpoint
from django_tasks_kubernetes.runner.progress import ProgressSender
from django_tasks_kubernetes.testing import in_memory
from djangotasks_api.assignment import Assignment
from djangotasks_api.names import PROGRESS_MESSAGE_MAX_CHARS
from djangotasks_api.outcome import ProgressReport
from tests.unit.backend import tasks
from tests.unit.backend.conftest import Answer, Request, Server
from tests.unit.backend.pod import Pod

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SAYS: Any = tasks.says_progress


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((1,), (1, None, None)), ((0, 0), (0, 0, None)), ((5, 3), (5, 3, None)), ((0.5, 1), (0.5, 1, None)),
        ((None, None, "reading"), (None, None, "reading")), ((Decimal("1.5"), Fraction(3, 1)), (1.5, 3.0, None)),
        ((1, None, gettext_lazy("reading")), (1, None, "reading")), ((1, None, "\ud800"), (1, None, "\\ud800")),
        ((1, None, "x" * 300), (1, None, "x" * 255 + "…")), ((1, None, "é" * 256), (1, None, "é" * 256)),
        ((1, None, "\ud800" * 256), (1, None, ("\\ud800" * 256)[:256])), ((10**300,), (10**300, None, None)),
    ],
)  # fmt: skip
def test_what_can_be_said(given: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    found = checked(*given, *(None,) * (3 - len(given)))
    assert found == expected
    report = ProgressReport(started_at=NOON.isoformat(), done=found[0], total=found[1], message=found[2])
    assert ProgressReport.from_json(report.to_json()) == report
    assert len(found[2] or "") <= PROGRESS_MESSAGE_MAX_CHARS


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ((), TypeError, "needs done or message. For a sign of life alone there is heartbeat"),
        ((None, 5), TypeError, "needs done or message"),
        (("1",), TypeError, r"progress\(done=…\) must be a number, not '1'"),
        ((True,), TypeError, "must be a number, not True"),
        ((1, [2]), TypeError, r"progress\(total=…\) must be a number"),
        ((1j,), TypeError, "must be a number"),
        ((-1,), ValueError, "must be a finite number from 0 on, not -1"),
        ((float("nan"),), ValueError, "must be a finite number"),
        ((1, float("inf")), ValueError, r"progress\(total=…\) must be a finite number"),
        ((10**400,), ValueError, "must be a finite number"),
        ((Decimal("NaN"),), ValueError, "must be a finite number"),
        ((1, 2, b"reading"), TypeError, r"progress\(message=…\) must be a string, not b'reading'"),
    ],
)  # fmt: skip
def test_what_cannot(given: tuple[Any, ...], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        checked(*given, *(None,) * (3 - len(given)))


def ran(task: Any, *calls: Any, **kwargs: Any) -> tuple[Any, list[Progress]]:
    """The result in memory, and all that was said."""
    with in_memory() as cluster:
        result = task.enqueue(*calls, **kwargs)
        cluster.run_pending()
        result.refresh()
        return result, cluster.progress(result.id)


def test_in_memory() -> None:
    result, said = ran(SAYS, "heartbeat", [1, 3], [2, 3, "half"], "heartbeat")
    assert [(p.done, p.total, p.message) for p in said] == [
        (None, None, None), (1, 3, None), (2, 3, "half"), (2, 3, "half"),
    ]  # fmt: skip
    assert result.return_value == "x"
    assert (result.progress.done, result.progress.message, result.progress.percent) == (2, "half", 67)
    assert result.progress.updated_at <= result.finished_at


def test_of_a_task_that_failed() -> None:
    result, _ = ran(SAYS, [1, 3], fail=True)
    assert (result.status, result.progress.done) == ("FAILED", 1)


def test_of_one_that_said_nothing() -> None:
    result, said = ran(SAYS)
    assert (result.progress, said) == (None, [])


def test_of_an_async_task() -> None:
    result, said = ran(tasks.async_says_progress, [1, 2], [2, 2])
    assert (result.progress.percent, len(said)) == (100, 5)


def test_a_mistake_in_the_call_is_the_tasks_error() -> None:
    result, _ = ran(SAYS, ["many"])
    assert "must be a number, not 'many'" in result.errors[0].traceback
    assert "says_progress" in result.errors[0].traceback


@pytest.mark.parametrize(
    ("done", "total", "fraction", "percent"),
    [(1, 4, 0.25, 25), (3, 2, 1.0, 100), (0, 0, 1.0, 100), (999, 1000, 0.999, 99), (1, None, None, None), (None, None, None, None)],
)  # fmt: skip
def test_shares(done: float | None, total: float | None, fraction: float | None, percent: int | None) -> None:
    found = Progress(done=done, total=total, updated_at=NOON)
    assert (found.fraction, found.percent) == (fraction, percent)


def test_from_the_resource() -> None:
    assert progress_of(None) is None
    assert progress_of({"text": "5"}) is None
    found = {"done": 5, "text": "5", "attempt": 2, "updatedAt": "2026-11-23T12:00:00Z", "new": 1}
    assert progress_of(found) == Progress(done=5, updated_at=NOON)


def test_a_heartbeat_timeout_wants_a_context() -> None:
    with pytest.raises(InvalidTask, match=r"heartbeat_timeout needs takes_context=True.*there is timeout"):
        tasks.echo.using(heartbeat_timeout=60)  # type: ignore[call-arg]
    with pytest.raises(InvalidTask, match="heartbeat_timeout must be from 2 s to 86400 s"):
        SAYS.using(heartbeat_timeout=1)
    with in_memory() as cluster:
        SAYS.using(heartbeat_timeout=59.5).enqueue()
        (resource,) = cluster.resources.values()
    assert resource["spec"]["policy"] == {"heartbeatTimeoutSeconds": 60}


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


def test_the_newest_is_sent_over_one_connection(pod: Pod, gate: Gate, sender_to: Sender) -> None:
    sender = sender_to(pod)
    sender.tell(said(1))
    assert gate.wait() == {"startedAt": NOON.isoformat(), "done": 1}
    for number in range(2, 5000):
        sender.tell(said(number))
    gate.let_go()
    assert gate.take()["done"] == 4999
    assert gate.nothing_comes()
    sender.tell(said(5000))
    assert gate.take()["done"] == 5000
    assert [r.path for r in pod.server.requests] == ["/v1/attempts/shop/t1/u-1/2/progress"] * 3
    assert pod.server.requests[0].headers["authorization"] == "Bearer the-token"
    assert len({request.port for request in pod.server.requests}) == 1


def test_the_same_again_is_only_sent_where_somebody_waits_for_signs_of_life(
    pod: Pod, gate: Gate, sender_to: Sender
) -> None:
    sender = sender_to(pod)
    sender.tell(said(1))
    gate.take()
    sender.tell(said(1))
    assert gate.nothing_comes()
    # What is new after that is not missed.
    sender.tell(said(2))
    assert gate.take()["done"] == 2


def test_a_heartbeat_without_anything_said(pod: Pod, gate: Gate, sender_to: Sender) -> None:
    nothing = ProgressReport(started_at=NOON.isoformat())
    unwatched = sender_to(pod)
    unwatched.tell(nothing)
    assert gate.nothing_comes()
    watched = sender_to(pod, heartbeat_timeout=0.04)
    for _ in range(3):
        watched.tell(nothing)
        assert gate.take() == {"startedAt": NOON.isoformat()}


def test_signs_of_life_are_not_sent_more_often_than_needed(pod: Pod, gate: Gate, sender_to: Sender) -> None:
    sender = sender_to(pod, heartbeat_timeout=2)
    sender.tell(said(1))
    gate.take()
    sender.tell(said(1))
    assert gate.nothing_comes()  # not within a quarter of the timeout, 0.5 s
    # But the one that was given then is sent, though no other follows.
    assert gate.take()["done"] == 1


@pytest.mark.parametrize("status", [0, 403, 429, 500, 503])
def test_what_is_not_taken_gives_way_to_what_is_newer(pod: Pod, gate: Gate, sender_to: Sender, status: int) -> None:
    sender = sender_to(pod)
    sender.tell(said(1))
    assert gate.wait()["done"] == 1
    sender.tell(said(2))
    gate.let_go(status)
    assert gate.take()["done"] == 2
    assert gate.nothing_comes()


def test_a_connection_that_the_operator_has_closed_is_opened_again_at_once(
    pod: Pod, gate: Gate, sender_to: Sender
) -> None:
    sender = sender_to(pod)
    sender.tell(said(1))
    gate.take()
    sender.tell(said(2))
    assert gate.wait()["done"] == 2
    sender.tell(said(3))
    gate.let_go(0)
    # The same report: it was the connection's fault.
    assert gate.take()["done"] == 2
    assert gate.take()["done"] == 3
    assert len({request.port for request in pod.server.requests}) == 2


@pytest.mark.parametrize(("status", "heartbeat_timeout"), [(404, None), (409, None), (409, 60)])
def test_an_operator_that_will_never_take_it(
    pod: Pod,
    gate: Gate,
    sender_to: Sender,
    caplog: pytest.LogCaptureFixture,
    status: int,
    heartbeat_timeout: float | None,
) -> None:
    sender = sender_to(pod, heartbeat_timeout)
    sender.tell(said(1))
    gate.take(status)
    for number in range(2, 100):
        sender.tell(said(number))
    assert gate.nothing_comes()
    assert caplog.records == []


def test_an_old_replica_of_an_operator_that_knows_of_heartbeats(pod: Pod, gate: Gate, sender_to: Sender) -> None:
    sender = sender_to(pod, heartbeat_timeout=60)
    sender.tell(said(1))
    gate.take(404)
    assert gate.take()["done"] == 1


def test_a_report_that_is_refused_is_not_sent_again(pod: Pod, gate: Gate, sender_to: Sender) -> None:
    sender = sender_to(pod)
    sender.tell(said(1))
    gate.take(400)
    assert gate.nothing_comes()
    sender.tell(said(2))
    assert gate.take()["done"] == 2


def test_nothing_is_sent_once_the_outcome_is_known(pod: Pod, gate: Gate, sender_to: Sender) -> None:
    sender = sender_to(pod)
    sender.stop()
    sender.tell(said(1))
    assert gate.nothing_comes()


def test_without_a_thread_for_it(pod: Pod, gate: Gate, sender_to: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", full)
    sender = sender_to(pod)
    sender.tell(said(1))
    sender.tell(said(2))
    assert gate.nothing_comes()


def test_a_child_process_says_nothing(pod: Pod, gate: Gate, sender_to: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = sender_to(pod)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    sender.tell(said(1))
    assert gate.nothing_comes()


def test_the_context_is_of_a_class_for_type_hints() -> None:
    shown = repr(KubernetesTaskContext(task_result=None, _attempt=None))  # type: ignore[arg-type]
    assert shown == "KubernetesTaskContext(task_result=None)"


def test_the_assignment_says_how_long_it_may_be_silent(pod: Pod) -> None:
    assignment = Assignment.from_environ(pod.environ("echo", heartbeat_timeout=60.0))
    assert Assignment.from_environ(assignment.to_environ()) == assignment
    # An operator that does not know of heartbeats does not mention them.
    environ = assignment.to_environ()
    values = json.loads(environ["DJANGOTASKS_ASSIGNMENT"])
    del values["heartbeat_timeout"]
    older = Assignment.from_environ(environ | {"DJANGOTASKS_ASSIGNMENT": json.dumps(values)})
    assert older == replace(assignment, heartbeat_timeout=None)
