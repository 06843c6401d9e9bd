from __future__ import annotations

from typing import Any

from tests.benchmarks.concurrency import Running
from tests.benchmarks.retry_lateness import Due
from tests.benchmarks.versions import changed


def pod(name: str, phase: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"phase": phase}}


def test_what_runs_at_once_is_counted_at_each_change() -> None:
    running = Running()
    for name, phase in [
        ("a", "Pending"), ("b", "Pending"), ("a", "Running"), ("a", "Succeeded"), ("c", "Pending"), ("b", "Failed"),
    ]:  # fmt: skip
        running.end_of(pod(name, phase))
    assert (running.most, running.now) == (2, {"c"})


def test_the_due_time_is_kept_when_the_status_no_longer_has_it() -> None:
    due = Due()
    for status in ({}, {"phase": "Retrying", "nextAttemptAt": "soon"}, {"phase": "Succeeded"}):
        end = due.end_of({"metadata": {"name": "a"}, "status": status})
    assert (due.at, end) == ({"a": "soon"}, "Succeeded")


def test_what_changed() -> None:
    assert changed({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"}) == {"b", "c", "d"}
