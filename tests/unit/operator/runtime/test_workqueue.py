"""The work queue: each key once, one worker at a time, delays, retries."""

from __future__ import annotations

import asyncio

from djangotasks_operator.runtime.workqueue import LAST_RETRY, WorkQueue
from tests.unit.operator.model.server import Clock

DEADLINE = 5.0


async def get(queue: WorkQueue[str]) -> str:
    async with asyncio.timeout(DEADLINE):
        return await queue.get()


def test_a_key_that_is_added_twice_is_worked_on_once() -> None:
    async def story() -> None:
        queue: WorkQueue[str] = WorkQueue()
        for key in "aab":
            queue.add(key)
        assert [await get(queue), await get(queue)] == ["a", "b"]
        assert len(queue) == 0

    asyncio.run(story())


def test_a_key_that_is_added_while_it_is_worked_on_comes_again_afterwards() -> None:
    async def story() -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a")
        await get(queue)
        queue.add("a")
        queue.add("a")
        assert len(queue) == 0
        queue.done("a")
        assert await get(queue) == "a"
        queue.done("a")
        assert len(queue) == 0

    asyncio.run(story())


def test_a_key_does_not_come_again_for_what_its_worker_has_observed() -> None:
    async def story() -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a")
        await get(queue)
        queue.add("a")
        queue.observed("a")
        queue.done("a")
        assert queue.take() is None
        queue.add("a")
        await get(queue)
        queue.observed("a")
        queue.add("a")
        queue.done("a")
        assert queue.take() == "a"

    asyncio.run(story())


def test_the_earliest_of_several_delays_counts() -> None:
    async def story() -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.add_after("late", 3600)
        queue.add_after("a", 3600)
        queue.add_after("a", 0.01)
        queue.add_after("a", 3600)
        assert await get(queue) == "a"
        queue.done("a")
        assert len(queue) == 0

    asyncio.run(story())


def test_a_worker_that_waits_is_woken() -> None:
    async def story() -> None:
        queue: WorkQueue[str] = WorkQueue()
        waiting = asyncio.create_task(get(queue))
        await asyncio.sleep(0)
        queue.add_after("a", 0.01)
        assert await waiting == "a"

    asyncio.run(story())


def test_retries_wait_longer_and_longer_until_one_succeeds() -> None:
    async def story() -> None:
        queue: WorkQueue[str] = WorkQueue()
        delays = [queue.retry("a") for _ in range(30)]
        assert delays == sorted(delays)
        assert (delays[1], delays[-1]) == (2 * delays[0], LAST_RETRY)
        queue.succeeded("a")
        assert queue.retry("a") == delays[0]

    asyncio.run(story())


def test_timers_that_are_not_needed_any_more_do_not_pile_up() -> None:
    """A task with a timeout of hours that is reconciled again and again."""

    async def story() -> None:
        queue: WorkQueue[str] = WorkQueue()
        for _ in range(5000):
            queue.add_after("a", 3600)
            queue.add_after("b", 7200)
            queue.add("a")
            assert await get(queue) == "a"
            queue.done("a")
        assert len(queue._timers) < 2000
        queue.add_after("c", 0.001)
        assert await get(queue) == "c"

    asyncio.run(story())


def test_a_queue_works_by_the_clock_it_is_given() -> None:
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock.seconds)
    assert (queue.take(), queue.delay()) == (None, None)
    queue.add_after("a", 10)
    assert (queue.take(), queue.delay()) == (None, 10)
    clock.advance(10)
    assert (queue.delay(), queue.take()) == (0, "a")
    clock.advance(5)
    assert queue.longest() == ("a", 5)


def test_a_timer_that_was_replaced_delays_nothing() -> None:
    queue: WorkQueue[str] = WorkQueue(Clock().seconds)
    queue.add_after("a", 20)
    queue.add_after("a", 10)
    queue.add("a")
    assert queue.take() == "a"
    assert queue.delay() is None


def test_ready_keys_that_are_not_taken_stall() -> None:
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock.seconds)
    queue.add("a")
    queue.add_after("b", 5)
    clock.advance(8)
    assert queue.stalled() == 8
    queue.take()
    assert queue.stalled() == 0


def test_a_key_says_how_long_it_was_ready_before_its_turn_came() -> None:
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock.seconds)
    queue.add("a")
    queue.add_after("b", 5)
    clock.advance(5)
    queue.add("a")
    clock.advance(3)
    assert [queue.take(), queue.waited("a")] == ["a", (8, 3)]
    clock.advance(2)
    # Its timer is seen when a key is taken: nobody knows what was before.
    assert [queue.take(), queue.waited("b")] == ["b", (2, 2)]
    queue.add("a")
    queue.done("a")
    assert [queue.take(), queue.waited("a")] == ["a", (0, 0)]
    queue.done("b")
    assert queue.waited("b") == (0, 0)


async def wake(queue: WorkQueue[str], clock: list[float]) -> str:
    asyncio.get_running_loop().call_later(0.01, clock.__setitem__, 0, 3600.0)
    async with asyncio.timeout(60):
        return await queue.get()


def test_a_clock_that_is_set_is_noticed() -> None:
    """The timer is an hour away by the clock as it was."""
    clock = [0.0]
    queue: WorkQueue[str] = WorkQueue(lambda: clock[0], longest_sleep=0.02)
    queue.add_after("a", 3600)
    assert asyncio.run(wake(queue, clock)) == "a"


def test_a_clock_that_is_set_back_leaves_no_timer_in_the_far_future() -> None:
    clock = [3600.0]
    queue: WorkQueue[str] = WorkQueue(lambda: clock[0], longest_sleep=0.02)
    assert queue.take() is None
    queue.add_after("a", 60)
    clock[0] -= 50
    assert queue.take() is None
    clock[0] = 100.0
    assert queue.take() == "a"
    queue.add_after("a", 60)
    queue.done("a")
    assert (queue.take(), queue.delay()) == (None, 60.0)
