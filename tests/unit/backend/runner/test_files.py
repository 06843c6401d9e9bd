"""Large arguments and results of a task, in the pod."""

import json
import math
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import override_settings

from django_tasks_kubernetes.codec.compression import compress
from django_tasks_kubernetes.runner import progress
from django_tasks_kubernetes.storage import files
from django_tasks_kubernetes.storage.files import Files
from djangotasks_api.bounds import RESULT_MAX_BYTES
from djangotasks_api.phases import Reason
from tests.unit.backend.pod import Pod
from tests.unit.backend.runner.conftest import Run


def stored_payload(*args: Any) -> dict[str, Any]:
    text = json.dumps({"args": args, "kwargs": {}})
    return {"payload": "", "payload_ref": Files("tasks", 1000).write("shop", "t1", "payload", text)}


def test_runner_reads_arguments_from_a_storage(run: Run, pod: Pod, storage: Path) -> None:
    assert run("echo", **stored_payload(1, "é")) == 0
    assert pod.outcome.result == '{"args":[1,"\\u00e9"],"kwargs":{}}'


def test_runner_decompresses_arguments(run: Run, pod: Pod) -> None:
    packed = compress(json.dumps({"args": ["x" * 1000], "kwargs": {}}))
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
def test_runner_reports_arguments_that_cannot_be_read(
    run: Run, pod: Pod, storage: Path, monkeypatch: pytest.MonkeyPatch, spoil: Any, words: str, retryable: bool
) -> None:
    for wait in ("RETRY_WAIT_SECONDS", "RETRY_WAIT_MAX_SECONDS"):
        monkeypatch.setattr(files, wait, math.inf)
    changes = stored_payload(1)
    spoil(storage / changes["payload_ref"].name)
    assert run("echo", **changes) == 1
    outcome = pod.outcome
    assert (outcome.reason, outcome.retryable) == (Reason.PAYLOAD_UNAVAILABLE, retryable)
    assert outcome.error is not None
    assert outcome.error.type == "django_tasks_kubernetes.exceptions.PayloadUnavailable"
    assert words in outcome.error.traceback


def test_runner_reports_a_storage_that_cannot_be_made_here(
    run: Run, pod: Pod, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wait in ("RETRY_WAIT_SECONDS", "RETRY_WAIT_MAX_SECONDS"):
        monkeypatch.setattr(files, wait, math.inf)
    changes = stored_payload(1)
    unusable = {"tasks": {"BACKEND": "tests.unit.backend.storage.test_files.Unusable"}}
    with override_settings(STORAGES=unusable):
        assert run("echo", **changes) == 1
    assert (pod.outcome.reason, pod.outcome.retryable) == (Reason.PAYLOAD_UNAVAILABLE, True)
    assert pod.outcome.error is not None
    assert "bucket_name must be set" in pod.outcome.error.traceback


def test_runner_stores_a_large_result(run: Run, pod: Pod, storage: Path) -> None:
    assert run("returns_text", RESULT_MAX_BYTES) == 0
    ref = pod.outcome.result_ref
    assert ref is not None
    assert ref.belongs_to("shop", "t1")
    assert (storage / ref.name).read_text() == f'"{"x" * RESULT_MAX_BYTES}"'
    # It is in the termination message, even if the operator is away for long.
    assert pod.left_outcome == pod.outcome


def test_runner_reports_a_result_that_cannot_be_stored(
    run: Run, pod: Pod, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wait in ("RETRY_WAIT_SECONDS", "RETRY_WAIT_MAX_SECONDS"):
        monkeypatch.setattr(files, wait, math.inf)
    storage.write_text("in the way")
    assert run("returns_text", RESULT_MAX_BYTES) == 1
    assert (pod.outcome.reason, pod.outcome.retryable) == (Reason.RESULT_NOT_STORED, True)
    assert pod.outcome.error is not None
    assert "did not take a file of 524,290 bytes" in pod.outcome.error.traceback


def test_runner_offers_a_result_to_a_storage_that_is_about_to_come_back(
    run: Run, pod: Pod, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task has run, perhaps for hours."""
    monkeypatch.setattr(files, "RETRY_WAIT_SECONDS", 0.0)
    storage.write_text("in the way")
    tries = []

    def write(self: Files, *args: Any, was: Any = Files.write) -> Any:
        tries.append(1)
        if len(tries) == 20:
            storage.unlink()
        return was(self, *args)

    monkeypatch.setattr(Files, "write", write)
    assert run("returns_text", RESULT_MAX_BYTES) == 0
    assert (len(tries), pod.outcome.result_ref is not None) == (20, True)


def test_runner_is_alive_while_a_result_waits_for_its_storage(
    run: Run, pod: Pod, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task's own heartbeats have ended with it, and without them the operator would stop the attempt."""
    monkeypatch.setattr(progress, "INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(progress, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(files, "RETRY_WAIT_SECONDS", 60.0)
    storage.write_text("in the way")

    def beats() -> list[str]:
        return [request.path for request in pod.server.requests if request.path.endswith("/progress")]

    def sleep(seconds: float) -> None:
        if len(beats()) > 2:
            storage.unlink(missing_ok=True)
            monkeypatch.setattr(files, "time", SimpleNamespace(monotonic=lambda: math.inf, sleep=sleep))
        time.sleep(0.01)

    monkeypatch.setattr(files, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
    assert run("returns_text", RESULT_MAX_BYTES, report_seconds=300, heartbeat_timeout=0.04) == 0
    assert len(beats()) > 2


def test_runner_reports_a_result_that_is_too_large(run: Run, pod: Pod) -> None:
    assert run("returns_text", RESULT_MAX_BYTES) == 1
    assert (pod.outcome.reason, pod.outcome.retryable) == (Reason.RESULT_TOO_LARGE, False)
