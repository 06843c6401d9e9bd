"""The fields of the object for programs."""

import json

from django_tasks_kubernetes.presentation.records import record
from django_tasks_kubernetes.presentation.text import DATA_MAX_CHARS
from tests.unit.backend.resources import FAILED, resource

BARE = {"metadata": {"name": "bare"}, "spec": {"task": "shop.tasks.send"}}
FIELDS = [
    "id", "namespace", "task", "queue", "backend", "status", "phase", "reason", "message", "priority", "attempts",
    "interruptions", "progress", "pod", "enqueued_at", "run_after", "started_at", "finished_at", "next_attempt_at",
    "retry_of", "workflow", "step", "index", "schedule", "scheduled_for", "enqueued_by", "cancel",
]  # fmt: skip


def test_record_has_stable_fields() -> None:
    assert list(record(BARE)) == FIELDS
    whole = record(resource(attempts=[FAILED], logTail={"attempt": 1, "text": "x"}), whole=True, payload=True)
    assert list(whole) == [
        *FIELDS, "attempt_list", "log_tail", "payload_ref", "result_ref", "inputs", "payload", "payload_is_cut",
        "result", "result_is_cut",
    ]  # fmt: skip
    assert list(whole["attempt_list"][0]) == [
        "number", "pod", "image", "node", "started_at", "finished_at", "exit_code", "memory_bytes", "memory_limit_bytes", "cpu_seconds", "reason", "message", "exception", "traceback",
    ]  # fmt: skip
    json.dumps(whole)


def test_record_bounds_payload_and_result() -> None:
    text = json.dumps({"args": ["x" * DATA_MAX_CHARS], "kwargs": {}})
    found = resource(spec={"payload": text}, result="9" * DATA_MAX_CHARS)
    made = record(found, payload=True)
    assert (len(made["payload"]), made["payload_is_cut"]) == (DATA_MAX_CHARS + 1, True)
    assert (made["result"], made["result_is_cut"]) == ("9" * DATA_MAX_CHARS, False)
    assert "payload" not in record(found)
