"""The work queue: each key once, one worker at a time, delays, retries."""

from __future__ import annotations

import asyncio

from djangotasks_operator.workqueue import LAST_RETRY, WorkQueue

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
    """A task with a timeout of hours that is looked at again and again."""

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
