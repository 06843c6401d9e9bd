"""The parts of a process end together."""

from __future__ import annotations

import asyncio

import pytest

from djangotasks_operator.runtime.parts import Parts


async def for_ever(cancelled: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        cancelled.append("part")


async def fail() -> None:
    raise ValueError("broken")


async def nothing() -> None:
    pass


def test_leaving_the_parts_cancels_them_without_a_fault() -> None:
    cancelled: list[str] = []

    async def story() -> None:
        async with Parts() as parts:
            parts.start("part", for_ever(cancelled))
            await asyncio.sleep(0)
            assert not parts.ended.is_set()
        assert cancelled == ["part"]
        assert parts.ended.is_set()
        parts.raise_fault()

    asyncio.run(story())


def test_a_part_that_fails_is_raised() -> None:
    async def story() -> None:
        async with Parts() as parts:
            parts.start("good", for_ever([]))
            parts.start("bad", fail())
            await parts.ended.wait()
        with pytest.raises(ValueError, match="broken"):
            parts.raise_fault()

    asyncio.run(story())


def test_a_part_that_just_ends_is_a_fault() -> None:
    async def story() -> None:
        async with Parts() as parts:
            parts.start("short", nothing())
            await parts.ended.wait()
        with pytest.raises(RuntimeError, match="short ended"):
            parts.raise_fault()

    asyncio.run(story())


def test_what_a_group_of_a_part_has_ended_with_is_raised_alone() -> None:
    """The command line has words for it."""

    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail())

    async def story() -> None:
        async with Parts() as parts:
            parts.start("group", group())
            await parts.ended.wait()
        with pytest.raises(ValueError, match="broken"):
            parts.raise_fault()

    asyncio.run(story())
