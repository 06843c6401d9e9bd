"""Tasks to run, and things that are no tasks."""

import asyncio
import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
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
    }
    raise errors[kind]


@task
async def fails_in_a_group() -> None:
    async def fails() -> None:
        raise ValueError("no such order 7")

    async with asyncio.TaskGroup() as group:
        group.create_task(fails())


@task
def deep(levels: int) -> None:
    if levels:
        return deep.func(levels - 1)
    raise Refused("deep")


@task
def exits(code: Any) -> None:
    sys.exit(code)


@task
def has_a_handler_that_exits() -> None:
    """As servers and libraries do that want to be stopped politely."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _sigterm()
    time.sleep(20)


@task
def interrupts() -> None:
    raise KeyboardInterrupt


class _Terminating(list[int]):
    """Sends SIGTERM as soon as somebody makes it into JSON."""

    def __iter__(self) -> Iterator[int]:
        _sigterm()
        return super().__iter__()


@task
def returns_and_is_terminated() -> list[int]:
    """SIGTERM comes while what it has returned is made into JSON."""
    return _Terminating(range(9_000))


@task
def forks(*children: str) -> str:
    """Children go on where their parent was, as with a library that forks and does not exec."""
    codes = []
    for then in children or ("raises", "exits", "returns"):
        if os.fork() == 0:
            if then == "raises":
                raise Refused("in the child")
            if then == "exits":
                sys.exit(7)
            return "the child's result"
        _, status = os.wait()
        codes.append(os.waitstatus_to_exitcode(status))
    return f"the parent's result; the children ended with {codes}"


@task
async def async_forks() -> str:
    return forks.func("raises")


@task
def leaves_orphans(number: int) -> int:
    """How many zombies are left of processes whose parents have ended, a moment after."""
    for _ in range(number):
        # The inner process outlives the outer one, and then ends.
        subprocess.run(["sh", "-c", "(sleep 0.05; true) & exit"], check=True)
    deadline = time.monotonic() + 10
    while (left := _zombies()) > 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _zombies() -> int:
    """Of the children of this process and of its parent."""
    parents = {os.getpid(), os.getppid()}
    found = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            found += state == "Z" and int(parent) in parents
    return found


@task
def os_exits(code: int) -> None:
    os._exit(code)


@task
def kills_itself(number: int) -> None:
    os.kill(os.getpid(), number)


@task
def child_environment() -> list[str]:
    """What a child process of the task sees of this project's variables."""
    code = "import os; print(*[k for k in os.environ if k.startswith('DJANGOTASKS_')])"
    return subprocess.run([sys.executable, "-Sc", code], check=True, capture_output=True, text=True).stdout.split()


@task
def heavy_modules() -> list[str]:
    """What a task pod must not pay for."""
    third = {"kubernetes", "urllib3", "yaml", "pydantic", "kopf", "aiohttp", "requests", "ssl", "rich", "click"}
    ours = {
        f"django_tasks_kubernetes.{name}" for name in ("cli", "enqueue.outbox", "kube.client", "runner.files", "stores")
    }
    return sorted((third | ours) & sys.modules.keys())


@task
def collector() -> dict[str, Any]:
    """What the garbage collector does while a task runs."""
    return {"enabled": gc.isenabled(), "threshold": gc.get_threshold(), "frozen": gc.get_freeze_count()}


@task
def leaves_a_thread() -> str:
    threading.Thread(target=time.sleep, args=(600,), name="left-behind").start()
    return "done"


@task
def sleeps() -> None:
    with subprocess.Popen(["sleep", "600"]) as child:
        try:
            print("running", flush=True)
            time.sleep(600)
        finally:
            # Ended by the signal that the runner passed on: else this would wait.
            print("cleaned up", child.wait(), flush=True)


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
