"""The specs of workflows are read once, and one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from djangotasks_api.workflow.graph import InvalidGraph
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers.plans import Plans


class Threads:
    """Counts what goes on at once."""

    def __init__(self) -> None:
        self.calls = self.running = self.most = 0

    async def __call__[T](self, call: Callable[[], T], /) -> T:
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        return call()


def body(name: str, uid: str = "u", **step: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": uid},
        "spec": {"steps": [{"name": "a", "task": "shop.a", **step}]},
    }


def test_a_spec_is_read_once_and_one_at_a_time() -> None:
    threads = Threads()
    plans = Plans(threads)

    async def story() -> None:
        await asyncio.gather(*(plans.read(body(f"flow-{number}")) for number in range(5)))
        await plans.read(body("flow-0"))
        assert (threads.calls, threads.most) == (5, 1)
        await plans.read(body("flow-0", uid="another"))
        plans.forget(Key("shop", "flow-1"))
        await plans.read(body("flow-1"))
        assert threads.calls == 7

    asyncio.run(story())


def test_a_spec_that_cannot_be_read_holds_up_no_other() -> None:
    plans = Plans(Threads())

    async def story() -> None:
        for _ in range(2):
            with pytest.raises(InvalidGraph, match="after"):
                await plans.read(body("bad", after="nothing"))
        assert (await plans.read(body("good"))).size > 0

    asyncio.run(story())


def test_namespaces_take_turns() -> None:
    plans, read = Plans(Threads()), list[str]()

    async def read_in(namespace: str) -> None:
        await plans.apart(namespace, lambda: read.append(namespace))

    async def story() -> None:
        await asyncio.gather(*(read_in(namespace) for namespace in (*["greedy"] * 20, "other")))

    asyncio.run(story())
    assert read.index("other") < 4


def test_what_a_workflow_takes_in_memory_goes_by_its_items_and_by_all_else() -> None:
    plans = Plans(Threads())

    async def memory(spec: dict[str, Any]) -> int:
        return (await plans.read_once({"metadata": {"namespace": "shop"}, "spec": spec})).memory

    async def story() -> None:
        steps = [{"name": "a", "task": "shop.a", "map": {"list": "numbers"}}]
        items = str(list(range(10_000)))
        small = await memory({"steps": [{"name": "a", "task": "shop.a"}]})
        wide = await memory({"steps": steps, "lists": [{"name": "numbers", "items": items}]})
        long = await memory(
            {"steps": [{"name": "a", "task": "shop.a", "payload": '{"args":["' + "x" * 20_000 + '"]}'}]}
        )
        assert small < 10_000 < len(items) < wide < 2 * len(items) < long

    asyncio.run(story())
