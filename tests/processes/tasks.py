"""Tasks whose processes end in ways of their own."""

import gc
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from django.tasks import task

from tests.unit.backend.tasks import Refused


@task
def fails() -> None:
    raise Refused("no")


@task
def has_a_handler_that_exits() -> None:
    """As servers and libraries do that want to be stopped politely."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(20)


class _Terminating(list[int]):
    """Sends SIGTERM as soon as somebody makes it into JSON."""

    def __iter__(self) -> Iterator[int]:
        os.kill(os.getpid(), signal.SIGTERM)
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
def loses_a_worker() -> str:
    """The executor then ends the other worker by SIGTERM, and waits for its end."""
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        pool.submit(time.sleep, 600)
        problem = pool.submit(os._exit, 9).exception()
    return type(problem).__name__


@task
async def async_loses_a_worker() -> str:
    return loses_a_worker.func()


@task
def leaves_orphans(number: int) -> int:
    """How many zombies are left of processes whose parents have ended, a moment after."""
    for _ in range(number):
        # The inner process outlives the outer one, and then ends.
        subprocess.run(["sh", "-c", "(sleep 0.05; true) & exit"], check=True)
    deadline = time.monotonic() + 100
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
def uses_up_files() -> str:
    """https://github.com/celery/celery/issues/887: its files are open until its process ends."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    with suppress(OSError):
        while True:
            _LEFT_OPEN.append(os.open(os.devnull, os.O_RDONLY))
    return "done"


_LEFT_OPEN: list[int] = []


@task
def os_exits(code: int) -> None:
    os._exit(code)


@task
def kills_itself(number: int) -> None:
    os.kill(os.getpid(), number)


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
