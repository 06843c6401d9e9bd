"""Tasks that show how a task's pod behaves: what the tests run, and a demonstration of what can go wrong."""

import asyncio
import builtins
import ctypes
import logging
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from django.tasks import TaskContext, task
from django.tasks.signals import task_finished

from django_tasks_kubernetes import KubernetesTaskContext, RetryLater

logger = logging.getLogger(__name__)


@task
def echo(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """Returns its arguments, which must come back as they were."""
    return {"args": list(args), "kwargs": kwargs}


@task
def add(a: int, b: int) -> int:
    return a + b


@task
def measure(items: list[str | None]) -> dict[str, int]:
    """How many texts it was given, and how many characters they have together."""
    return {"items": len(items), "characters": sum(len(item or "") for item in items)}


@task
async def add_async(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


@task(takes_context=True)
def describe_context(context: "TaskContext[..., Any]") -> dict[str, Any]:
    result = context.task_result
    return {"attempt": context.attempt, "id": result.id, "worker_ids": result.worker_ids, "pod": os.uname().nodename}


@task
def noise(length: int, seed: int = 0, seconds: float = 0) -> str:
    """The same text each time, of so many hexadecimal digits; after a while."""
    time.sleep(seconds)
    return random.Random(seed).randbytes(length // 2).hex()


class CardDeclined(Exception): ...


@task
def fail(order: str = "A00000001") -> None:
    """Fails as real code does: with an exception of its own, caused by another."""
    try:
        dict[str, str]()[order]
    except KeyError as error:
        raise CardDeclined(f"no card is on file for order {order}") from error


@task(takes_context=True)
def fail_until(context: "TaskContext[..., Any]", attempt: int) -> int:
    """Fails until the given attempt, which returns its number."""
    if context.attempt < attempt:
        raise CardDeclined(f"attempt {context.attempt} of {attempt}")
    return context.attempt


@task
def raise_error(name: str) -> None:
    """Fails with one of Python's own exceptions."""
    raise getattr(builtins, name)(f"a {name} for the test")


@task(takes_context=True)
def not_before(context: "TaskContext[..., Any]", attempt: int, after: float) -> int:
    """Asks to be tried again later, until the given attempt, which returns its number."""
    if context.attempt < attempt:
        raise RetryLater(after=after)
    return context.attempt


@task(takes_context=True)  # type: ignore[arg-type]  # the stubs know Django's own context alone
def say_progress(
    context: KubernetesTaskContext, done: float, total: float | None = None, message: str = "", path: str = ""
) -> str:
    """Says how far it is and, once somebody makes the file, something else."""
    context.progress(done, total, message)
    if path:
        wait_for_file.func(path)
        context.progress(total, total, "the end")
    return message


@task(takes_context=True)  # type: ignore[arg-type]
def flood_progress(context: KubernetesTaskContext, seconds: float) -> dict[str, float]:
    """Says how far it is as often as it can. Returns how often, and how many seconds it took."""
    began, calls = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        calls += 1
        context.progress(calls, message=f"call {calls}")
        time.sleep(0.0005)
    return {"calls": calls, "seconds": passed}


@task(takes_context=True)  # type: ignore[arg-type]
async def count_async(context: KubernetesTaskContext, total: int, path: str) -> int:
    """Says how far it is from many coroutines at once, and ends when somebody makes the file."""

    async def one(number: int) -> None:
        await asyncio.sleep(0)
        await context.aprogress(number, total)

    await asyncio.gather(*map(one, range(1, total + 1)))
    while not Path(path).exists():  # noqa: ASYNC240 - a file of this container's
        await context.aheartbeat()
        await asyncio.sleep(0.1)
    return total


@task(takes_context=True)  # type: ignore[arg-type]
def hang(context: KubernetesTaskContext) -> None:
    """Says something, and nothing more, and does not end."""
    context.progress(1, 3)
    time.sleep(600)


@task(takes_context=True)  # type: ignore[arg-type]
def beat(context: KubernetesTaskContext, beats: int, seconds: float) -> int:
    """Send a number of heartbeats, with a pause between them, and print them."""
    for number in range(1, beats + 1):
        context.heartbeat()
        print("beat", number, flush=True)
        time.sleep(seconds)
    return beats


@task
def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@task(takes_context=True)
def sleep_at_first(context: "TaskContext[..., Any]", seconds: float) -> int:
    """Sleeps in its first attempt alone, for what interrupts that. Returns the number of the attempt."""
    if context.attempt == 1:
        time.sleep(seconds)
    return context.attempt


@task
def wait_for_file(path: str) -> str:
    """Ends when somebody makes the file, which `kubectl exec` can. Returns its path."""
    while not Path(path).exists():
        time.sleep(0.1)
    return path


@task
def busy(seconds: float) -> int:
    """Computes for so long without a pause, as a task without progress does. Returns the rounds."""
    end, rounds = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        rounds += 1
    return rounds


@task
def ignore_sigterm(seconds: float) -> str:
    """Does not stop when it is asked to: only SIGKILL ends it early."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ignoring SIGTERM", flush=True)
    time.sleep(seconds)
    return "not stopped"


@task
def clean_up(url: str, seconds: float) -> None:
    """Works until it is asked to stop. Then it cleans up for so long, and says at the URL that it has."""
    try:
        time.sleep(3600)
    finally:
        time.sleep(seconds)
        urllib.request.urlopen(url, timeout=10).close()


@task
def allocate(mebibytes: int | None = None) -> int:
    """Takes so much memory and writes to all of it; without a number, until it is killed for it."""
    held: list[bytes] = []
    while mebibytes is None or len(held) < mebibytes:
        held.append(b"x" * 2**20)
    return len(held)


@task
def exit_process(code: int) -> None:
    """Ends the process under the runner: no exception, no outcome."""
    os._exit(code)


@task
def kill_process(number: int = signal.SIGKILL) -> None:
    """Does nothing in a container's first process, which the kernel protects from its own signals."""
    os.kill(os.getpid(), number)


@task
def crash() -> None:
    """Reads memory that is not there, as broken C code does."""
    ctypes.string_at(0)


@task
def spawn_child(seconds: float) -> int:
    """Leaves a child process behind that outlives the task. Returns its id."""
    return subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({seconds})"]).pid


@task
def return_object() -> object:
    """Returns what JSON cannot hold."""
    return object()


@task
def return_bytes(count: int) -> str:
    """Returns a text of so many bytes."""
    return "x" * count


@task
def return_list(count: int, length: int) -> list[str]:
    """Returns so many texts of this length, each of its own number."""
    return [f"{number:0{length}}" for number in range(count)]


@task
def return_bytes_when(count: int, path: str) -> str:
    """The same, once somebody makes the file."""
    wait_for_file.func(path)
    return "x" * count


@task
def write_lines(count: int, text: str = "line") -> int:
    """Prints on stdout, and logs on the side."""
    for number in range(1, count + 1):
        print(f"{text} {number} of {count}", flush=True)
        logger.info("logged %s of %s", number, count)
    return count


@task
def environment_names() -> list[str]:
    """The names of the environment's variables; never their values, which may be secret."""
    return sorted(os.environ)


@task
def files(folder: str) -> list[str] | None:
    """What is in a folder of the pod; None when there is no such folder."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names are all that is asked for
    except FileNotFoundError:
        return None


@task
def shell(script: str) -> str:
    """Runs a script in the pod, and returns what it prints."""
    return subprocess.run(["/bin/sh", "-c", script], check=True, capture_output=True, text=True).stdout.strip()


@task
def connect_broken_receiver() -> str:
    """Succeeds, and has its pod tell that to somebody who fails."""

    def broken(**kwargs: Any) -> None:
        raise CardDeclined("the receiver failed")

    task_finished.connect(broken, weak=False)
    return "connected"


def not_a_task(a: int, b: int) -> int:
    return a + b
