"""Run coroutines in the background of the event loop, and cancel them at the end."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

# Runs a coroutine in the background.
type Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Background:
    """The coroutines that run. They log their own failures."""

    def __init__(self) -> None:
        # The event loop holds tasks by weak references alone.
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Cancel what still runs."""
        for task in self._tasks:
            task.cancel()
