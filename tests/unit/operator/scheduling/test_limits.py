"""Policies: whose word counts, and how long the waits are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from djangotasks_api.models import Backoff, Held, Policy
from djangotasks_api.phases import Reason
from djangotasks_operator.scheduling.limits import DEFAULTS, delay, quota_of, resolve
from tests.support.builders import make_queue


def test_the_task_then_its_queue_then_the_default() -> None:
    queue = make_queue(policy=Policy(max_attempts=5, timeout_seconds=60))
    limits = resolve(Policy(max_attempts=2), queue)
    assert (limits.max_attempts, limits.timeout, limits.ttl) == (2, timedelta(seconds=60), DEFAULTS.ttl)
    assert resolve(None, None) == DEFAULTS


def test_a_ttl_of_0_is_not_taken_for_unset() -> None:
    assert resolve(Policy(ttl_seconds_after_finished=0), None).ttl == timedelta(0)


@pytest.mark.parametrize(
    ("concurrency", "held", "most"),
    [
        (None, None, None),
        (3, None, 3),
        (None, 0, 0),
        (None, 2, 2),
        (3, 2, 2),
        (3, 3, 3),
        (3, 5, 3),
        (3, 0, 0),
    ],
)
def test_a_hold_only_lowers(concurrency: int | None, held: int | None, most: int | None) -> None:
    queue = make_queue(concurrency=concurrency, suspended=True, weight=7)
    quota = quota_of(queue, None if held is None else Held(concurrency=held))
    assert (quota.concurrency, quota.suspended, quota.weight) == (most, True, 7)


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (5000, 300)])
def test_delay(failures: int, seconds: float) -> None:
    assert delay(Backoff(), failures, "receipt-1") == timedelta(seconds=seconds)


@pytest.mark.parametrize(("failures", "seconds"), [(1, 10), (2, 15), (3, 20), (4, 22), (10**6, 22)])
def test_linear_delay(failures: int, seconds: float) -> None:
    backoff = Backoff(initial_seconds=10, factor=1, increment_seconds=5, max_seconds=22)
    assert delay(backoff, failures, "receipt-1") == timedelta(seconds=seconds)


def test_full_jitter_is_spread_over_the_whole_wait_and_stays_the_same() -> None:
    backoff = Backoff(initial_seconds=100, jitter=True)
    waits = [delay(backoff, 1, f"receipt-{n}").total_seconds() for n in range(2000)]
    assert waits == [delay(backoff, 1, f"receipt-{n}").total_seconds() for n in range(2000)]
    tenths = [sum(low <= wait < low + 10 for wait in waits) for low in range(0, 100, 10)]
    assert sum(tenths) == len(waits)
    assert all(140 < count < 260 for count in tenths), tenths


@pytest.mark.parametrize(
    ("on", "never", "reason", "expected"),
    [
        (None, [], Reason.OOM_KILLED, True),
        (None, ["OOMKilled"], Reason.OOM_KILLED, False),
        ([], [], Reason.OOM_KILLED, False),
        (["builtins.ConnectionError"], [], Reason.DEADLINE_EXCEEDED, False),
        (["builtins.TimeoutError", "DeadlineExceeded"], [], Reason.DEADLINE_EXCEEDED, True),
        (["DeadlineExceeded"], ["DeadlineExceeded"], Reason.DEADLINE_EXCEEDED, False),
    ],
)
def test_which_reasons_are_retried(on: list[str] | None, never: list[str], reason: Reason, expected: bool) -> None:
    assert resolve(Policy(retry_on=on, never_retry_on=never), None).retries(reason) is expected
