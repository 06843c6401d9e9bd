"""The runner's order of events, in this process: what it reports, to whom, how often."""

import json
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.tasks.signals import task_finished
from django.test import override_settings

from django_tasks_kubernetes import stored
from django_tasks_kubernetes.packing import pack
from django_tasks_kubernetes.runner import report
from django_tasks_kubernetes.runner.__main__ import main
from django_tasks_kubernetes.runner.process import Termination
from django_tasks_kubernetes.stored import Files
from djangotasks_api.names import RESULT_MAX_BYTES, TERMINATION_MESSAGE_MAX_BYTES
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Reason
from tests.unit.backend.conftest import Answer, Request, Server
from tests.unit.backend.pod import HERE, Pod

Run = Callable[..., int]


@pytest.fixture
def pod(server: Server, tmp_path: Path) -> Pod:
    return Pod(server, tmp_path)


@pytest.fixture
def run(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a task as its pod would, and gives the exit code."""
    before, make_record = signal.getsignal(signal.SIGTERM), logging.getLogRecordFactory()

    def run(task: str, *args: Any, report_seconds: float = 5, **changes: Any) -> int:
        for name, value in pod.environ(task, args, **changes).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("DJANGOTASKS_REPORT_SECONDS", str(report_seconds))
        termination = Termination()
        termination.install()
        return main(termination)

    yield run
    signal.signal(signal.SIGTERM, before)
    logging.setLogRecordFactory(make_record)


def test_a_success(run: Run, pod: Pod) -> None:
    assert run("echo", 2**63 + 1, "ü $(HOME) $$ \ud800") == 0
    (request,) = pod.reports("outcome")
    assert request.path == "/v1/attempts/shop/t1/u-1/2/outcome"
    assert request.headers["authorization"] == "Bearer the-token"
    assert pod.outcome.result == '{"args":[9223372036854775809,"\\u00fc $(HOME) $$ \\ud800"],"kwargs":{}}'
    assert Outcome.from_json(pod.message) == pod.outcome


def test_the_start_is_reported_beside_the_task(run: Run, pod: Pod) -> None:
    reported = pod.server.arrived
    assert run("echo") == 0
    assert reported.wait(5)
    assert [r.body for r in pod.reports("started")] in ([], [{"startedAt": pod.outcome.started_at}])


def test_the_outcome_brings_what_was_said_last(run: Run, pod: Pod) -> None:
    """The task is quicker than a report of progress."""
    assert run("says_progress", [1, 3], [2, 3, "half"]) == 0
    assert pod.reports("progress") == []
    progress = pod.outcome.progress
    assert progress is not None
    assert (progress.done, progress.total, progress.message) == (2, 3, "half")
    assert progress.started_at == pod.outcome.started_at


def test_the_context_of_a_second_attempt(run: Run, pod: Pod) -> None:
    assert run("attempt") == 0
    assert pod.outcome.result == '[2,["t1-1","t1-2"],"RUNNING"]'


def test_a_failure(run: Run, pod: Pod, caplog: pytest.LogCaptureFixture) -> None:
    assert run("fails", "out of stock") == 1
    outcome = pod.outcome
    assert (outcome.reason, outcome.retryable) == (Reason.TASK_ERROR, True)
    assert outcome.error is not None
    assert outcome.error.type == f"{HERE}.Refused"
    (line,) = [record for record in caplog.records if record.name == "django_tasks_kubernetes.runner"]
    assert line.getMessage().endswith("Refused: out of stock\n")


WHOSE = {
    "djangotask_id": "t1",
    "djangotask_path": f"{HERE}.logs",
    "djangotask_attempt": 2,
    "djangotask_queue": "mail",
}


def test_log_records_say_whose_they_are(run: Run, pod: Pod, caplog: pytest.LogCaptureFixture) -> None:
    assert run("logs", "raises") == 1
    records = {record.name: record for record in caplog.records}
    # The task's own, of a thread of it, and the runner's.
    assert records.keys() >= {HERE, f"{HERE}.thread", "django_tasks_kubernetes.runner"}
    for record in records.values():
        assert WHOSE.items() <= record.__dict__.items()
    assert records[HERE].__dict__["task_id"] == "the project's own", "an `extra` that projects use is no error"
    assert records[HERE].getMessage() == "in the task"


@pytest.mark.parametrize("wraps", [True, False])
def test_a_project_with_a_record_factory_of_its_own(
    run: Run, pod: Pod, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, wraps: bool
) -> None:
    def set_up() -> None:
        logging.getLogger("setup").warning("while Django is set up")
        make = logging.getLogRecordFactory() if wraps else logging.LogRecord

        def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = make(*args, **kwargs)
            record.project = "shop"
            return record

        logging.setLogRecordFactory(factory)

    monkeypatch.setattr(django, "setup", set_up)
    assert run("logs") == 0
    records = {record.name: record for record in caplog.records}
    assert WHOSE.items() <= records["setup"].__dict__.items()
    assert ({"project": "shop"} | WHOSE).items() <= records[HERE].__dict__.items()


def test_a_receiver_that_raises_is_in_the_log(run: Run, pod: Pod, caplog: pytest.LogCaptureFixture) -> None:
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
        (f"{HERE}.gone", {}, Reason.TASK_NOT_FOUND, False, 'does not define a "gone"'),
        ("nowhere.tasks.gone", {}, Reason.TASK_NOT_FOUND, False, "No module named 'nowhere'"),
        ("plain", {}, Reason.NOT_A_TASK, False, "plain is function, not a Django task"),
        ("os.getcwd", {}, Reason.NOT_A_TASK, False, "getcwd is builtin_function_or_method, not a Django task"),
        ("tests.unit.backend.broken.task", {}, Reason.SETUP_ERROR, True, "ZeroDivisionError"),
        ("echo", {"payload": "not json"}, Reason.INVALID_PAYLOAD, False, "The payload is not JSON"),
        ("echo", {"payload": "[]"}, Reason.INVALID_PAYLOAD, False, 'must be {"args": [...], "kwargs": {...}}'),
        ("echo", {"payload": "[" * 90_000}, Reason.INVALID_PAYLOAD, False, "The payload is not JSON"),
    ],
)
def test_a_task_that_cannot_be_called(
    run: Run, pod: Pod, task: str, more: Any, reason: Reason, retryable: bool, words: str
) -> None:
    assert run(task, **more) == 1
    outcome = pod.outcome
    assert (outcome.reason, outcome.retryable, outcome.started_at) == (reason, retryable, None)
    assert outcome.error is not None
    assert words in outcome.error.traceback
    assert pod.reports("started") == []


def test_django_that_cannot_be_set_up(run: Run, pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ImproperlyConfigured("settings are not configured")

    monkeypatch.setattr(django, "setup", fail)
    assert run("echo") == 1
    assert (pod.outcome.reason, pod.outcome.retryable) == (Reason.SETUP_ERROR, True)


def test_a_result_for_which_the_termination_message_is_too_short(run: Run, pod: Pod) -> None:
    assert run("returns_text", 100_000) == 0
    assert len(pod.outcome.result or "") == 100_002
    assert len(pod.message) <= TERMINATION_MESSAGE_MAX_BYTES
    assert Outcome.from_json(pod.message).truncated


def test_without_a_termination_log(run: Run, pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "touch", lambda self: None)
    assert run("echo") == 0
    assert not pod.termination_log.exists()


def test_child_processes_do_not_see_the_token(run: Run, pod: Pod) -> None:
    assert run("child_environment") == 0
    assert json.loads(pod.outcome.result or "") == ["DJANGOTASKS_TERMINATION_LOG", "DJANGOTASKS_REPORT_SECONDS"]
    assert "DJANGOTASKS_TOKEN" not in os.environ


def test_an_operator_that_comes_back(run: Run, pod: Pod, caplog: pytest.LogCaptureFixture) -> None:
    failures: Iterator[Answer] = iter([None, (503, b"starting", {}), (429, b"", {})])
    pod.server.answer = lambda r: next(failures, (200, {}, {})) if r.path.endswith("outcome") else (200, {}, {})
    assert run("echo") == 0
    assert len(pod.reports("outcome")) == 4
    assert caplog.text.count("does not take the outcome yet") == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413])
def test_an_operator_that_refuses_is_not_asked_again(
    run: Run, pod: Pod, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(report, "FORBIDDEN_SECONDS", 0)
    pod.server.answer = lambda request: (status, b"the reason", {})
    assert run("echo") == 0
    assert len(pod.reports("outcome")) == 1
    # Conflict is what happens when an attempt is given up; the others are defects.
    said = "moved on from this attempt" if status == 409 else f"refused the outcome ({status})"
    assert said in caplog.text
    assert "the reason" in caplog.text


def test_an_operator_that_does_not_know_its_new_key_yet(run: Run, pod: Pod) -> None:
    """A replica that was there before the rotation, and is about to go."""
    failures: Iterator[Answer] = iter([(403, b"the token is not this attempt's", {})] * 2)
    pod.server.answer = lambda r: next(failures, (200, {}, {})) if r.path.endswith("outcome") else (200, {}, {})
    assert run("echo") == 0
    assert len(pod.reports("outcome")) == 3


def test_an_operator_that_stays_away(run: Run, pod: Pod, caplog: pytest.LogCaptureFixture) -> None:
    assert run("echo", url="http://127.0.0.1:9", report_seconds=0.2) == 0
    assert "could not be told the outcome" in caplog.text
    assert Outcome.from_json(pod.message).succeeded


def test_an_endpoint_that_hangs_does_not_delay_the_task(run: Run, pod: Pod) -> None:
    def answer(request: Request) -> Answer:
        if request.path.endswith("started"):
            time.sleep(0.5)
        return 200, {}, {}

    pod.server.answer = answer
    began = time.monotonic()
    assert run("echo") == 0
    assert time.monotonic() - began < 0.5


def test_an_operator_that_tells_more_than_this_runner_knows(
    run: Run, pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = pod.environ
    newer = {"DJANGOTASKS_ASSIGNMENT": json.dumps(json.loads(environ("echo")["DJANGOTASKS_ASSIGNMENT"]) | {"new": 1})}
    monkeypatch.setattr(pod, "environ", lambda *args, **more: environ(*args, **more) | newer)
    assert run("echo") == 0


def test_not_started_by_the_operator(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    assert main(Termination()) == 2
    monkeypatch.setenv("DJANGOTASKS_ASSIGNMENT", "{")
    assert main(Termination()) == 2
    assert "There is no task to run here" in caplog.text


@pytest.mark.parametrize("task", ["terminated", "async_terminated"])
def test_a_task_ended_by_sigterm_is_no_failure(run: Run, pod: Pod, task: str) -> None:
    assert run(task, "ends") == 143
    assert pod.reports("outcome") == []
    assert pod.message == ""


def test_sigterm_while_django_is_set_up(run: Run, pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(django, "setup", lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert run("echo") == 143
    assert pod.server.requests == []


def test_what_is_raised_while_cleaning_up_is_no_failure_either(run: Run, pod: Pod) -> None:
    assert run("terminated", "raises") == 143
    assert pod.reports("outcome") == []


@pytest.mark.parametrize("task", ["terminated", "async_terminated"])
def test_a_task_that_succeeds_in_spite_of_sigterm(run: Run, pod: Pod, task: str) -> None:
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


# Large arguments and results


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Path]:
    """The folder of the storage that the settings name."""
    location = tmp_path / "storage"
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(location)}}
    backend = settings.TASKS["default"]
    with override_settings(
        STORAGES=settings.STORAGES | {"tasks": storage},
        TASKS={"default": backend | {"OPTIONS": backend["OPTIONS"] | {"STORAGE": "tasks"}}},
    ):
        yield location


def stored_payload(*args: Any) -> dict[str, Any]:
    text = json.dumps({"args": args, "kwargs": {}})
    return {"payload": "", "payload_ref": Files("tasks", 1000).write("shop", "t1", "payload", text)}


def test_arguments_in_a_storage(run: Run, pod: Pod, storage: Path) -> None:
    assert run("echo", **stored_payload(1, "é")) == 0
    assert pod.outcome.result == '{"args":[1,"\\u00e9"],"kwargs":{}}'


def test_packed_arguments(run: Run, pod: Pod) -> None:
    packed = pack(json.dumps({"args": ["x" * 1000], "kwargs": {}}))
    assert run("echo", payload=packed, payload_encoding="zlib+base64") == 0
    assert pod.outcome.result == f'{{"args":["{"x" * 1000}"],"kwargs":{{}}}}'
    pod.server.requests.clear()
    assert run("echo", payload="bomb", payload_encoding="zlib+base64") == 1
    assert (pod.outcome.reason, pod.outcome.retryable) == (Reason.INVALID_PAYLOAD, False)


@pytest.mark.parametrize(
    ("spoil", "words", "retryable"),
    [
        (lambda path: path.unlink(), "is not there", True),
        (lambda path: path.write_text("{}"), "is not what was stored", False),
    ],
    ids=["gone", "changed"],
)
def test_arguments_that_cannot_be_had(
    run: Run, pod: Pod, storage: Path, monkeypatch: pytest.MonkeyPatch, spoil: Any, words: str, retryable: bool
) -> None:
    monkeypatch.setattr(stored, "PATIENCE", ())
    changes = stored_payload(1)
    spoil(storage / changes["payload_ref"].name)
    assert run("echo", **changes) == 1
    outcome = pod.outcome
    assert (outcome.reason, outcome.retryable) == (Reason.PAYLOAD_UNAVAILABLE, retryable)
    assert outcome.error is not None
    assert outcome.error.type == "django_tasks_kubernetes.exceptions.PayloadUnavailable"
    assert words in outcome.error.traceback


def test_a_result_in_a_storage(run: Run, pod: Pod, storage: Path) -> None:
    assert run("returns_text", RESULT_MAX_BYTES) == 0
    ref = pod.outcome.result_ref
    assert ref is not None
    assert ref.belongs_to("shop", "t1")
    assert (storage / ref.name).read_text() == f'"{"x" * RESULT_MAX_BYTES}"'
    # It is told even where the operator is away for long.
    assert Outcome.from_json(pod.message) == pod.outcome


def test_a_result_that_cannot_be_stored(run: Run, pod: Pod, storage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "PATIENCE", ())
    storage.write_text("in the way")
    assert run("returns_text", RESULT_MAX_BYTES) == 1
    assert (pod.outcome.reason, pod.outcome.retryable) == (Reason.RESULT_NOT_STORED, True)
    assert pod.outcome.error is not None
    assert "did not take a file of 524,290 bytes" in pod.outcome.error.traceback


def test_a_result_that_is_too_large(run: Run, pod: Pod) -> None:
    assert run("returns_text", RESULT_MAX_BYTES) == 1
    assert (pod.outcome.reason, pod.outcome.retryable) == (Reason.RESULT_TOO_LARGE, False)
