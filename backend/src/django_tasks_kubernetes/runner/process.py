"""The task's process: SIGTERM, its children, a forked child that goes astray, and an end that always comes.

The kubelet signals PID 1 alone, which passes it on (`init`). `Terminated` is then raised in the task (an async task is
cancelled), so that it can clean up, and its child processes get the signal. Why the pod ends (an eviction, a deadline,
a cancellation) the operator knows and the runner does not: so it reports no failure then. A task that returns all the
same has succeeded.
"""

import os
import signal
import sys
import threading
from contextlib import suppress
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from django_tasks_kubernetes.runner.errors import exit_code
from django_tasks_kubernetes.runner.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from django_tasks_kubernetes.task import AnyTask

# With which images of web servers ask to be stopped (STOPSIGNAL). In a task the one would be its failure, and the other
# a crash.
STOP_SIGNALS: Final = frozenset({signal.SIGINT, signal.SIGQUIT})
TIMERS: Final = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
# 128 + SIGTERM, as shells and container runtimes count.
TERMINATED_CODE: Final = 143
# How long threads and atexit functions may go on once the outcome is known.
GRACE_SECONDS: Final = 5.0
# And how long what is said of them may take.
LAST_WORDS_SECONDS: Final = 1.0


class Terminated(SystemExit):
    """Raised in the task when its pod is being ended. Not an Exception, so that `except Exception` lets it through."""


class AmbiguousExit(Exception):
    """The task called sys.exit(0), and SIGTERM no longer goes to the runner: the one may be the answer to the other."""


class Termination:
    """What SIGTERM does, now. The kubelet sends it once, and SIGKILL after the pod's grace period (default: 30 s).

    As a context manager, it is around the task's function: once that has returned or raised, SIGTERM changes nothing,
    and a child process that the task has forked goes no further.
    """

    def __init__(self) -> None:
        self.requested = False
        """SIGTERM came before the task had ended."""
        self._armed = True
        self._pid = os.getpid()
        self._cancel: Callable[[], object] | None = None
        self._before: dict[int, Any] = {}

    def install(self) -> None:
        self._pid = os.getpid()
        # Where the runner is PID 1's child it gets SIGTERM alone. Another init, such as tini, passes on what it gets.
        self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGTERM, *STOP_SIGNALS)}
        os.register_at_fork(after_in_child=self._uninstall)

    def _uninstall(self) -> None:
        """In a process that the task has forked: libraries end their workers by SIGTERM and wait for that, and a worker
        takes what is raised in it for the failure of its work."""
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, handler)

    def disarm(self) -> None:
        """The end of the task is known: from now on, SIGTERM does not get in the way of reporting it; nor does a timer
        that the task has left, such as an alarm for its own timeout, which would end the process."""
        self._armed = False
        if threading.current_thread() is threading.main_thread() and os.getpid() == self._pid:
            for timer in TIMERS:
                signal.setitimer(timer, 0)

    def __enter__(self) -> None:
        # A receiver of task_started, or an import, may have forked it. It would call the task a second time.
        self.end_child(came="was forked before the task came to it")
        if self.requested:
            # Somebody caught it, such as a receiver of task_started.
            raise Terminated(TERMINATED_CODE)

    def __exit__(self, type_: object, error: BaseException | None, traceback: object) -> None:
        self._armed = False
        self.end_child(error)

    def call(self, task: "AnyTask", /, *args: Any, **kwargs: Any) -> Any:
        """task.call(), with an async task cancelled by SIGTERM: its event loop runs in another thread."""
        with self:
            if iscoroutinefunction(task.func):
                task = self._cancellable(task)
            return task.call(*args, **kwargs)

    def check_exit(self) -> None:
        """Of a sys.exit(0), which counts as a return. Raises AmbiguousExit where it may be an end by SIGTERM."""
        if signal.getsignal(signal.SIGTERM) != self._handle:
            raise AmbiguousExit(
                "The task called sys.exit(0), which counts as a return. But it, or a library, has set a handler "
                "of its own for SIGTERM, and such handlers call sys.exit(0) as well: so the task may have been "
                "stopped before it was done. Return instead, or leave SIGTERM to the runner."
            )

    def _cancellable(self, task: "AnyTask") -> "AnyTask":
        import asyncio

        from django_tasks_kubernetes.task import replace_unvalidated

        function = task.func

        async def cancellable(*args: Any, **kwargs: Any) -> Any:
            loop, current = asyncio.get_running_loop(), asyncio.current_task()
            assert current is not None  # noqa: S101 - this is a coroutine of a task
            self._cancel = lambda: loop.call_soon_threadsafe(current.cancel)
            try:
                with self:
                    return await function(*args, **kwargs)
            finally:
                await end_others()

        return replace_unvalidated(task, func=cancellable)

    def end_child(
        self, error: BaseException | None = None, *, came: str = "that the task had forked returned from it"
    ) -> None:
        """End this process if the task has forked it: what follows is its parent's to do. `error`: what it raised.
        `came`: how it came here, where it has raised nothing."""
        if os.getpid() == self._pid:
            return
        if isinstance(error, SystemExit):
            _exit_now(exit_code(error))
        logger.error(
            "A child process %s. It ends here: a child of os.fork() must call os._exit().",
            came if error is None else "that the task had forked raised an exception",
            exc_info=error,
        )
        _exit_now(0 if error is None else 1)

    def _handle(self, signum: int, frame: "FrameType | None") -> None:
        signum = signal.SIGTERM if signum in STOP_SIGNALS else signum
        for child in children():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(child, signum)
        if not self._armed or self.requested:
            return
        self.requested = True
        if self._cancel is None:
            raise Terminated(TERMINATED_CODE)
        self._cancel()


async def end_others() -> None:
    """Cancels the other tasks of this event loop, and lets go of those that have not ended GRACE_SECONDS later: the end
    of the loop would wait for them for ever."""
    import asyncio

    others = asyncio.all_tasks() - {asyncio.current_task()}
    for one in others:
        one.cancel()
    if not others:
        return
    _, left = await asyncio.wait(others, timeout=GRACE_SECONDS)
    for one in left:
        asyncio._unregister_task(one)
    if left:
        names = sorted(one.get_name() for one in left)
        logger.warning("Tasks of the event loop do not end when they are cancelled: %s. Leaving them.", names)


def children() -> list[int]:
    """The direct child processes. Empty where the kernel does not list them (CONFIG_PROC_CHILDREN)."""
    found: list[int] = []
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, path.read_text().split())
    return found


def code_of(main: "Callable[[Termination], int]", termination: Termination) -> int:
    """What it returns. 1 where it raises, which is shown: the end comes all the same, also with threads left."""
    try:
        return main(termination)
    except BaseException:  # noqa: BLE001 - see above
        logger.exception("The runner has failed.")
        return 1


def leave(code: int) -> NoReturn:
    """Ends the process as usual (threads are joined, atexit functions run), but after GRACE_SECONDS in any case.

    A thread that a task left running must not keep the pod, and its place in the queue, for ever.
    """
    # The second one where the first waits for a lock, of the log or of stdout, that a thread of the task holds.
    for seconds, end in ((GRACE_SECONDS, _leave_now), (GRACE_SECONDS + LAST_WORDS_SECONDS, os._exit)):
        watchdog = threading.Timer(seconds, end, [code])
        watchdog.daemon = True
        try:
            watchdog.start()
        except RuntimeError:  # the task has left as many threads as there may be
            _leave_now(code)
    sys.exit(code)


def _leave_now(code: int) -> NoReturn:
    left = [t.name for t in threading.enumerate() if not t.daemon and t is not threading.main_thread()]
    logger.warning("Threads or atexit functions still run %.0f s after the task: %s. Leaving.", GRACE_SECONDS, left)
    _exit_now(code)


def _exit_now(code: int) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # what a project has put in its place may have no flush(), and be None
            stream.flush()
    os._exit(code)
