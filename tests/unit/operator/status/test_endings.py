"""How outcomes and failures change a status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from djangotasks_api.bounds import INTERRUPTIONS_MAX, MESSAGE_MAX_CHARS, RESULT_MAX_BYTES, TRACEBACK_MAX_BYTES
from djangotasks_api.failure import ErrorReport
from djangotasks_api.models import AttemptError, AttemptUsage, Backoff, TaskStatus
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase, Reason
from djangotasks_api.stored import TextRef
from djangotasks_api.text import stored_bytes
from djangotasks_api.usage import Usage
from djangotasks_operator.scheduling.limits import Limits
from djangotasks_operator.status.endings import attempt_ended_without_outcome, cancelled, with_outcome
from djangotasks_operator.status.text import OLD_MESSAGE_MAX_BYTES, OLD_TRACEBACK_MAX_BYTES
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


def test_a_success_is_stored() -> None:
    status = with_outcome("receipt", TaskStatus(), success(), Limits(), NOW)
    assert (status.phase, status.result, status.reason) == (Phase.SUCCEEDED, "42", None)
    assert (status.started_at, status.finished_at) == (at(-10), at(-1))
    assert status.attempts == [make_attempt(started_at=at(-10), finished_at=at(-1), recorded_at=NOW)]
    assert [condition.type for condition in status.conditions] == ["Complete"]


@pytest.mark.parametrize("outcome", [success(), failure(), success(None)], ids=["success", "failure", "lost result"])
def test_what_an_attempt_has_used_is_stored(outcome: Outcome) -> None:
    used = Usage(memory_bytes=104_857_600, memory_limit_bytes=2**28, cpu_seconds=2.5)
    status = with_outcome("receipt", TaskStatus(), replace(outcome, usage=used), Limits(), NOW)
    assert status.attempts[0].usage == AttemptUsage(memory_bytes=104_857_600, memory_limit_bytes=2**28, cpu_seconds=2.5)
    assert with_outcome("receipt", TaskStatus(), outcome, Limits(), NOW).attempts[0].usage is None


@pytest.mark.parametrize("memory", [None, 2**29])
def test_memory_at_the_end_is_stored_without_an_outcome(memory: int | None) -> None:
    status = attempt_ended_without_outcome(
        "receipt", TaskStatus(), Reason.OOM_KILLED, "", Limits(), NOW, memory_limit_bytes=memory
    )
    all_of_it = AttemptUsage(memory_bytes=2**29, memory_limit_bytes=2**29)
    assert status.attempts[0].usage == (None if memory is None else all_of_it)


def test_a_result_in_a_storage_is_referenced() -> None:
    ref = TextRef(storage="tasks", name="djangotasks/shop/receipt.result-1.0.json", size=2**30, sha256="0" * 64)
    outcome = Outcome(started_at=STARTED, finished_at=FINISHED, result_ref=ref)
    status = with_outcome("receipt", TaskStatus(), outcome, Limits(), NOW)
    assert (status.phase, status.result, status.reason) == (Phase.SUCCEEDED, None, None)
    assert status.result_ref is not None
    assert status.result_ref.model_dump() == ref.to_data()


@pytest.mark.parametrize("length", [None, 0, 3])
def test_the_length_of_a_result_is_stored(length: int | None) -> None:
    outcome = Outcome(started_at=STARTED, finished_at=FINISHED, result="[]", length=length)
    assert with_outcome("receipt", TaskStatus(), outcome, Limits(), NOW).result_length == length


def test_a_failure_is_final_without_attempts_left() -> None:
    status = with_outcome("receipt", TaskStatus(), failure(), Limits(), NOW)
    assert (status.phase, status.reason, status.message) == (
        Phase.FAILED, Reason.TASK_ERROR, "ValueError: no such order")  # fmt: skip
    assert status.attempts[0].error == AttemptError(type="builtins.ValueError", traceback=TRACEBACK)
    assert [condition.type for condition in status.conditions] == ["Failed"]


def test_a_failure_is_retried_after_the_backoff() -> None:
    limits = Limits(max_attempts=3, backoff=Backoff(initial_seconds=10, factor=3, max_seconds=20))
    status = with_outcome("receipt", TaskStatus(), failure(), limits, NOW)
    assert (status.phase, status.next_attempt_at, status.conditions) == (Phase.RETRYING, at(10), [])
    status = with_outcome("receipt", status, failure(), limits, NOW)
    assert (status.phase, status.next_attempt_at) == (Phase.RETRYING, at(20))
    status = with_outcome("receipt", status, failure(), limits, NOW)
    assert (status.phase, [attempt.number for attempt in status.attempts]) == (Phase.FAILED, [1, 2, 3])


def test_a_non_retryable_failure_is_final() -> None:
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
    status = attempt_ended_without_outcome("receipt", TaskStatus(), Reason.EVICTED, "evicted", limits, NOW)
    status = attempt_ended_without_outcome("receipt", status, Reason.NODE_LOST, "lost", limits, NOW)
    assert (status.phase, status.interruptions) == (Phase.RETRYING, 2)
    status = attempt_ended_without_outcome("receipt", status, Reason.OOM_KILLED, "oom", limits, NOW)
    assert (status.phase, status.interruptions) == (Phase.RETRYING, 2)
    status = attempt_ended_without_outcome("receipt", status, Reason.OOM_KILLED, "oom", limits, NOW)
    assert (status.phase, len(status.attempts)) == (Phase.FAILED, 4)


@pytest.mark.parametrize("character", ["<", *(pytest.param(one, marks=pytest.mark.thorough) for one in "x名🎉")])
@pytest.mark.thorough
def test_a_status_stays_far_below_what_etcd_takes(character: str) -> None:
    """With as many failures as there can be, each at its limits, in scripts of up to four bytes a character."""
    limits = Limits(max_attempts=100)
    long = ErrorReport(
        type=character * 600, traceback=character * 2 * TRACEBACK_MAX_BYTES, message=character * 2 * MESSAGE_MAX_CHARS
    )
    status = TaskStatus()
    for _ in range(INTERRUPTIONS_MAX):
        status = attempt_ended_without_outcome("receipt", status, Reason.EVICTED, character * 2000, limits, NOW)
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
    assert len(last.message or "") == MESSAGE_MAX_CHARS
    assert 100 < stored_bytes(first.message or "") <= OLD_MESSAGE_MAX_BYTES
    assert 200 < stored_bytes(first.error.traceback) <= OLD_TRACEBACK_MAX_BYTES
    TaskStatus.model_validate(status.model_dump())


def test_a_status_is_never_changed_in_place() -> None:
    status = TaskStatus(attempts=[make_attempt(started_at=at(-5))], phase=Phase.RUNNING)
    before = status.model_dump()
    with_outcome("receipt", status, failure(), Limits(), NOW)
    attempt_ended_without_outcome("receipt", status, Reason.EVICTED, "", Limits(), NOW)
    assert status.model_dump() == before


def later(seconds: float) -> Outcome:
    error = ErrorReport(type="x.RetryLater", traceback="RetryLater: in 5 s\n")
    return Outcome(started_at=STARTED, finished_at=FINISHED, reason=Reason.TASK_ERROR, error=error, retry_after=seconds)


def test_a_task_may_choose_when_it_is_retried() -> None:
    limits = Limits(max_attempts=2, backoff=Backoff(initial_seconds=600))
    status = with_outcome("receipt", TaskStatus(), later(5), limits, NOW)
    assert (status.phase, status.next_attempt_at) == (Phase.RETRYING, at(5))
    status = with_outcome("receipt", status, later(5), limits, NOW)
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.TASK_ERROR)
    assert status.message == "No attempt of maxAttempts (2) is left to try again later. RetryLater: in 5 s"


ENDINGS: dict[str, Callable[[datetime], TaskStatus]] = {
    "a success": lambda now: with_outcome("receipt", TaskStatus(), success(), Limits(), now),
    "a retry": lambda now: with_outcome("receipt", TaskStatus(), failure(), Limits(max_attempts=2), now),
    "a failure": lambda now: with_outcome("receipt", TaskStatus(), failure(), Limits(), now),
    "a dead process": lambda now: attempt_ended_without_outcome(
        "receipt", TaskStatus(), Reason.OOM_KILLED, "", Limits(), now, finished_at=at(-1)
    ),
    "an interruption": lambda now: attempt_ended_without_outcome(
        "receipt", TaskStatus(), Reason.EVICTED, "", Limits(), now, finished_at=at(-1)
    ),
    "a cancellation": lambda now: cancelled("receipt", TaskStatus(), now, begun=True),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_ending_says_when_it_was_recorded(ending: str) -> None:
    """By the operator's clock: the attempt's own end may be long before, or by a wrong clock."""
    status = ENDINGS[ending](at(600))
    assert status.attempts[0].recorded_at == at(600)


def test_a_reason_that_the_policy_does_not_retry() -> None:
    limits = Limits(max_attempts=5, never_retry_on=("OOMKilled",))
    assert (
        attempt_ended_without_outcome("receipt", TaskStatus(), Reason.OOM_KILLED, "", limits, NOW).phase is Phase.FAILED
    )
    assert (
        attempt_ended_without_outcome("receipt", TaskStatus(), Reason.PROCESS_EXITED, "", limits, NOW).phase
        is Phase.RETRYING
    )
    assert (
        attempt_ended_without_outcome("receipt", TaskStatus(), Reason.EVICTED, "", limits, NOW).phase is Phase.RETRYING
    )
