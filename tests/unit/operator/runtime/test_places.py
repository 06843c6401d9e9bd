"""A group that waits for long leaves places to others."""

from __future__ import annotations

import asyncio

from djangotasks_operator.runtime.places import Places


def test_a_group_never_has_all() -> None:
    async def story() -> None:
        places, at_work, taken, over = Places(8), [0], asyncio.Event(), asyncio.Event()

        async def wait(group: str) -> None:
            async with places.of(group):
                at_work[0] += 1
                if at_work[0] == 7:
                    taken.set()
                await over.wait()

        hanging = [asyncio.create_task(wait("a")) for _ in range(100)]
        async with asyncio.timeout(10):
            await taken.wait()
            # Nobody ends meanwhile.
            async with places.of("b"):
                assert at_work[0] == 7
        over.set()
        await asyncio.gather(*hanging)
        assert at_work[0] == 100

    asyncio.run(story())


def test_a_group_of_one_place_has_it() -> None:
    async def story() -> None:
        async with asyncio.timeout(10), Places(1).of("a"):
            pass

    asyncio.run(story())
