"""When a replica may take the lease."""

from __future__ import annotations

import pytest

from djangotasks_operator.runtime.leader_election import (
    LEASE_SECONDS,
    RENEW_DEADLINE,
    REQUEST_SECONDS,
    RETRY_SECONDS,
    ObservedLease,
)


@pytest.mark.parametrize(
    ("holder", "age", "expected"),
    [
        ("", 0, True),
        ("me", 0, True),
        ("other", 0, False),
        ("other", LEASE_SECONDS, False),
        ("other", LEASE_SECONDS + 0.1, True),
    ],
)
def test_may_be_acquired(holder: str, age: float, expected: bool) -> None:
    assert ObservedLease("1", holder, since=100.0).may_be_acquired("me", 100.0 + age) is expected


def test_a_leader_stops_before_another_can_begin() -> None:
    assert RENEW_DEADLINE + REQUEST_SECONDS < LEASE_SECONDS
    assert RETRY_SECONDS + REQUEST_SECONDS < RENEW_DEADLINE
