"""Assignments for tests."""

from __future__ import annotations

from typing import Any

from djangotasks_api.assignment import Assignment


def make_assignment(payload: str = "{}", **changes: Any) -> Assignment:
    fields: dict[str, Any] = {
        "id": "receipt", "namespace": "shop", "uid": "u", "attempt": 1, "worker_id": "receipt-1", "task": "shop.tasks.x",
        "queue": "default", "backend": "default", "priority": 0, "enqueued_at": "", "run_after": None, "worker_ids": (),
        "started_at": None, "url": "http://10.0.0.1", "token": "t", "payload": payload,
    }  # fmt: skip
    return Assignment(**fields | changes)
