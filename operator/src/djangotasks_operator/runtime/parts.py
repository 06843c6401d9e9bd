"""Run the parts of a process: tasks that are to go on until the process ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Self


class Parts:
    """Tasks that end together. Use it as an async context manager: leaving it cancels them."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        """Set when a part has ended by itself, which is a fault, or when all were cancelled."""
        self._tasks: list[asyncio.Task[None]] = []
        self._faulty: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.remove_done_callback(self._on_end)
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.ended.set()

    def start(self, name: str, part: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(part, name=name)
        task.add_done_callback(self._on_end)
        self._tasks.append(task)

    def raise_fault(self) -> None:
        """Raise what the first part that ended raised, without a group around it; RuntimeError where it just ended."""
        if self._faulty is None:
            return
        error = self._faulty.exception() or RuntimeError(f"{self._faulty.get_name()} ended")
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error

    def _on_end(self, task: asyncio.Task[None]) -> None:
        self._faulty = self._faulty or task
        self.ended.set()
