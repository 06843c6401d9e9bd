"""How outcomes and failures change a status."""

from __future__ import annotations

import pytest

from djangotasks_api.models import Attempt, AttemptError, Backoff, TaskStatus
from djangotasks_api.names import MESSAGE_MAX_CHARS, RESULT_MAX_BYTES, TRACEBACK_MAX_BYTES
from djangotasks_api.outcome import ErrorReport, Outcome
from djangotasks_api.phases import Phase, Reason
from djangotasks_api.stored import TextRef
from djangotasks_operator.policy import MAX_INTERRUPTIONS, Limits
from djangotasks_operator.transitions import (
    OLD_MESSAGE_MAX_CHARS,
    OLD_TRACEBACK_MAX_CHARS,
    died,
    failed_attempt,
    summary,
    told_at,
    with_outcome,
)
from tests.support.builders import NOW, at, make_attempt

STARTED, FINISHED = "2026-11-23T11:59:50+00:00", "2026-11-23T11:59:59+00:00"
TRACEBACK = "Traceback (most recent call last):\n  File x\nValueError: no such order\n"


def success(result: str | None = "42") -> Outcome:
    return Outcome(started_at=STARTED, finished_at=FINISHED, result=result)


def failure(*, retryable: bool = True, traceback: str = TRACEBACK) -> Outcome:
    return Outcome(
        started_at=STARTED,
        finished_at=FINISHED,
        reason=Reason.TASK_ERROR,
        error=ErrorReport(type="builtins.ValueError", traceback=traceback),
        retryable=retryable,
    )


def test_success() -> None:
    status = with_outcome("receipt", TaskStatus(), success(), Limits(), NOW)
    assert (status.phase, status.result, status.reason) == (Phase.SUCCEEDED, "42", None)
    assert (status.started_at, status.finished_at) == (at(-10), at(-1))
    assert status.attempts == [make_attempt(started_at=at(-10), finished_at=at(-1))]
    assert [condition.type for condition in status.conditions] == ["Complete"]


def test_success_whose_result_is_in_a_storage() -> None:
    ref = TextRef(storage="tasks", name="djangotasks/shop/receipt.result-1.0.json", size=2**30, sha256="0" * 64)
    outcome = Outcome(started_at=STARTED, finished_at=FINISHED, result_ref=ref)
    status = with_outcome("receipt", TaskStatus(), outcome, Limits(), NOW)
    assert (status.phase, status.result, status.reason) == (Phase.SUCCEEDED, None, None)
    assert status.result_ref is not None
    assert status.result_ref.model_dump() == ref.to_data()


def test_failure_is_final_without_attempts_left() -> None:
    status = with_outcome("receipt", TaskStatus(), failure(), Limits(), NOW)
    assert (status.phase, status.reason, status.message) == (
        Phase.FAILED, Reason.TASK_ERROR, "ValueError: no such order")  # fmt: skip
    assert status.attempts[0].error == AttemptError(type="builtins.ValueError", traceback=TRACEBACK)
    assert [condition.type for condition in status.conditions] == ["Failed"]


def test_failure_is_tried_again_after_the_backoff() -> None:
    limits = Limits(max_attempts=3, backoff=Backoff(initial_seconds=10, factor=3, max_seconds=20))
    status = with_outcome("receipt", TaskStatus(), failure(), limits, NOW)
    assert (status.phase, status.next_attempt_at, status.conditions) == (Phase.RETRYING, at(10), [])
    status = with_outcome("receipt", status, failure(), limits, NOW)
    assert (status.phase, status.next_attempt_at) == (Phase.RETRYING, at(20))
    status = with_outcome("receipt", status, failure(), limits, NOW)
    assert (status.phase, [attempt.number for attempt in status.attempts]) == (Phase.FAILED, [1, 2, 3])


def test_what_cannot_get_better_is_not_tried_again() -> None:
    status = with_outcome("receipt", TaskStatus(), failure(retryable=False), Limits(max_attempts=5), NOW)
    assert status.phase is Phase.FAILED


@pytest.mark.parametrize(
    "result", [None, "x" * (RESULT_MAX_BYTES + 1), "é" * (RESULT_MAX_BYTES // 2 + 1)], ids=["none", "long", "bytes"]
)
def test_a_result_that_is_lost_is_no_success(result: str | None) -> None:
    status = with_outcome("receipt", TaskStatus(), success(result), Limits(), NOW)
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.RESULT_LOST)


def test_interruptions_and_failures_are_counted_apart() -> None:
    limits = Limits(max_attempts=2)
    status = died("receipt", TaskStatus(), Reason.EVICTED, "evicted", limits, NOW)
    status = died("receipt", status, Reason.NODE_LOST, "lost", limits, NOW)
    assert (status.phase, status.interruptions) == (Phase.RETRYING, 2)
    status = died("receipt", status, Reason.OOM_KILLED, "oom", limits, NOW)
    assert (status.phase, status.interruptions) == (Phase.RETRYING, 2)
    status = died("receipt", status, Reason.OOM_KILLED, "oom", limits, NOW)
    assert (status.phase, len(status.attempts)) == (Phase.FAILED, 4)


@pytest.mark.parametrize("character", ["x", "名", "🎉"])
def test_a_status_stays_far_below_what_etcd_takes(character: str) -> None:
    """With as many failures as there can be, each at its limits, in scripts of up to four bytes a character."""
    limits = Limits(max_attempts=100)
    long = ErrorReport(type=character * 600, traceback=character * 2 * TRACEBACK_MAX_BYTES + "\n" + character * 2000)
    status = TaskStatus()
    for _ in range(MAX_INTERRUPTIONS):
        status = died("receipt", status, Reason.EVICTED, character * 2000, limits, NOW)
    for _ in range(100):
        outcome = Outcome(started_at=STARTED, finished_at=FINISHED, reason=Reason.TASK_ERROR, error=long)
        status = with_outcome("receipt", status, outcome, limits, NOW)
    assert len(status.attempts) == 110
    assert len(status.model_dump_json(by_alias=True).encode()) < 750 * 1024
    # What was last is there in full.
    last, first = status.attempts[-1], status.attempts[10]
    assert last.error
    assert first.error
    assert len(last.error.traceback) > TRACEBACK_MAX_BYTES - 20
    assert (len(last.message or ""), len(first.message or "")) == (MESSAGE_MAX_CHARS, OLD_MESSAGE_MAX_CHARS)
    assert len(first.error.traceback) == OLD_TRACEBACK_MAX_CHARS
    TaskStatus.model_validate(status.model_dump())


def test_a_status_is_never_changed_in_place() -> None:
    status = TaskStatus(attempts=[make_attempt(started_at=at(-5))], phase=Phase.RUNNING)
    before = status.model_dump()
    with_outcome("receipt", status, failure(), Limits(), NOW)
    died("receipt", status, Reason.EVICTED, "", Limits(), NOW)
    assert status.model_dump() == before


@pytest.mark.parametrize(
    ("traceback", "expected"),
    [
        (TRACEBACK, "ValueError: no such order"),
        ("", ""),
        ("  indented only", "  indented only"),
        ("ExceptionGroup: two\n  | more\n", "ExceptionGroup: two"),
    ],
)
def test_summary(traceback: str, expected: str) -> None:
    assert summary(traceback) == expected


def test_a_message_of_the_kubelet_is_bounded() -> None:
    attempt = Attempt(number=1, job="a-1", pod="a-1", finished_at=NOW, reason=Reason.PROCESS_EXITED, message="m")
    status = failed_attempt(TaskStatus(), attempt, Limits(), NOW)
    assert status.message == "m"
    assert len(died("a", TaskStatus(), Reason.OOM_KILLED, "m" * 5000, Limits(), NOW).message or "") <= 1024


def later(seconds: float) -> Outcome:
    error = ErrorReport(type="x.RetryLater", traceback="RetryLater: in 5 s\n")
    return Outcome(started_at=STARTED, finished_at=FINISHED, reason=Reason.TASK_ERROR, error=error, retry_after=seconds)


def test_a_task_says_when_to_try_it_again() -> None:
    limits = Limits(max_attempts=2, backoff=Backoff(initial_seconds=600))
    status = with_outcome("receipt", TaskStatus(), later(5), limits, NOW)
    assert (status.phase, status.next_attempt_at) == (Phase.RETRYING, at(5))
    assert told_at(status, limits) == NOW
    status = with_outcome("receipt", status, later(5), limits, NOW)
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.TASK_ERROR)
    assert status.message == "No attempt of maxAttempts (2) is left to try again later. RetryLater: in 5 s"


@pytest.mark.parametrize("jitter", [False, True])
def test_when_the_end_was_told_is_known_from_the_status(jitter: bool) -> None:
    limits = Limits(max_attempts=3, backoff=Backoff(initial_seconds=60, jitter=jitter))
    status = TaskStatus()
    for seconds in (0, 100):
        status = with_outcome("receipt", status, failure(), limits, at(seconds))
        assert told_at(status, limits) == at(seconds)


def test_a_reason_that_the_policy_does_not_retry() -> None:
    limits = Limits(max_attempts=5, never_retry_on=("OOMKilled",))
    assert died("receipt", TaskStatus(), Reason.OOM_KILLED, "", limits, NOW).phase is Phase.FAILED
    assert died("receipt", TaskStatus(), Reason.PROCESS_EXITED, "", limits, NOW).phase is Phase.RETRYING
    assert died("receipt", TaskStatus(), Reason.EVICTED, "", limits, NOW).phase is Phase.RETRYING
