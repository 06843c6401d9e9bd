"""Tasks that enqueue tasks: what the stories of the tests run, and a demonstration of how it is done."""

import os
import signal
import time
import urllib.request
from typing import Any

from django.db import transaction
from django.tasks import TaskContext, default_task_backend, task
from django.tasks.exceptions import TaskResultDoesNotExist
from django.tasks.signals import task_finished

from django_tasks_kubernetes.exceptions import PermissionDenied

DEADLINE = 900.0


@task
def pass_on(value: int, steps: int) -> dict[str, Any]:
    """A chain: each task enqueues the next one, and does not wait for it."""
    after: Any = pass_on.enqueue(value + 1, steps - 1) if steps else None
    return {"value": value, "next": after and after.id}


@task
async def pass_on_async(value: int, steps: int) -> dict[str, Any]:
    """The same with aenqueue()."""
    after: Any = await pass_on_async.aenqueue(value + 1, steps - 1) if steps else None
    return {"value": value, "next": after and after.id}


@task
def double(number: int) -> int:
    return 2 * number


@task(takes_context=True)
def sum_of_doubles(
    context: "TaskContext[..., Any]", count: int, queue: str = "default", dies_at: int | None = None
) -> int:
    """Waits for what it enqueues, and adds it up. The keys keep a second attempt from enqueueing anything twice.

    `dies_at`: where the process of the first attempt ends.
    """
    results: list[Any] = []
    for number in range(count):
        if context.attempt == 1 and number == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        key = f"{context.task_result.id}-{number}"
        part: Any = double.using(queue_name=queue, idempotency_key=key)  # type: ignore[call-arg]  # ours, unknown to the stubs
        results.append(part.enqueue(number))
    return sum(result.get(timeout=DEADLINE) for result in results)


@task
def wait_briefly() -> Any:
    """Waits for a task of its own queue: where it has one place, for ever."""
    part: Any = double.using(queue_name="reports").enqueue(1)
    return part.get(timeout=3)


@task
def look_after(queue: str) -> dict[str, Any]:
    """Enqueues many, looks at them and cancels them. `queue`: one that starts nothing."""
    backend: Any = default_task_backend
    report = backend.enqueue_many((double.using(queue_name=queue), (number,)) for number in range(20))
    report.raise_for_not_accepted()
    first = report.results[0]
    first.refresh()
    for result in report.results:
        backend.cancel(result.id, "not needed")
    ended = first.wait(timeout=DEADLINE)
    return {
        "listed": sum(1 for _ in backend.results(queue=queue)),
        "enqueued_by": first.enqueued_by.id,
        "status": str(ended.status),
        "class": ended.errors[-1].exception_class_path,
    }


@task
def enqueue_in_turn(url: str, queue: str) -> int:
    """Enqueues once for each answer of the URL, until that is a 204, and posts how many milliseconds it took."""
    took, turns = "", 0
    while True:
        with urllib.request.urlopen(url, took.encode(), timeout=DEADLINE) as response:
            if response.status != 200:
                return turns
        began = time.perf_counter()
        double.using(queue_name=queue).enqueue(1)
        took = str(1000 * (time.perf_counter() - began))
        turns += 1


@task
def enqueue_in_transaction(number: int, end: str) -> dict[str, Any]:
    """Enqueues before the commit, and looks before it and after it.

    `end`: "commit" or "roll back"; or "die", once it is committed.
    """
    backend: Any = default_task_backend

    def status() -> str:
        try:
            return str(backend.get_result(child.id).status)
        except TaskResultDoesNotExist:
            return "not there"
        except PermissionDenied:
            return "not its own"

    with transaction.atomic():
        if end == "die":
            transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
        child: Any = double.enqueue(number)
        before, by_before = status(), child.enqueued_by
        transaction.set_rollback(end == "roll back")
    return {
        "child": child.id,
        "before": before,
        "after": status(),
        "enqueued_by": [by and by.id for by in (by_before, child.enqueued_by)],
    }


@task
def measure(text: str) -> int:
    return len(text)


@task
def pass_much(length: int) -> dict[str, Any]:
    """Enqueues with arguments that may be too large for a DjangoTask."""
    part: Any = measure.enqueue("x" * length)
    return {"part": part.id, "length": part.get(timeout=DEADLINE)}


@task
def enqueue_when_finished(number: int) -> None:
    """As packages do that retry tasks: in a receiver, once the outcome is known."""

    def follow(**_: Any) -> None:
        double.enqueue(number)

    task_finished.connect(follow, weak=False)


@task
def read_result(result_id: str) -> str:
    """The status of any task."""
    return str(default_task_backend.get_result(result_id).status)


@task
def run_program(program: str) -> str:
    """Enqueues in a program that the task starts."""
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
