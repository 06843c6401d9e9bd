"""Tasks to run, and things that are no tasks."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.tasks import Task, TaskContext, task

from django_tasks_kubernetes import KubernetesTaskContext


@task
def echo(*args: Any, **kwargs: Any) -> dict[str, Any]:
    return {"args": list(args), "kwargs": kwargs}


@task
def returns_item(value: Any) -> Any:
    return value


@task
async def async_echo(*args: Any, **kwargs: Any) -> dict[str, Any]:
    return {"args": list(args), "kwargs": kwargs}


@task(takes_context=True, priority=7, queue_name="mail")
def attempt(context: "TaskContext[..., Any]") -> list[Any]:
    return [context.attempt, context.task_result.worker_ids, str(context.task_result.status)]


@task(takes_context=True)  # type: ignore[arg-type]
def says_when(context: KubernetesTaskContext) -> str | None:
    at = context.scheduled_for
    return None if at is None else at.isoformat()


@task(takes_context=True)  # type: ignore[arg-type]
def says_progress(context: KubernetesTaskContext, *calls: Any, fail: bool = False) -> str:
    for call in calls:
        if call == "heartbeat":
            context.heartbeat()
        else:
            context.progress(*call)
    if fail:
        raise Refused("no")
    return context.attempt * "x"


@task(takes_context=True)  # type: ignore[arg-type]
async def async_says_progress(context: KubernetesTaskContext, *calls: Any) -> None:
    for call in calls:
        await context.aprogress(*call)
        context.progress(*call)
    await context.aheartbeat()


@task
def returns(kind: str) -> Any:
    return {
        "nothing": None,
        "tuple": (1, (2, b"bytes")),
        "keys": {1: "one", None: "none"},
        "set": {1},
        "nan": [float("nan")],
        "object": object(),
        "generator": (number for number in range(3)),
        "coroutine": async_echo.func() if kind == "coroutine" else None,
    }[kind]


@task
def returns_text(length: int, text: str = "x") -> str:
    return text * length


class Refused(Exception):
    pass


@task
def fails(message: str = "no", times: int = 1) -> None:
    raise Refused(message * times)


@task
def enqueues_itself(times: int) -> None:
    if times:
        enqueues_itself.enqueue(times - 1)


@task
async def async_fails() -> None:
    raise Refused("no")


@task
def logs(then: str = "") -> None:
    logging.getLogger(__name__).warning("in the task", extra={"task_id": "the project's own"})
    thread = threading.Thread(target=logging.getLogger(f"{__name__}.thread").warning, args=("in a thread of it",))
    thread.start()
    thread.join()
    if then:
        raise Refused(then)


@dataclass(frozen=True)
class Frozen(Exception):
    """Takes no attribute, not even a traceback."""

    text: str


class Silent(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


@task
def raises_groups(depth: int, copies: int) -> None:
    """A group in a group, and so on; `copies`: how often each is in the next one."""
    error: Exception = ValueError("no such order 7")
    for _ in range(depth):
        error = ExceptionGroup("several", [error] * copies)
    raise error


@task
def raises(kind: str) -> None:
    """What libraries raise, with messages of more than one line."""
    note = ValueError("no")
    note.add_note("while importing file.csv")
    errors: dict[str, BaseException] = {
        "empty": ValueError(),
        "blank first": ValueError("\n\n  boom\nmore"),
        "PostgreSQL": Refused(
            'duplicate key value violates unique constraint "u"\nDETAIL:  Key (email)=(jane@example.com) already exists.'
        ),
        "MySQL": Refused("(1062, \"Duplicate entry 'jane@example.com' for key 'email'\")"),
        "SQL Server": Refused("Cannot insert duplicate key. The duplicate key value is (jane@example.com)."),
        "pydantic": ValueError("1 validation error for Order\nage\n  Input should be a number [input_value='jane@…']"),
        "note": note,
        "see": ValueError("no\nsee https://docs"),
        "surrogate": ValueError("\ud800"),
        "group": ExceptionGroup("several", [ValueError("a"), KeyError("b"), ExceptionGroup("c", [OSError("d")])]),
        "interrupt": KeyboardInterrupt("by hand"),
        "frozen": Frozen("no such order"),
        "silent": Silent(),
    }
    raise errors[kind]


RAISED: BaseException = ValueError()


@task
def raises_what_is_there() -> None:
    raise RAISED


@task
async def fails_in_a_group() -> None:
    async def fails() -> None:
        raise ValueError("no such order 7")

    async with asyncio.TaskGroup() as group:
        group.create_task(fails())


@task
def leaves_timers() -> None:
    """As a timeout of its own that it has not taken back."""
    for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(timer, 1000)


@task
async def leaves_a_task_that_goes_on() -> str:
    """As a consumer in the background does that catches all that goes wrong."""
    released = asyncio.Event()

    async def consumes() -> None:
        while not released.is_set():
            with suppress(BaseException):
                await released.wait()

    consumer = asyncio.create_task(consumes(), name="consumer")
    await asyncio.sleep(0)
    # Where nobody lets go of it, the test fails, and does not hang.
    asyncio.get_running_loop().call_later(5, released.set)
    assert not consumer.done()
    return "done"


@task
def deep(levels: int) -> None:
    if levels:
        return deep.func(levels - 1)
    raise Refused("deep")


@task
def exits(code: Any) -> None:
    sys.exit(code)


@task
def interrupts() -> None:
    raise KeyboardInterrupt


@task
def child_environment() -> list[str]:
    """What a child process of the task sees of this project's variables."""
    code = "import os; print(*[k for k in os.environ if k.startswith('DJANGOTASKS_')])"
    return subprocess.run([sys.executable, "-Sc", code], check=True, capture_output=True, text=True).stdout.split()


def _sigterm() -> None:
    """As the kubelet sends it."""
    os.kill(os.getpid(), signal.SIGTERM)


@task
def terminated(then: str) -> str:
    try:
        _sigterm()
        time.sleep(20)
    except SystemExit:
        if then == "returns":
            return "finished all the same"
        if then == "raises":
            raise Refused("in cleanup") from None
        raise
    return "never"


@task
async def async_terminated(then: str) -> str:
    try:
        # More than once: one that comes just before the main thread waits for this one does not wake it.
        for _ in range(20):
            _sigterm()
            await asyncio.sleep(1)
    except asyncio.CancelledError:
        if then == "returns":
            return "finished all the same"
        raise
    return "never"


def plain() -> None: ...


renamed = task(plain)
lambda_task: Any = None


def make_local() -> Any:
    def local() -> None: ...

    return local


class Holder:
    @staticmethod
    def method() -> None: ...


assert isinstance(echo, Task)
