"""How much attempts may ask for at once."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from aiohttp import web

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.reports import task_limits
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.reports.task_limits import Measure, TaskLimits
from tests.unit.operator.reports.task_calls import ATTEMPT, DEADLINE, PATH, TASK, Pod, Tasks, authorization, served

pytestmark = pytest.mark.thorough


def measured(monkeypatch: pytest.MonkeyPatch, **changes: float) -> None:
    wide = Measure(burst=1000, per_second=1000, in_flight=100, namespace_in_flight=100, all_in_flight=100)
    monkeypatch.setitem(task_limits.MEASURES, "enqueue", wide._replace(**changes))  # type: ignore[arg-type]  # ints where they are


def test_who_asks_a_little_too_soon_waits_here(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, burst=1, per_second=20)
    tasks = Tasks()

    async def story(pod: Pod) -> set[int]:
        return {status for status, _ in await asyncio.gather(*(pod.post() for _ in range(5)))}

    assert served(story, tasks) == {201}


def test_who_asks_too_often_is_to_come_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, burst=3, per_second=0.001)

    async def story(pod: Pod) -> list[int]:
        statuses = [(await pod.post())[0] for _ in range(4)]
        # Others of the attempt's requests, and other attempts, are no worse off.
        statuses.append((await pod.ask("GET", f"{PATH}/t1"))[0])
        other = PATH.replace("/u/", "/v/")
        statuses.append((await pod.ask("POST", other, TASK, headers=authorization("v")))[0])
        return statuses

    assert served(story) == [201, 201, 201, 429, 200, 201]


@pytest.mark.parametrize("kind", list(task_limits.MEASURES))
def test_an_invented_name_has_no_measure_of_its_own(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    measure = Measure(burst=3, per_second=0.001, in_flight=1, namespace_in_flight=100, all_in_flight=100)
    monkeypatch.setitem(task_limits.MEASURES, kind, measure)

    async def story() -> int:
        limits, taken = TaskLimits(), 0
        for number in range(100):
            with contextlib.suppress(web.HTTPTooManyRequests):
                async with limits.admit(kind, ATTEMPT._replace(task=Key("shop", f"invented-{number}"))):
                    taken += 1
        async with contextlib.AsyncExitStack() as stack:
            other = ATTEMPT._replace(uid="other")
            await stack.enter_async_context(limits.admit(kind, other))
            with pytest.raises(web.HTTPTooManyRequests):
                await stack.enter_async_context(limits.admit(kind, other._replace(task=Key("shop", "invented"))))
        return taken

    assert asyncio.run(story()) == 3


@pytest.mark.parametrize("bound", ["in_flight", "namespace_in_flight", "all_in_flight"])
def test_so_many_are_in_flight(monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    measured(monkeypatch, **{bound: 3})
    tasks = Tasks()

    async def story(pod: Pod) -> tuple[int, int, int]:
        tasks.waiting.clear()
        held = [asyncio.create_task(pod.post()) for _ in range(3)]
        async with asyncio.timeout(DEADLINE):
            while len(tasks.asked) < 3:  # noqa: ASYNC110 - requests on their way
                await asyncio.sleep(0.01)
        refused, _ = await pod.post()
        tasks.waiting.set()
        statuses = {status for status, _ in await asyncio.gather(*held)}
        (held_status,) = statuses
        return held_status, refused, (await pod.post())[0]

    assert served(story, tasks) == (201, 429, 201)


def test_a_namespace_leaves_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, namespace_in_flight=2, all_in_flight=3)
    limits = TaskLimits()

    async def story() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for number in range(2):
                await stack.enter_async_context(
                    limits.admit("enqueue", AttemptRef(Key("hostile", "a"), str(number), 1))
                )
            with pytest.raises(web.HTTPTooManyRequests):
                async with limits.admit("enqueue", AttemptRef(Key("hostile", "a"), "3", 1)):
                    pass
            await stack.enter_async_context(limits.admit("enqueue", ATTEMPT))

    asyncio.run(story())
    assert not limits._in_flight
