"""Workflows that tasks enqueue, and that they return: what the stories of the tests run."""

from typing import Any

from django.tasks import default_task_backend, task

from django_tasks_kubernetes.workflows import each, step, workflow
from shop.enqueueing import DEADLINE, double
from shop.probes import add, fail, sleep


@task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@workflow
def sum_of_doubles(count: int) -> int:
    return step(total)(each(double, list(range(count))))


@workflow
def failing() -> Any:
    return step(fail)()


@workflow
def long() -> Any:
    return step(sleep)(600)


@task
def enqueue_and_wait(count: int) -> dict[str, Any]:
    """Enqueues a workflow, twice with one key, looks at it and waits for it."""
    keyed = sum_of_doubles.using(idempotency_key=f"sum-{count}")
    result, again = keyed.enqueue(count), keyed.enqueue(count)
    value = result.get(timeout=DEADLINE)
    return {
        "id": result.id,
        "same": again.id == result.id,
        "value": value,
        "third": result.task_result("double", 2).return_value,
        "tasks": sum(1 for _ in result.task_results()),
        "by": result.enqueued_by and result.enqueued_by.id,
    }


@task
async def await_it(count: int) -> int:
    result = await sum_of_doubles.aenqueue(count)
    return await result.aget(timeout=DEADLINE)


@task
def cancel_it() -> str:
    result = long.enqueue()
    result.cancel("not needed")
    return str(result.wait(timeout=DEADLINE).phase)


@task
def read_it(workflow_id: str) -> str:
    backend: Any = default_task_backend
    return str(backend.get_workflow(workflow_id).phase)


@task
def go_on(count: int) -> int:
    """A branch that is known only now."""
    return sum_of_doubles.as_result(count) if count else -1


@task
def go_on_in_vain() -> Any:
    return failing.as_result()


@task
def go_on_for_long() -> Any:
    return long.as_result()


@task
def count_down(left: int) -> str:
    """A loop: each round is a workflow of the next."""
    return counted_down.as_result(left - 1) if left else "done"


@workflow
def counted_down(left: int) -> str:
    return step(count_down)(left)


@workflow
def around(count: int) -> int:
    return step(add)(step(go_on)(count), 1000)


@workflow
def around_for_long() -> Any:
    return step(go_on_for_long)()
