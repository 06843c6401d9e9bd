"""A line an entry, whatever is in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from djangotasks_api.failure import ErrorReport
from djangotasks_api.models import TaskStatus
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.scheduling.limits import Limits
from djangotasks_operator.status import endings, transitions
from djangotasks_operator.telemetry import logs
from djangotasks_operator.telemetry.logs import LogFormat
from tests.support.builders import at, make_task

HOSTILE = [
    "two\nlines", "carriage\rreturn", "\x1b[2Jclear", "null\0", "\x85next", "\u2028separator", "\u202ereversed", "\ud800half", "\x9b31mC1",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("djangotasks_operator", "kopf", "kopf.objects", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("log_format", list(LogFormat))
def test_nothing_breaks_a_line(capsys: pytest.CaptureFixture[str], log_format: LogFormat, text: str) -> None:
    logs.configure(log_format, verbose=False)
    logging.getLogger("djangotasks_operator.test").warning("it says %s", text, extra={"field": text})
    (line,) = said(capsys)
    assert line.isprintable()
    if log_format is LogFormat.JSON:
        entry = json.loads(line)
        assert (entry["message"], entry["field"]) == (f"it says {text}", text)
    else:
        assert line.endswith(f"it says {logs.plain(text)}")


@pytest.mark.parametrize("text", ["plain", "größe 名前 🎉", "", "a  b"])
def test_printable_text_is_not_escaped(text: str) -> None:
    assert logs.plain(text) == text


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_a_traceback_cannot_pass_for_an_entry(capsys: pytest.CaptureFixture[str], log_format: LogFormat) -> None:
    logs.configure(log_format, verbose=False)
    forged = "2026-11-23T12:00:00.000Z INFO djangotasks_operator.election: mallory leads"
    try:
        raise ValueError(f"first\n{forged}\x1b[0m")
    except ValueError:
        logging.getLogger("djangotasks_operator.test").exception("a defect")
    first, *others = said(capsys)
    if log_format is LogFormat.JSON:
        assert not others
        assert forged in json.loads(first)["traceback"]
    else:
        assert first.endswith("a defect")
        assert all(line.startswith("  | ") and line.isprintable() for line in others)
        assert f"  | {forged}\\x1b[0m" in others


FAILED = endings.with_outcome(
    "receipt",
    TaskStatus(),
    Outcome(
        started_at=at(1).isoformat(),
        finished_at=at(2).isoformat(),
        reason=Reason.TASK_ERROR,
        error=ErrorReport(type="shop.SecretError", traceback="Traceback\nSecretError: the user's secret"),
    ),
    Limits(),
    at(2),
)
SUCCEEDED = endings.with_outcome(
    "receipt",
    TaskStatus(phase=Phase.RUNNING),
    Outcome(started_at=at(1).isoformat(), finished_at=at(2).isoformat(), result='"secret"'),
    Limits(),
    at(2),
)


@pytest.mark.parametrize(
    ("old", "new", "message", "fields"),
    [
        (TaskStatus(), FAILED, "shop/receipt: Queued -> Failed (TaskError), queue default, attempt 1",
         {"from_phase": "Queued", "phase": "Failed", "reason": "TaskError", "attempt": 1}),
        (TaskStatus(phase=Phase.RUNNING), SUCCEEDED, "shop/receipt: Running -> Succeeded, queue default, attempt 1",
         {"from_phase": "Running", "phase": "Succeeded", "attempt": 1}),
        (TaskStatus(), transitions.waiting(TaskStatus(), Reason.QUOTA_EXCEEDED, "secret"),
         "shop/receipt: Queued -> Queued (QuotaExceeded), queue default",
         {"from_phase": "Queued", "phase": "Queued", "reason": "QuotaExceeded", "attempt": 0}),
    ],
    ids=["failed", "succeeded", "waits"],
)  # fmt: skip
def test_a_transition(
    capsys: pytest.CaptureFixture[str], old: TaskStatus, new: TaskStatus, message: str, fields: dict[str, Any]
) -> None:
    logs.configure(LogFormat.JSON, verbose=True)
    logs.log_transition(make_task(status=old, payload='{"args":["secret"],"kwargs":{}}'), new)
    (line,) = said(capsys)
    entry = json.loads(line)
    assert entry.pop("time").endswith("Z")
    expected = {"level": "INFO", "logger": "djangotasks_operator.transitions", "message": message}
    expected |= {"namespace": "shop", "task": "receipt", "queue": "default"}
    assert entry == expected | fields
    assert "ecret" not in line


@pytest.mark.parametrize(
    ("name", "level", "quiet", "verbose"),
    [
        ("djangotasks_operator.x", logging.DEBUG, False, True),
        ("djangotasks_operator.x", logging.INFO, True, True),
        ("kopf.activities", logging.INFO, False, True),
        ("kopf.activities", logging.WARNING, True, True),
        ("kopf.objects", logging.INFO, False, False),
        ("aiohttp.access", logging.INFO, False, False),
        ("aiohttp.server", logging.ERROR, True, True),
    ],
)
def test_loggers_have_these_levels(
    capsys: pytest.CaptureFixture[str], name: str, level: int, quiet: bool, verbose: bool
) -> None:
    for flag, expected in ((False, quiet), (True, verbose)):
        logs.configure(LogFormat.TEXT, verbose=flag)
        logging.getLogger(name).log(level, "word")
        assert bool(said(capsys)) is expected


def test_fields_that_kopf_adds_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogFormat.JSON, verbose=False)
    logging.getLogger("kopf.x").warning("word", extra={"settings": object(), "k8s_ref": {}, "field": 1})
    (line,) = said(capsys)
    assert set(json.loads(line)) == {"time", "level", "logger", "message", "field"}
