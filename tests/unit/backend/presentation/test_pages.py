"""The page of a task: what is on it, and where its data is."""

import base64
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest

from django_tasks_kubernetes.presentation.pages import attempts, data, facts
from django_tasks_kubernetes.presentation.records import record
from tests.unit.backend.resources import attempt, resource

NOW = datetime(2026, 11, 23, 12, 1, 0, tzinfo=UTC)


def test_page_decompresses_the_payload() -> None:
    packed = base64.b64encode(zlib.compress(b'{"args":[1],"kwargs":{}}')).decode()
    spec = {"payload": packed, "payloadEncoding": "zlib+base64"}
    assert dict(data(resource(spec=spec))) == {"Payload": '{"args":[1],"kwargs":{}}'}
    broken = resource(spec=spec | {"payload": "!"})
    assert (dict(data(broken)), dict(facts(broken, NOW))["Payload"]) == ({}, "cannot be read")


def test_page_names_the_storage_of_large_data() -> None:
    ref = {"storage": "files", "name": "djangotasks/shop/one.payload.json", "size": 200_000, "sha256": "0" * 64}
    found = resource(spec={"payload": "", "payloadRef": ref}, resultRef=ref)
    made = dict(facts(found, NOW))
    assert made["Payload"] == made["Result"] == "200,000 bytes, in the storage 'files' as " + str(ref["name"])
    assert not dict(data(found))
    assert record(found, whole=True)["payload_ref"] == ref


def test_page_names_inputs_that_are_not_in_the_payload() -> None:
    inputs = [{"into": "/args/0", "step": "render", "pointer": "/total"}, {"into": "/args/1"}]
    found = resource(spec={"workflow": {"name": "flow", "step": "sum"}, "inputs": inputs})
    assert [text for label, text in facts(found, NOW) if label == "Input"] == [
        "/args/0: the result of step render at /total, which the pod reads from workflow flow",
        "/args/1: its item, which the pod reads from workflow flow",
    ]
    assert record(found, whole=True)["inputs"] == inputs


@pytest.mark.parametrize(
    ("result", "fact", "shown"),
    [
        ('{"rows": 3}', '{"rows": 3}', False),
        ('"' + "é" * 1023 + '"', '"' + "é" * 1023 + '"', False),
        ('"' + "é" * 1024 + '"', "2,050 bytes", True),
        ('"\x1b[2J"', "6 bytes", True),
        ("null", "null", False),
    ],
)
def test_page_shows_a_small_result_at_once(result: str, fact: str, shown: bool) -> None:
    found = resource(phase="Succeeded", result=result)
    assert dict(facts(found, NOW))["Result"] == fact
    assert ("Result" in dict(data(found))) is shown


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        ({"memoryBytes": 268435456, "cpuSeconds": 4.26}, "Attempt 1 · one-1 · memory 256 MiB · CPU 4.3 s"),
        ({"memoryBytes": 2**40, "cpuSeconds": 0}, "Attempt 1 · one-1 · memory 1,048,576 MiB · CPU 0.0 s"),
        ({"memoryBytes": 2**28, "memoryLimitBytes": 2**29}, "Attempt 1 · one-1 · memory 256 MiB of 512 MiB"),
        ({"memoryLimitBytes": 2**29}, "Attempt 1 · one-1"),
        ({"memoryBytes": 0}, "Attempt 1 · one-1 · memory 0 MiB"),
        ({}, "Attempt 1 · one-1"),
    ],
)
def test_attempt_is_shown_with_what_it_has_used(usage: dict[str, Any], words: str) -> None:
    found = resource(phase="Running", attempts=[{"number": 1, "pod": "one-1", "usage": usage}])
    assert [view.heading for view in attempts(found, NOW)] == [words]
    (row,) = record(found, whole=True)["attempt_list"]
    assert [row[name] for name in ("memory_bytes", "memory_limit_bytes", "cpu_seconds")] == [
        usage.get(name) for name in ("memoryBytes", "memoryLimitBytes", "cpuSeconds")
    ]


def test_page_names_the_phase_and_the_status_of_django_apart() -> None:
    made = dict(facts(resource(phase="Cancelled"), NOW))
    assert (made["Phase"], made["Django status"]) == ("Cancelled", "FAILED")


def test_page_shows_facts_and_attempts() -> None:
    error = {"type": "builtins.KeyError", "traceback": "Traceback:\n  x\nKeyError: 'x'\n"}
    found = resource(
        spec={"cancel": True, "cancelReason": "by \x1bme", "retryOf": "zero", "priority": 5,
              "enqueuedBy": {"name": "parent", "uid": "u", "attempt": 1}},
        phase="Failed", reason="TaskError", message="KeyError: 'x'", interruptions=1,
        finishedAt="2026-11-23T12:00:55Z", nextAttemptAt="2026-11-23T12:03:00Z", logTail={"attempt": 1, "text": "x"},
        attempts=[attempt(startedAt="2026-11-23T12:00:00Z", error=error, reason="TaskError", exitCode=1, image="shop:1", node="n-1",
                          finishedAt="2026-11-23T12:00:09Z")],
    )  # fmt: skip
    made: dict[str, Any] = dict(facts(found, NOW))
    assert made["Phase"] == "Failed"
    assert made["Cancel"] == "requested: by \\x1bme"
    assert made["Finished"] == "2026-11-23 12:00:55 UTC (5s ago)"
    assert made["Next attempt"] == "2026-11-23 12:03:00 UTC (in 2m)"
    assert made["Log"] == "the end of attempt 1's is kept"
    assert (made["Retry of"], made["Enqueued by"]) == ("zero", "parent")
    (shown,) = attempts(found, NOW)
    assert shown.heading == "Attempt 1 · one-1 · started 60s ago, ran 9s · exit code 1 · shop:1 · n-1"
    assert (shown.words, shown.traceback) == ("TaskError", "Traceback:\n  x\nKeyError: 'x'")


def test_page_names_the_schedule_and_its_time() -> None:
    found = dict(facts(resource(spec={"schedule": "nightly", "scheduledFor": "2026-11-23T04:00:00Z"}), NOW))
    assert found["Schedule"] == "nightly"
    assert found["Scheduled for"].startswith("2026-11-23 04:00:00 UTC (")


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (resource(phase="Queued"), "none is known: its queue is full, held or suspended, or no operator watches"),
        (resource(phase="Queued", reason="QueueNotFound"), "QueueNotFound"),
        (resource(phase="Queued", spec={"runAfter": "2026-11-24T12:00:00Z"}), ""),
        (resource(phase="Running"), ""),
    ],
)
def test_page_says_why_a_task_may_wait_of_which_no_reason_is_known(found: dict[str, Any], reason: str) -> None:
    assert dict(facts(found, NOW)).get("Reason", "").startswith(reason)
    assert bool(reason) == ("Reason" in dict(facts(found, NOW)))
