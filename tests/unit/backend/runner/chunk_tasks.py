"""What the items of a chunk do."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections

from django_tasks_kubernetes import KubernetesTaskContext, RetryLater
from django_tasks_kubernetes.decorators import task
from django_tasks_kubernetes.runner.process import Terminated
from djangotasks_api.bounds import RESULT_MAX_BYTES
from tests.unit.backend.tasks import Frozen


@dataclass
class World:
    """What the items of this test have done."""

    calls: Counter[int] = field(default_factory=Counter)
    interrupted: bool = False
    connections: list[Any] = field(default_factory=list)


WORLD = World()


class Never(Exception):
    pass


class Lazy(dict[str, int]):
    """Fetches what is in it when it is asked for."""

    def items(self) -> Any:
        raise LookupError("gone")


@task
def act(item: int, factor: int = 1, *, log: list[int] | None = None) -> Any:
    WORLD.calls[item] += 1
    if log is not None:
        log.append(item)
        assert log == [item], "arguments are shared between items"
    match item:
        case 13:
            raise ValueError("no 13")
        case 14:
            raise Never("never 14")
        case 15:
            raise RetryLater(after=77)
        case 16:
            raise SystemExit(0)
        case 17:
            return {1, 2}
        case 18:
            WORLD.interrupted = True
            raise Terminated(143)
        case 19:
            raise Frozen("no 19")
        case 22:
            WORLD.interrupted = True
            with suppress(BaseException):
                raise Terminated(143)
        case 20:
            return Lazy(a=1)
        case 21:
            return "x" * RESULT_MAX_BYTES
        case _:
            return item * factor


@task
def mends(item: int) -> int:
    """Fails once."""
    WORLD.calls[item] += 1
    if item == 13 and WORLD.calls[item] == 1:
        raise ValueError("no 13")
    return item


@task
async def act_async(item: int) -> int:
    WORLD.calls[item] += 1
    if item == 13:
        raise ValueError("no 13")
    return item


@task
async def act_async_on_and_on(item: int) -> int:
    WORLD.calls[item] += 1
    if item == 22:
        WORLD.interrupted = True
        with suppress(asyncio.CancelledError):
            raise asyncio.CancelledError
    return item


@task
async def act_async_in_a_database(item: int) -> int:
    WORLD.connections.append(await sync_to_async(lambda: connections["default"])())
    raise ValueError("connection already closed")


@task(takes_context=True)
def says(context: KubernetesTaskContext, item: int) -> int:
    context.progress(item, 99, f"item {item}")
    context.heartbeat()
    return item
