"""The iterator over the changes of tasks, for threads and for coroutines. See the package's docstring."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator

from asgiref.sync import sync_to_async
from django.tasks import Task
from django.utils.asyncio import async_unsafe

from django_tasks_kubernetes.codec.resource import Resource, selector
from django_tasks_kubernetes.durations import Duration, seconds
from django_tasks_kubernetes.exceptions import WaitTimeout
from django_tasks_kubernetes.store import TaskStore
from django_tasks_kubernetes.task import AnyTask
from django_tasks_kubernetes.waiting.steps import (
    Emit,
    Followed,
    ManyTasks,
    OneTask,
    RunBlocking,
    Steps,
    TaskSource,
    WaitForChange,
)
from django_tasks_kubernetes.watch.subscription import Subscription
from djangotasks_api.bounds import SECONDS_PER_YEAR


class Changes[R: Followed]:
    """Iterates over the changes of one task or workflow, or of all tasks that match. See KubernetesBackend.watch().

    Each iteration has a subscription of its own.
    """

    def __init__(
        self,
        source: TaskSource[R],
        name: str | None,
        *,
        queue: str | None = None,
        task: AnyTask | str | None = None,
        repeat: Duration | None = None,
        timeout: Duration | None = None,
    ) -> None:
        """`name`: of the one task, whose queue may be given too; None for all tasks of a queue, and of a path."""
        self._source = source
        self._name = name
        self._queue = queue
        self._task = task.module_path if isinstance(task, Task) else task
        self._repeat = None if repeat is None else seconds("repeat", repeat, least=0.1, most=SECONDS_PER_YEAR)
        self._timeout = None if timeout is None else seconds("timeout", timeout, most=SECONDS_PER_YEAR)
        # Why the watch was interrupted when the iteration ended.
        self._problem: Exception | None = None

    @async_unsafe("This would block the event loop. Use await result.await_() or aget(), and async for.")
    def __iter__(self) -> Iterator[R]:
        return self._in_thread()

    def __aiter__(self) -> AsyncIterator[R]:
        return self._in_loop()

    def timed_out(self, what: str, state: str, reason: str | None, message: str | None) -> WaitTimeout:
        """Makes the error for an iteration that ended before its task or workflow (`what`) was finished. `state`: the
        last that is known. `reason`, `message`: what it waits for, where that is known."""
        problem = f" The watch is interrupted: {self._problem}" if self._problem else ""
        why = ": ".join(words.rstrip(".") for words in (reason, message) if words)
        said = f"it is {state}, {why}" if why else f"it is {state}"
        return WaitTimeout(f"{what} is not finished after {self._timeout:g} s of waiting: {said}.{problem}")

    def _in_thread(self) -> Iterator[R]:
        changed = threading.Event()
        with self._steps(self._source.store(), changed.set) as steps:
            for step in steps:
                match step:
                    case Emit(result):
                        yield result
                    case RunBlocking():
                        step.run()
                    case WaitForChange(limit):
                        changed.wait(limit)
                        changed.clear()

    async def _in_loop(self) -> AsyncIterator[R]:
        # In a thread, since it reads the credentials the first time.
        store = await sync_to_async(self._source.store, thread_sensitive=False)()
        changed, loop = asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # The loop is closed, so nothing waits any more.
                loop.call_soon_threadsafe(changed.set)

        with self._steps(store, wake) as steps:
            for step in steps:
                match step:
                    case Emit(result):
                        yield result
                    case RunBlocking():
                        await sync_to_async(step.run, thread_sensitive=True)()
                    case WaitForChange(limit):
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(limit):
                                await changed.wait()
                        changed.clear()

    @contextlib.contextmanager
    def _steps(self, store: TaskStore, wake: Callable[[], None]) -> Iterator[Steps[R]]:
        subscription = Subscription(wake, name=self._name, queue=self._queue, wants=self._wants)
        end = store.subscribe(subscription)
        try:
            if self._name is None:
                matching = selector(queue=self._queue, status=None, task=self._task)
                yield ManyTasks(self._source, matching, subscription).steps()
            else:
                yield OneTask(
                    self._source, self._name, subscription, timeout=self._timeout, repeat=self._repeat
                ).steps()
        finally:
            self._problem = subscription.problem
            end()

    def _wants(self, resource: Resource) -> bool:
        spec = resource["spec"]
        return self._queue in (None, spec.get("queue", "default")) and self._task in (None, spec["task"])
