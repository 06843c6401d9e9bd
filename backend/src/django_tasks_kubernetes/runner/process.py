"""The process as PID 1 of its container: SIGTERM, its children, and an end that always comes.

The kubelet signals PID 1 alone, and the kernel drops signals to a PID 1 that does not handle them. So the runner
handles SIGTERM: `Terminated` is raised in the task (an async task is cancelled), so that it can clean up, and its
child processes get the signal. Why the pod ends (an eviction, a deadline, a cancellation) the operator knows and the
runner does not: so it reports no failure then. A task that returns all the same has succeeded.

Zombies are not reaped: waiting for unknown children would steal exit codes from subprocess.Popen, and they end with
the container, which runs one task.
"""

import os
import signal
import sys
import threading
from contextlib import suppress
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from django_tasks_kubernetes.runner.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from django_tasks_kubernetes.task_types import AnyTask

# 128 + SIGTERM, as shells and container runtimes count.
TERMINATED_CODE: Final = 143
# How long threads and atexit functions may go on once the outcome is known.
GRACE_SECONDS: Final = 5.0


class Terminated(SystemExit):
    """Raised in the task when its pod is being ended. Not an Exception, so that `except Exception` lets it through."""


class Termination:
    """What SIGTERM does, now. The kubelet sends it once, and SIGKILL after the pod's grace period (default: 30 s)."""

    def __init__(self) -> None:
        self.requested = False
        self._armed = True
        self._cancel: Callable[[], object] | None = None

    def install(self) -> None:
        signal.signal(signal.SIGTERM, self._handle)

    def disarm(self) -> None:
        """The outcome is known: from now on, SIGTERM no longer gets in the way of reporting it."""
        self._armed = False

    def call(self, task: "AnyTask", /, *args: Any, **kwargs: Any) -> Any:
        """task.call(), with an async task cancelled by SIGTERM: its event loop runs in another thread."""
        if not iscoroutinefunction(task.func):
            return task.call(*args, **kwargs)
        import asyncio

        from django_tasks_kubernetes.task_types import changed

        function = task.func

        async def cancellable(*args: Any, **kwargs: Any) -> Any:
            loop, current = asyncio.get_running_loop(), asyncio.current_task()
            assert current is not None  # noqa: S101 - this is a coroutine of a task
            self._cancel = lambda: loop.call_soon_threadsafe(current.cancel)
            try:
                return await function(*args, **kwargs)
            finally:
                self._cancel = None

        return changed(task, func=cancellable).call(*args, **kwargs)

    def _handle(self, signum: int, frame: "FrameType | None") -> None:
        first, self.requested = not self.requested, True
        for child in children():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(child, signum)
        if first and self._armed:
            if self._cancel is None:
                raise Terminated(TERMINATED_CODE)
            self._cancel()


def children() -> list[int]:
    """The direct child processes. Empty where the kernel does not list them (CONFIG_PROC_CHILDREN)."""
    found: list[int] = []
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, path.read_text().split())
    return found


def leave(code: int) -> NoReturn:
    """Ends the process as usual (threads are joined, atexit functions run), but after GRACE_SECONDS in any case.

    A thread that a task left running must not keep the pod, and its place in the queue, for ever.
    """
    watchdog = threading.Timer(GRACE_SECONDS, _leave_now, [code])
    watchdog.daemon = True
    watchdog.start()
    sys.exit(code)


def _leave_now(code: int) -> None:
    left = [t.name for t in threading.enumerate() if not t.daemon and t is not threading.main_thread()]
    logger.warning("Threads or atexit functions still run %.0f s after the task: %s. Leaving.", GRACE_SECONDS, left)
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)
