"""Token buckets let a burst through, and then a rate."""

from __future__ import annotations

from djangotasks_operator.runtime.rate_limit import TokenBucket, TokenBuckets
from tests.unit.operator.model.server import Clock


def test_a_bucket_refills_up_to_its_burst() -> None:
    clock = Clock()
    bucket = TokenBucket(2, 0.5, clock.seconds)
    assert [bucket.reserve() for _ in range(3)] == [0, 0, 2]
    clock.advance(1)
    assert bucket.reserve() == 1
    clock.advance(1)
    assert [bucket.reserve(), bucket.reserve()] == [0, 2]
    clock.advance(1000)
    assert [bucket.reserve() for _ in range(3)] == [0, 0, 2]


def test_each_key_has_a_bucket_of_its_own() -> None:
    buckets: TokenBuckets[str] = TokenBuckets(1, 1, 100, Clock().seconds)
    assert [buckets.reserve(key) for key in "aab"] == [0, 1, 0]


def test_the_buckets_used_first_are_forgotten() -> None:
    buckets: TokenBuckets[str] = TokenBuckets(1, 1, 2, Clock().seconds)
    assert [buckets.reserve(key) for key in "abacba"] == [0, 0, 1, 0, 0, 0]
