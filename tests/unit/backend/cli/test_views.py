"""What is shown of a task: whatever is in it, and whatever is not."""

import base64
import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_tasks_kubernetes.cli import views
from tests.unit.backend.cli.resources import FAILED, attempt, resource

NOW = datetime(2026, 11, 23, 12, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (200, "3m20s"), (600, "10m"), (3 * 3600, "3h"),
     (3 * 3600 + 60, "3h1m"), (9 * 3600 + 60, "9h"), (48 * 3600, "2d"), (400 * 86400, "400d")],
)  # fmt: skip
def test_ages_are_as_kubectl_writes_them(seconds: int, text: str) -> None:
    assert views.age(NOW - timedelta(seconds=seconds), NOW) == text
    assert views.age(None, NOW) == ""


@pytest.mark.parametrize(
    ("text", "lines", "shown"),
    [
        ("plain é 名前 🎉", False, "plain é 名前 🎉"),
        ("\x1b[31mred\x07", False, "\\x1b[31mred\\x07"),
        ("one\ntwo\tx", False, "one\\ntwo\\tx"),
        ("one\ntwo\tx\r", True, "one\ntwo\tx\\r"),
        ("\u202eevil\u2028", True, "\\u202eevil\\u2028"),
        ("non-breaking\u00a0space", False, "non-breaking\u00a0space"),
    ],
)
def test_nothing_in_a_text_moves_a_cursor(text: str, lines: bool, shown: str) -> None:
    assert views.safe(text, lines=lines) == shown


BARE = {"metadata": {"name": "bare"}, "spec": {"task": "shop.tasks.send"}}


def test_a_row_of_what_is_hardly_there() -> None:
    row = views.row(BARE)
    assert (row.phase, row.status, row.queue, row.attempts, row.pod, row.enqueued_at) == (
        "Queued", "READY", "default", 0, "", None,
    )  # fmt: skip
    assert views.columns(row, NOW, wide=True, namespaces=True)["AGE"] == ""


def test_a_row_of_all_there_is() -> None:
    found = resource(
        phase="Running", reason="NodeLost", startedAt="2026-11-23T12:00:30Z", attempts=[FAILED, attempt(2)],
        progress={"done": 3, "total": 10, "text": "3/10", "message": "three\x07", "attempt": 2},
    )  # fmt: skip
    row = views.row(found)
    assert (row.attempts, row.pod, row.done, row.total, row.message) == (2, "one-2", 3, 10, "three\\x07")
    assert views.columns(row, NOW, wide=False, namespaces=False) == {
        "ID": "one", "TASK": "shop.tasks.send", "QUEUE": "mail", "PHASE": "Running", "PROGRESS": "3/10",
        "ATTEMPTS": "2", "REASON": "NodeLost", "AGE": "60s",
    }  # fmt: skip
    assert list(views.columns(row, NOW, wide=True, namespaces=True))[::7] == ["NAMESPACE", "REASON"]


def test_a_phase_that_only_a_newer_operator_knows() -> None:
    row = views.row(resource(phase="Paused", conditions=[{"type": "Complete", "status": "True"}]))
    assert (row.phase, row.status, row.is_finished) == ("Paused", "SUCCESSFUL", True)


FIELDS = [
    "id", "namespace", "task", "queue", "backend", "status", "phase", "reason", "message", "priority", "attempts",
    "interruptions", "progress", "pod", "enqueued_at", "run_after", "started_at", "finished_at", "next_attempt_at",
    "retry_of", "cancel",
]  # fmt: skip


def test_the_fields_of_the_object_for_programs_stay() -> None:
    assert list(views.record(BARE)) == FIELDS
    whole = views.record(resource(attempts=[FAILED], logTail={"attempt": 1, "text": "x"}), whole=True, payload=True)
    assert list(whole) == [
        *FIELDS, "attempt_list", "log_tail", "payload_ref", "result_ref", "payload", "payload_is_cut", "result",
        "result_is_cut",
    ]  # fmt: skip
    assert list(whole["attempt_list"][0]) == [
        "number", "pod", "image", "started_at", "finished_at", "exit_code", "reason", "message", "exception", "traceback",
    ]  # fmt: skip
    json.dumps(whole)


def test_payload_and_result_are_bounded() -> None:
    text = json.dumps({"args": ["x" * views.DATA_MAX_CHARS], "kwargs": {}})
    found = resource(spec={"payload": text}, result="9" * views.DATA_MAX_CHARS)
    record = views.record(found, payload=True)
    assert (len(record["payload"]), record["payload_is_cut"]) == (views.DATA_MAX_CHARS + 1, True)
    assert (record["result"], record["result_is_cut"]) == ("9" * views.DATA_MAX_CHARS, False)
    assert "payload" not in views.record(found)
    assert dict(views.facts(found, NOW))["Payload"] == f"{len(text):,} bytes"


def test_a_packed_payload_is_unpacked_and_a_broken_one_is_not() -> None:
    packed = base64.b64encode(zlib.compress(b'{"args":[1],"kwargs":{}}')).decode()
    spec = {"payload": packed, "payloadEncoding": "zlib+base64"}
    assert dict(views.data(resource(spec=spec))) == {"Payload": '{"args":[1],"kwargs":{}}'}
    broken = resource(spec=spec | {"payload": "!"})
    assert (dict(views.data(broken)), dict(views.facts(broken, NOW))["Payload"]) == ({}, "cannot be read")


def test_what_is_in_a_storage_is_shown_as_where_it_is() -> None:
    ref = {"storage": "files", "name": "djangotasks/shop/one.payload.json", "size": 200_000, "sha256": "0" * 64}
    found = resource(spec={"payload": "", "payloadRef": ref}, resultRef=ref)
    facts = dict(views.facts(found, NOW))
    assert facts["Payload"] == facts["Result"] == "200,000 bytes, in the storage 'files' as " + str(ref["name"])
    assert not dict(views.data(found))
    assert views.record(found, whole=True)["payload_ref"] == ref


def test_a_page_has_what_matters() -> None:
    error = {"type": "builtins.KeyError", "traceback": "Traceback:\n  x\nKeyError: 'x'\n"}
    found = resource(
        spec={"cancel": True, "cancelReason": "by \x1bme", "retryOf": "zero", "priority": 5},
        phase="Failed", reason="TaskError", message="KeyError: 'x'", interruptions=1,
        finishedAt="2026-11-23T12:00:55Z", nextAttemptAt="2026-11-23T12:03:00Z", logTail={"attempt": 1, "text": "x"},
        attempts=[attempt(startedAt="2026-11-23T12:00:00Z", error=error, reason="TaskError", exitCode=1, image="shop:1",
                          finishedAt="2026-11-23T12:00:09Z")],
    )  # fmt: skip
    facts: dict[str, Any] = dict(views.facts(found, NOW))
    assert facts["Phase"] == "Failed"
    assert facts["Cancel"] == "requested: by \\x1bme"
    assert facts["Finished"] == "2026-11-23 12:00:55 UTC (5s ago)"
    assert facts["Next attempt"] == "2026-11-23 12:03:00 UTC (in 2m)"
    assert facts["Log"] == "the end of attempt 1's is kept"
    assert facts["Retry of"] == "zero"
    (shown,) = views.attempts(found, NOW)
    assert shown.heading == "Attempt 1 · one-1 · started 60s ago, ran 9s · exit code 1 · shop:1"
    assert (shown.words, shown.traceback) == ("TaskError", "Traceback:\n  x\nKeyError: 'x'")
