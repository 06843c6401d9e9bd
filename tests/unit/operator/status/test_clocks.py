"""The times of an outcome: one that cannot be is the time at which it came."""

from datetime import UTC, datetime, timedelta

import pytest

from djangotasks_api.outcome import Outcome
from djangotasks_operator.status.clocks import corrected

CREATED = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOW = CREATED + timedelta(seconds=60)


def at(seconds: float) -> str:
    return (CREATED + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize(
    ("started", "finished", "expected"),
    [
        (10, 50, (10, 50)),
        (-3600, 50, (60, 60)),
        (10, 7200, (10, 60)),
        (3600, 7200, (60, 60)),
        (30, 20, (30, 60)),
        (None, 50, (None, 50)),
        (None, -50, (None, 60)),
    ],
)
def test_a_time_before_the_pod_or_after_now_is_not_believed(
    started: float | None, finished: float, expected: tuple[float | None, float]
) -> None:
    outcome = Outcome(started_at=None if started is None else at(started), finished_at=at(finished), result="1")
    fixed = corrected(outcome, CREATED, NOW)
    start, finish = expected
    assert (fixed.started_at, fixed.finished_at) == (None if start is None else at(start), at(finish))
    assert fixed.result == "1"
