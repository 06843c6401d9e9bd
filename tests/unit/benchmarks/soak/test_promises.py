"""The reckoning of a soak finds what is wrong: else a soak that finds nothing would say nothing."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.fates import Fate
from benchmarks.soak.promises import Ask, Life, Promise, orphans, problems
from djangotasks_api.bounds import INTERRUPTIONS_MAX


def attempt(number: int, reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"number": number, "job": f"t-{number}", "finishedAt": "2026-01-01T00:00:00Z", "reason": reason} | fields


def status(phase: str, *attempts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"phase": phase, "attempts": list(attempts), "interruptions": 0} | fields


def interrupted(count: int) -> dict[str, Any]:
    attempts = [attempt(number, "PodDeleted") for number in range(1, count + 1)]
    return status("Failed", *attempts, interruptions=count, reason="TooManyInterruptions")


SUCCEEDED = status("Succeeded", attempt(1), result="3")
KEPT = [
    (Promise("t", Fate.SUCCEED), SUCCEEDED),
    (Promise("t", Fate.SUCCEED), status("Succeeded", attempt(1, "PodDeleted"), attempt(2), result="3", interruptions=1)),
    (Promise("t", Fate.FLAKY), status("Succeeded", attempt(1, "TaskError"), attempt(2), result="3")),
    (Promise("t", Fate.FAIL), status("Failed", attempt(1, "TaskError"), attempt(2, "TaskError"), reason="TaskError")),
    (Promise("t", Fate.OOM), status("Failed", attempt(1, "OOMKilled"), attempt(2, "OOMKilled"), reason="OOMKilled")),
    (Promise("t", Fate.NEVER, Ask.CANCEL), status("Cancelled", attempt(1, "CancelRequested"), reason="CancelRequested")),
    (Promise("t", Fate.NEVER, Ask.CANCEL), interrupted(INTERRUPTIONS_MAX + 1)),
]  # fmt: skip


@pytest.mark.parametrize(("promise", "seen"), KEPT)
def test_kept(promise: Promise, seen: dict[str, Any]) -> None:
    assert problems(promise, Life(seen)) == []


BROKEN = [
    (status("Queued"), "phase Queued, not Succeeded"),
    (status("Failed", attempt(1, "NodeLost"), reason="NodeLost", interruptions=1), "phase Failed, not Succeeded"),
    (interrupted(INTERRUPTIONS_MAX), "reason TooManyInterruptions, not "),
    (status("Succeeded", attempt(1)), "no result"),
    (status("Succeeded", attempt(1, "TaskError"), attempt(2), result="3"), "1 attempts failed: ['t-1: TaskError ']"),
    (status("Succeeded", attempt(1), attempt(3), result="3"), "2 attempts are not in order"),
    (status("Succeeded", attempt(1, "PodDeleted"), attempt(2), result="3"), "1 interruptions, and 0 counted"),
    (status("Succeeded", attempt(1, finishedAt=None), result="3"), "an attempt has no end"),
]


@pytest.mark.parametrize(("seen", "problem"), BROKEN)
def test_broken(seen: dict[str, Any], problem: str) -> None:
    assert problem in problems(Promise("t", Fate.SUCCEED), Life(seen))


def test_what_happened_on_the_way() -> None:
    life = Life(pods={"t-1": {"a", "b"}, "t-2": {"c"}})
    life.see(status("Failed", reason="TaskError"))
    life.see(SUCCEEDED)
    assert problems(Promise("t", Fate.SUCCEED), life) == [
        "a terminal phase moved: Failed → Succeeded",
        "the pod t-1 was made 2 times",
    ]


def test_what_was_deleted_is_gone() -> None:
    promise = Promise("t", Fate.SUCCEED, Ask.DELETE)
    assert problems(promise, Life(SUCCEEDED)) == ["was deleted, and is still there"]
    assert problems(promise, Life(gone=True)) == []


def test_orphans() -> None:
    pods = {"a-1": "a", "warm-0f": "a", "c-2": "c"}
    assert orphans(["a-1", "b-1"], pods, ["a"]) == ["Job b-1", "Pod c-2"]
