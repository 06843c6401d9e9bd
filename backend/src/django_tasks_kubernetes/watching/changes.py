"""Waiting for results, and following what changes, in threads and in coroutines."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.tasks import Task
from django.utils.asyncio import async_unsafe

from django_tasks_kubernetes import codec
from django_tasks_kubernetes.durations import Duration, seconds
from django_tasks_kubernetes.exceptions import WaitTimeout
from django_tasks_kubernetes.task_types import AnyResult, AnyTask
from django_tasks_kubernetes.watching.steps import Call, ManyTasks, OneTask, Show, Steps, Wait
from django_tasks_kubernetes.watching.subscription import Subscription
from djangotasks_api.names import SECONDS_PER_YEAR

if TYPE_CHECKING:
    from django_tasks_kubernetes.backend import KubernetesBackend, Store
    from django_tasks_kubernetes.codec import Resource


class Changes:
    """See KubernetesBackend.watch(). Each iteration is one of its own.

    `name`: of the one task; its queue may be given too. Without it, those of a queue and of a task are followed.
    """

    def __init__(
        self,
        backend: "KubernetesBackend",
        name: str | None,
        *,
        queue: str | None = None,
        task: AnyTask | str | None = None,
        repeat: Duration | None = None,
        timeout: Duration | None = None,
    ) -> None:
        self._backend = backend
        self._name = name
        self._queue = queue
        self._task = task.module_path if isinstance(task, Task) else task
        self._repeat = None if repeat is None else seconds("repeat", repeat, least=0.1, most=SECONDS_PER_YEAR)
        self._timeout = None if timeout is None else seconds("timeout", timeout, most=SECONDS_PER_YEAR)
        # Why nothing was heard at the end.
        self._problem: Exception | None = None

    @async_unsafe("This would hold up the event loop. Use await result.await_() or aget(), and async for.")
    def __iter__(self) -> Iterator[AnyResult]:
        return self._in_thread()

    def __aiter__(self) -> AsyncIterator[AnyResult]:
        return self._in_loop()

    def timed_out(self, last: AnyResult) -> WaitTimeout:
        """The error for when it ended with a result that is not finished."""
        attempt = f" (attempt {last.attempts})" if last.attempts else ""
        problem = f" What was last heard of the cluster: {self._problem}" if self._problem else ""
        return WaitTimeout(
            f"Task {last.id} ({last.task.module_path}) is not finished after {self._timeout:g} s of waiting: it is "
            f"{last.status}{attempt}.{problem}"
        )

    def _in_thread(self) -> Iterator[AnyResult]:
        news = threading.Event()
        with self._steps(self._backend.store, news.set) as steps:
            answer = None
            while (step := _next(steps, answer)) is not None:
                answer = None
                match step:
                    case Show(result):
                        yield result
                    case Call(function):
                        answer = function()
                    case Wait(limit):
                        news.wait(limit)
                        news.clear()

    async def _in_loop(self) -> AsyncIterator[AnyResult]:
        # In a thread, since it reads the credentials the first time.
        store = await sync_to_async(lambda: self._backend.store, thread_sensitive=False)()
        news, loop = asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # The loop is closed, so nobody waits any more.
                loop.call_soon_threadsafe(news.set)

        with self._steps(store, wake) as steps:
            answer = None
            while (step := _next(steps, answer)) is not None:
                answer = None
                match step:
                    case Show(result):
                        yield result
                    case Call(function):
                        answer = await sync_to_async(function, thread_sensitive=True)()
                    case Wait(limit):
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(limit):
                                await news.wait()
                        news.clear()

    @contextlib.contextmanager
    def _steps(self, store: "Store", wake: Callable[[], None]) -> Iterator[Steps]:
        subscription = Subscription(wake, name=self._name, queue=self._queue, wants=self._wants)
        end = store.subscribe(subscription)
        try:
            if self._name is None:
                selector = codec.selector(queue=self._queue, status=None, task=self._task)
                yield ManyTasks(self._backend, selector, subscription).steps()
            else:
                yield OneTask(
                    self._backend, self._name, subscription, timeout=self._timeout, repeat=self._repeat
                ).steps()
        finally:
            self._problem = subscription.problem
            end()

    def _wants(self, resource: "Resource") -> bool:
        spec = resource["spec"]
        return self._queue in (None, spec.get("queue", "default")) and self._task in (None, spec["task"])


def _next(steps: Steps, answer: Any) -> Wait | Call | Show | None:
    try:
        return steps.send(answer)
    except StopIteration:
        return None


def waiting(result: AnyResult, timeout: Duration | None) -> Changes:
    """The changes of a result's task, for so long. Raises ValueError or TypeError for what is no duration."""
    backend: Any = result.task.get_backend()
    return Changes(backend, result.id, queue=result.task.queue_name, timeout=timeout)
