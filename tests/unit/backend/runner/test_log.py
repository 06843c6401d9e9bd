"""Log records say whose they are."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import django
import pytest

from django_tasks_kubernetes.runner.log import log_within
from djangotasks_api.phases import Reason
from tests.unit.backend.pod import HERE, Pod
from tests.unit.backend.runner.conftest import Run
from tests.unit.backend.web_server import Answer, Request

WHOSE = {
    "djangotask_id": "t1",
    "djangotask_path": f"{HERE}.logs",
    "djangotask_attempt": 2,
    "djangotask_queue": "mail",
}


def test_log_records_name_the_task(run: Run, pod: Pod, caplog: pytest.LogCaptureFixture) -> None:
    assert run("logs", "raises") == 1
    records = {record.name: record for record in caplog.records}
    # The task's own, of a thread of it, and the runner's.
    assert records.keys() >= {HERE, f"{HERE}.thread", "django_tasks_kubernetes.runner"}
    for record in records.values():
        assert WHOSE.items() <= record.__dict__.items()
    assert records[HERE].__dict__["task_id"] == "the project's own", "an `extra` that projects use is no error"
    assert records[HERE].getMessage() == "in the task"


@pytest.mark.parametrize("wraps", [True, False])
def test_log_records_with_a_projects_own_factory(
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


def _refuses(record: logging.LogRecord) -> bool:
    raise LookupError("this filter is for requests")


class _Broken(logging.StreamHandler[Any]):
    def emit(self, record: logging.LogRecord) -> None:
        raise LookupError("this handler is for requests")


def _filters(handler: logging.Handler) -> None:
    handler.addFilter(_refuses)


def _makes_nothing(*args: Any, **kwargs: Any) -> logging.LogRecord:
    raise LookupError("this factory is for requests")


@pytest.mark.parametrize(
    "set_up",
    [
        lambda: _filters(logging.getLogger().handlers[-1]),
        lambda: logging.getLogger().addHandler(_Broken()),
        lambda: logging.setLogRecordFactory(_makes_nothing),
    ],
    ids=["a filter", "a handler", "a factory"],
)
@pytest.mark.parametrize(("task", "args"), [("fails", ()), ("returns", ("nothing",))])
def test_an_outcome_is_reported_whatever_the_projects_logging_raises(
    run: Run,
    pod: Pod,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    set_up: Callable[[], object],
    task: str,
    args: tuple[Any, ...],
) -> None:
    """A filter that reads `record.request`, as many have it: https://github.com/celery/celery/issues/1582 is the like."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [*root.handlers, logging.StreamHandler()])
    monkeypatch.setattr(django, "setup", set_up)
    # So that there is something to say of each outcome.
    pod.server.answer = lambda request: (409 if request.path.endswith("outcome") else 200, {}, {})
    assert run(task, *args) == (1 if task == "fails" else 0)
    assert pod.outcome.reason == (Reason.TASK_ERROR if task == "fails" else None)
    said = capsys.readouterr().err
    assert "The operator no longer waits for this attempt" in said
    assert "The project's logging raised LookupError" in said


def test_an_outcome_is_reported_where_the_projects_logging_hangs(
    run: Run, pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    class Hanging(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # Where nobody goes on without it, the test fails, and does not hang.
            if record.name == "django_tasks_kubernetes.runner":
                released.wait(5)

    def answer(request: Request) -> Answer:
        reported.append(not released.is_set())
        released.set()
        return 200, {}, {}

    reported: list[bool] = []
    pod.server.answer = lambda request: answer(request) if request.path.endswith("outcome") else (200, {}, {})
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [*root.handlers, Hanging()])
    monkeypatch.setattr("django_tasks_kubernetes.runner.__main__.LOG_SECONDS", 0.01)
    began = time.monotonic()
    assert run("fails") == 1
    assert reported == [True]
    assert time.monotonic() - began < 5


def test_what_logs_is_called_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuses)
    called: list[int] = []
    log_within(1, lambda: called.append(1))
    assert called == [1]
