"""A key is written at most once an interval, with its latest value."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from djangotasks_operator.reports.throttle import ConflatingThrottle

Throttle = ConflatingThrottle[str, int]


class Writes:
    def __init__(self) -> None:
        self.values: list[tuple[str, int]] = []
        self.error: Exception | None = None

    async def __call__(self, key: str, value: int) -> None:
        if self.error is not None:
            raise self.error
        self.values.append((key, value))


def play(story: Callable[[Throttle, Writes], Awaitable[None]]) -> list[tuple[str, int]]:
    async def run() -> list[tuple[str, int]]:
        writes = Writes()
        throttle: Throttle = ConflatingThrottle(0, writes, (ConnectionError,))
        await story(throttle, writes)
        await throttle.idle()
        return writes.values

    return asyncio.run(run())


def test_the_first_value_is_written_at_once_and_then_the_last() -> None:
    async def story(throttle: Throttle, writes: Writes) -> None:
        await throttle.submit("a", 1)
        assert writes.values == [("a", 1)]
        for value in (2, 3, 4):
            await throttle.submit("a", value)

    assert play(story) == [("a", 1), ("a", 4)]


def test_keys_do_not_delay_each_other() -> None:
    async def story(throttle: Throttle, writes: Writes) -> None:
        await throttle.submit("a", 1)
        await throttle.submit("b", 2)
        assert writes.values == [("a", 1), ("b", 2)]

    assert len(play(story)) == 2


def test_a_key_that_rested_is_written_at_once_again() -> None:
    async def story(throttle: Throttle, writes: Writes) -> None:
        await throttle.submit("a", 1)
        await throttle.idle()
        await throttle.submit("a", 2)
        assert writes.values == [("a", 1), ("a", 2)]

    play(story)


def test_a_discarded_value_is_not_written() -> None:
    async def story(throttle: Throttle, writes: Writes) -> None:
        await throttle.submit("a", 1)
        await throttle.submit("a", 2)
        throttle.discard("a")

    assert play(story) == [("a", 1)]


def test_an_error_reaches_the_submitter_and_otherwise_ends_the_rest() -> None:
    async def story(throttle: Throttle, writes: Writes) -> None:
        await throttle.submit("a", 1)
        await throttle.submit("a", 2)
        writes.error = ConnectionError()
        await throttle.idle()
        with pytest.raises(ConnectionError):
            await throttle.submit("a", 3)
        writes.error = None
        await throttle.idle()
        await throttle.submit("a", 4)

    assert play(story) == [("a", 1), ("a", 4)]
