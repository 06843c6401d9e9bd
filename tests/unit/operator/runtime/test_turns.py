"""Groups take turns."""

from __future__ import annotations

import asyncio

from djangotasks_operator.runtime.turns import FairLock, Turns
from djangotasks_operator.runtime.workqueue import WorkQueue


def letter(key: str) -> str:
    return key[0]


def test_keys_of_one_group_come_in_order_and_groups_in_turn() -> None:
    turns = Turns(letter)
    for key in ("a1", "a2", "a3", "b1", "c1", "b2"):
        turns.put(key)
    assert len(turns) == 6
    assert [turns.take() for _ in range(6)] == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert (len(turns), turns.has_next) == (0, False)


def test_a_group_has_no_more_keys_in_work_than_it_may() -> None:
    turns = Turns(letter, most=2)
    for key in ("a1", "a2", "a3", "b1"):
        turns.put(key)
    assert [turns.take() for _ in range(3)] == ["a1", "b1", "a2"]
    turns.put("a4")
    assert (len(turns), turns.has_next) == (2, False)
    turns.done("a1")
    assert turns.take() == "a3"
    assert not turns.has_next
    turns.done("a2")
    assert turns.take() == "a4"


def test_a_worker_that_waits_gets_the_key_of_a_group_that_was_full() -> None:
    async def story() -> None:
        queue: WorkQueue[str] = WorkQueue(turns=Turns(letter, most=1))
        queue.add("a1")
        queue.add("a2")
        assert queue.take() == "a1"
        assert (queue.take(), queue.delay(), queue.stalled()) == (None, None, 0.0)
        waiting = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.done("a1")
        async with asyncio.timeout(60):
            assert await waiting == "a2"

    asyncio.run(story())


def test_groups_hold_the_lock_in_turn() -> None:
    lock, held = FairLock(), list[str]()

    async def hold(key: str) -> None:
        async with lock.of(letter(key)):
            held.append(key)
            await asyncio.sleep(0)

    async def story() -> None:
        await asyncio.gather(*(hold(key) for key in ("a1", "a2", "a3", "a4", "b1")))

    asyncio.run(story())
    assert held == ["a1", "a2", "b1", "a3", "a4"]


def test_the_lock_passes_over_who_does_not_wait_any_more() -> None:
    lock, held = FairLock(), list[str]()

    async def hold(key: str) -> None:
        async with lock.of(key):
            held.append(key)
            await asyncio.sleep(0)

    async def story() -> None:
        tasks = [asyncio.create_task(hold(key)) for key in "abcd"]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        # Its turn has come, and it has not gone on yet.
        tasks[2].cancel()
        async with asyncio.timeout(60):
            await asyncio.gather(*tasks, return_exceptions=True)
            await hold("e")

    asyncio.run(story())
    assert held == ["a", "d", "e"]
