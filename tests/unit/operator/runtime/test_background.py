"""Coroutines that run in the background are kept, and cancelled at the end."""

from __future__ import annotations

import asyncio
import gc

from djangotasks_operator.runtime.background import Background


def test_what_is_spawned_runs_although_nobody_holds_it() -> None:
    done: list[int] = []

    async def work() -> None:
        await asyncio.sleep(0)
        gc.collect()
        done.append(1)

    async def story() -> None:
        background = Background()
        background.spawn(work())
        async with asyncio.timeout(60):
            while not done:  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0)

    asyncio.run(story())
    assert done == [1]


def test_what_still_runs_is_cancelled_at_the_end() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def story() -> None:
        background = Background()
        background.spawn(work())
        await asyncio.sleep(0)
        background.close()
        await asyncio.sleep(0)

    asyncio.run(story())
    assert ended == ["cancelled"]
