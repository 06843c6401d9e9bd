"""The core of the runner against Django's ImmediateBackend, field by field."""

import logging
import sys
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Self

import pytest
from django.dispatch import Signal
from django.tasks import TaskResult
from django.tasks.signals import task_finished, task_started
from django.test import override_settings

from django_tasks_kubernetes.codec.decode import decode
from django_tasks_kubernetes.runner.execute import execute
from django_tasks_kubernetes.runner.process import Terminated
from django_tasks_kubernetes.task import AnyTask
from django_tasks_kubernetes.testing import InMemoryBackend, in_memory
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Reason
from tests.unit.backend import tasks

IMMEDIATE = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend", "QUEUES": []}}
# What two runs cannot have in common, and the traceback, compared apart.
VARYING = {"id", "enqueued_at", "started_at", "finished_at", "last_attempted_at", "errors", "worker_ids"}


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    """Half of a surrogate pair in a log record is more than pytest-xdist can send from one process to another."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def run(task: AnyTask, *args: Any, **kwargs: Any) -> Any:
    """The TaskResult in the pod, and the outcome that it reports."""
    reported: list[Outcome] = []
    with in_memory() as cluster:
        task.enqueue(*args, **kwargs)
        (resource,) = cluster.resources.values()
        result = decode(resource, alias="default")
        execute(result, "pod-1", sender=InMemoryBackend, started=lambda at: None, finished=reported.append)
    (outcome,) = reported
    return result, outcome


@pytest.mark.parametrize(
    ("task", "args", "kwargs"),
    [
        (tasks.echo, (), {}),
        (tasks.echo, (1, (2, b"x"), None), {"a": {"b": 2**63 + 1}}),
        (tasks.echo, ("\ud800", "$(HOME) $$", "\x00"), {"ключ": 0.1}),
        (tasks.async_echo, (1,), {"a": 2}),
        (tasks.returns, ("nothing",), {}),
        (tasks.returns, ("tuple",), {}),
        (tasks.returns, ("set",), {}),
        (tasks.returns, ("object",), {}),
        (tasks.returns, ("missing",), {}),
        (tasks.echo.using(priority=3), (), {}),
        (tasks.fails, (), {}),
        (tasks.fails, ("nö \ud800",), {}),
        (tasks.async_fails, (), {}),
        (tasks.exits, (3,), {}),
    ],
)
def test_execute_changes_the_result_as_the_immediate_backend(task: AnyTask, args: Any, kwargs: Any) -> None:
    with override_settings(TASKS=IMMEDIATE):
        expected = task.enqueue(*args, **kwargs)
    result, outcome = run(task, *args, **kwargs)
    for name in {field.name for field in fields(TaskResult)} - VARYING:
        assert getattr(result, name) == getattr(expected, name), name
    assert result.enqueued_at < result.started_at == result.last_attempted_at <= result.finished_at
    assert result.attempts == expected.attempts == 1
    assert outcome.succeeded == (expected.status == "SUCCESSFUL")
    assert [error.exception_class_path for error in result.errors] == [
        error.exception_class_path for error in expected.errors
    ]
    for ours, theirs in zip(result.errors, expected.errors, strict=True):
        last_line = theirs.traceback.splitlines()[-1].encode("utf-8", "backslashreplace").decode()
        assert ours.traceback.splitlines()[-1].split(":")[0] == last_line.split(":")[0]


def test_execute_gives_the_context() -> None:
    _, outcome = run(tasks.attempt)
    assert outcome.result == '[1,["pod-1"],"RUNNING"]'


@pytest.mark.parametrize(("value", "length"), [([], 0), ([1, [2]], 2), ({"a": 1}, None), ("[1]", None), (None, None)])
def test_the_length_of_a_list_is_reported(value: Any, length: int | None) -> None:
    assert run(tasks.returns_item, value)[1].length == length


def test_return_value_keys_become_strings() -> None:
    result, outcome = run(tasks.returns, "keys")
    assert outcome.result == '{"1":"one","null":"none"}'
    assert result.return_value == {"1": "one", "null": "none"}


@pytest.mark.parametrize(
    ("kind", "type_", "message"),
    [
        ("set", "builtins.TypeError", "The return value: set is not JSON."),
        ("object", "builtins.TypeError", "The return value: object is not JSON."),
        ("nan", "builtins.ValueError", "The return value[0]: float is not JSON"),
    ],
)
def test_return_value_that_is_not_json_fails(kind: str, type_: str, message: str) -> None:
    _, outcome = run(tasks.returns, kind)
    assert (outcome.reason, outcome.retryable, outcome.error.type) == (Reason.RESULT_NOT_SERIALIZABLE, False, type_)
    assert message in outcome.error.traceback


@pytest.mark.parametrize("code", [0, None, False, 256])
def test_exit_without_an_error_is_a_return(code: Any) -> None:
    """As management commands end that are called by a task."""
    result, outcome = run(tasks.exits, code)
    assert (outcome.succeeded, outcome.result) == (True, "null")
    assert (str(result.status), result.return_value) == ("SUCCESSFUL", None)


@pytest.mark.parametrize("code", [1, -1, True, "no", 257])
def test_exit_with_an_error_is_a_failure(code: Any) -> None:
    result, outcome = run(tasks.exits, code)
    assert (outcome.reason, outcome.error.type) == (Reason.TASK_ERROR, "builtins.SystemExit")
    assert str(result.status) == "FAILED"


def test_keyboard_interrupt_of_the_task_is_its_failure() -> None:
    result, outcome = run(tasks.interrupts)
    assert (outcome.reason, outcome.error.type) == (Reason.TASK_ERROR, "builtins.KeyboardInterrupt")
    assert str(result.status) == "FAILED"


def test_failure_is_retryable_and_its_traceback_begins_at_the_task() -> None:
    _, outcome = run(tasks.fails, "out of stock")
    assert (outcome.reason, outcome.retryable) == (Reason.TASK_ERROR, True)
    lines = outcome.error.traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "tests/unit/backend/tasks.py" in lines[1]
    assert lines[-1] == "tests.unit.backend.tasks.Refused: out of stock"


class Watcher:
    """Receives both signals and notes what it sees."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.seen: list[tuple[str, Any, str]] = []
        self.error = error

    def started(self, sender: type, task_result: Any, **kwargs: Any) -> None:
        self._note("started", sender, task_result)

    def finished(self, sender: type, task_result: Any, **kwargs: Any) -> None:
        self._note("finished", sender, task_result)

    def _note(self, name: str, sender: type, task_result: Any) -> None:
        self.seen.append((name, sender, str(task_result.status)))
        if self.error:
            raise self.error

    def __enter__(self) -> Self:
        task_started.connect(self.started)
        task_finished.connect(self.finished)
        return self

    def __exit__(self, *_: object) -> None:
        task_started.disconnect(self.started)
        task_finished.disconnect(self.finished)


@pytest.mark.parametrize(("task", "status"), [(tasks.echo, "SUCCESSFUL"), (tasks.fails, "FAILED")])
def test_execute_sends_the_signals(task: AnyTask, status: str) -> None:
    with Watcher() as watcher:
        run(task)
    assert watcher.seen == [("started", InMemoryBackend, "RUNNING"), ("finished", InMemoryBackend, status)]


@pytest.mark.parametrize(
    "error", [RuntimeError("receiver"), SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr
)
def test_execute_ignores_a_receivers_exception(error: BaseException) -> None:
    with Watcher(error) as watcher:
        _, outcome = run(tasks.echo, 1)
    assert len(watcher.seen) == 2
    assert outcome.result == '{"args":[1],"kwargs":{}}'


@pytest.mark.parametrize(
    ("more", "finished"),
    [
        ({}, True),
        ({"is_last": True}, True),
        ({"is_last": False}, False),
        ({"is_last": False, "retried": lambda error: False}, True),
    ],
)
def test_task_finished_is_sent_when_the_task_has_failed_and_no_attempt_follows(more: Any, finished: bool) -> None:
    with in_memory() as cluster, Watcher() as watcher:
        tasks.fails.enqueue()
        (result,) = cluster.results
        execute(result, "pod-1", sender=InMemoryBackend, started=lambda at: None, finished=lambda outcome: None, **more)
    assert [seen[0] for seen in watcher.seen if seen[1] is InMemoryBackend] == ["started", *["finished"] * finished]


@pytest.mark.parametrize("task", [tasks.echo, tasks.fails])
def test_outcome_is_reported_before_receivers_run(monkeypatch: pytest.MonkeyPatch, task: AnyTask) -> None:
    events: list[str] = []

    def send(self: Signal, sender: type, **kwargs: Any) -> list[Any]:
        events.append("signal")
        return []

    with in_memory() as cluster, monkeypatch.context() as patch:
        patch.setattr(Signal, "send_robust", send)
        task.enqueue()
        (result,) = cluster.results
        execute(
            result,
            "pod-1",
            sender=InMemoryBackend,
            started=lambda at: events.append("started"),
            finished=lambda outcome: events.append("outcome"),
        )
    assert events == ["started", "signal", "outcome", "signal"]


def test_receivers_find_the_exception_in_sys_exc_info() -> None:
    seen: list[Any] = []

    def receiver(**kwargs: Any) -> None:
        seen.append(sys.exc_info()[1])

    task_finished.connect(receiver)
    try:
        run(tasks.fails, "no")
        run(tasks.echo)
        with override_settings(TASKS=IMMEDIATE):
            tasks.fails.enqueue("no")
    finally:
        task_finished.disconnect(receiver)
    assert [repr(error) for error in seen] == ["Refused('no')", "None", "Refused('no')"]


def test_execute_keeps_earlier_attempts() -> None:
    with in_memory() as cluster:
        tasks.attempt.enqueue()
        (resource,) = cluster.resources.values()
        first = {"number": 1, "job": "t-1", "pod": "t-1", "startedAt": "2026-01-01T00:00:00Z"}
        resource["status"] = {"phase": "Retrying", "startedAt": first["startedAt"], "attempts": [first]}
        result: Any = decode(resource, alias="default")
        outcome = execute(result, "t-2", sender=InMemoryBackend, started=lambda at: None, finished=lambda outcome: None)
    assert outcome.result == '[2,["t-1","t-2"],"RUNNING"]'
    assert result.started_at < result.last_attempted_at


@pytest.mark.parametrize(
    ("task", "args", "error"),
    [
        (tasks.exits, (1,), SystemExit),
        (tasks.exits, (0,), SystemExit),
        (tasks.fails, (), tasks.Refused),
    ],
)
def test_interruption_is_no_outcome(task: AnyTask, args: Any, error: type[BaseException]) -> None:
    reported: list[Outcome] = []
    more: Any = {"started": lambda at: None, "finished": reported.append, "interrupted": lambda: True}
    with in_memory() as cluster:
        task.enqueue(*args)
        (result,) = cluster.results
        with pytest.raises(error):
            execute(result, "pod-1", sender=InMemoryBackend, **more)
    assert reported == []


def test_terminated_passes_an_except_exception() -> None:
    assert not issubclass(Terminated, Exception)
