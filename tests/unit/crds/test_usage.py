"""What an attempt says that it has used: numbers within bounds, or nothing."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.bounds import CPU_SECONDS, MEMORY_BYTES, TERMINATION_MESSAGE_MAX_BYTES
from djangotasks_api.outcome import Outcome
from djangotasks_api.reports import ProgressReport
from djangotasks_api.usage import Usage

NOW = "2026-11-23T12:00:00.000001+00:00"


@pytest.mark.parametrize(
    ("data", "memory", "cpu"),
    [
        ({"memoryBytes": 0, "cpuSeconds": 0}, 0, 0.0),
        ({"memoryBytes": MEMORY_BYTES.most, "cpuSeconds": CPU_SECONDS.most}, MEMORY_BYTES.most, CPU_SECONDS.most),
        ({"memoryBytes": MEMORY_BYTES.most + 1, "cpuSeconds": 1}, None, 1.0),
        ({"memoryBytes": 1, "cpuSeconds": CPU_SECONDS.most + 1}, 1, None),
        ({"memoryBytes": -1, "cpuSeconds": 1.23456}, None, 1.235),
        ({"memoryBytes": 1, "cpuSeconds": -0.1}, 1, None),
        ({"memoryBytes": 1.7, "cpuSeconds": 2}, 1, 2.0),
        ({"memoryBytes": 1}, 1, None),
        ({"cpuSeconds": 1e-300}, None, 0.0),
        ({"memoryBytes": "1", "cpuSeconds": 3}, None, 3.0),
        ({"memoryBytes": True, "cpuSeconds": 3}, None, 3.0),
        ({"memoryBytes": [1], "cpuSeconds": {"a": 1}}, None, None),
        ({"memoryBytes": math.nan, "cpuSeconds": math.inf}, None, None),
        ({"memoryBytes": 10**400, "cpuSeconds": 1e308}, None, None),
        ({}, None, None),
        ("1 GiB", None, None),
        ([], None, None),
        (7, None, None),
        (None, None, None),
    ],
)
def test_only_numbers_within_their_bounds_count(data: object, memory: int | None, cpu: float | None) -> None:
    """A result is not lost over anything else."""
    outcome = Outcome.from_json(json.dumps({"finishedAt": NOW, "result": "1", "usage": data}))
    assert outcome.result == "1"
    used = outcome.usage
    assert (used and used.memory_bytes, used and used.cpu_seconds) == (memory, cpu)
    assert (used is None) == (memory is None and cpu is None)


@pytest.mark.parametrize(("limit", "known"), [(2**28, 2**28), (2**53, None), (-1, None), ("max", None), (None, None)])
def test_a_limit_counts_only_within_its_bounds(limit: object, known: int | None) -> None:
    used = Usage.from_data({"memoryBytes": 1, "memoryLimitBytes": limit})
    assert used == Usage(memory_bytes=1, memory_limit_bytes=known)
    assert Usage.from_data({"memoryLimitBytes": limit}) is None


@given(st.none() | st.integers(0, MEMORY_BYTES.most), st.floats(0, 10**7).map(lambda cpu: round(cpu, 3)))
def test_usage_survives_the_journey(memory: int | None, cpu: float) -> None:
    outcome = Outcome(
        started_at=None,
        finished_at=NOW,
        result="1",
        usage=Usage(memory_bytes=memory, memory_limit_bytes=memory, cpu_seconds=cpu),
    )
    assert Outcome.from_json(outcome.to_json()) == outcome
    assert Outcome.from_termination_message(outcome.to_termination_message("token"), ["token"]) == outcome


def test_a_termination_message_drops_usage_after_progress_and_before_the_result() -> None:
    used, progress = Usage(memory_bytes=123456789, cpu_seconds=1.5), ProgressReport(started_at=NOW, message="x" * 50)
    seen = set()
    for count in range(3600, TERMINATION_MESSAGE_MAX_BYTES):
        outcome = Outcome(started_at=NOW, finished_at=NOW, result="1" * count, progress=progress, usage=used)
        kept = Outcome.from_termination_message(outcome.to_termination_message("token"), ["token"])
        seen.add((kept.progress is not None, kept.usage is not None, kept.result is not None))
    assert seen == {(True, True, True), (False, True, True), (False, False, True), (False, False, False)}
