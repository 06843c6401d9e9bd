"""Many tasks of a queue, and an API server that refuses some requests."""

from __future__ import annotations

from typing import Any

from tests.support.builders import make_task
from tests.unit.operator.harness import InMemoryOperator


def put_tasks(operator: InMemoryOperator, queue: str, number: int, **fields: Any) -> None:
    for index in range(number):
        operator.put_task(make_task(f"{queue}-{index:03}", uid=f"{queue}-{index}", queue=queue, **fields))


def fail(operator: InMemoryOperator, words: str, error: BaseException) -> None:
    def judge(request: str) -> None:
        if words in request:
            raise error

    operator.api.before_request = judge
