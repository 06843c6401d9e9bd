"""Finished tasks are deleted after their TTL, beside the tasks that someone waits for, and once."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from djangotasks_api.models import DjangoTask, Policy, TaskStatus
from djangotasks_api.names import TASK_PLURAL
from djangotasks_api.phases import Phase
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers.expiry_controller import DELETIONS_IN_FLIGHT
from djangotasks_operator.runtime.controller import Controller, Result
from djangotasks_operator.runtime.rate_limit import TokenBucket
from djangotasks_operator.runtime.workqueue import WorkQueue
from tests.support.builders import NAMESPACE, at, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator, until
from tests.unit.operator.model.calls import run

KEY = Key(NAMESPACE, "receipt")


def with_finished_task(**limits: Any) -> InMemoryOperator:
    """A task that finished now, and is kept for a minute, of a queue with these limits."""
    operator = make_operator()
    operator.put_queue(policy=Policy(ttl_seconds_after_finished=60), **limits)
    operator.put_task(finished("receipt", at(0)))
    return operator


def finished(name: str, when: datetime) -> DjangoTask:
    return make_task(name, status=TaskStatus(phase=Phase.SUCCEEDED, finished_at=when))


def test_a_finished_task_is_deleted_after_its_ttl() -> None:
    operator = with_finished_task()
    operator.drain()
    operator.wait(59)
    assert operator.names(TASK_PLURAL) == ["receipt"]
    operator.wait(1)
    assert operator.names(TASK_PLURAL) == []


def test_a_ttl_that_was_prolonged_meanwhile_counts() -> None:
    operator = with_finished_task()
    operator.drain()
    operator.clock.advance(60)
    operator.put_queue(policy=Policy(ttl_seconds_after_finished=120))
    assert run(operator.term.expiry.reconcile(KEY)) is Result.DONE
    assert operator.names(TASK_PLURAL) == ["receipt"]
    operator.wait(60)
    assert operator.names(TASK_PLURAL) == []


def test_a_deleted_task_is_not_deleted_again_before_its_event_comes() -> None:
    operator = with_finished_task()
    operator.clock.advance(60)
    for _ in range(2):
        run(operator.term.expiry.reconcile(KEY))
    assert operator.api.requests.count(f"delete {TASK_PLURAL} receipt") == 1


def test_a_surplus_task_does_not_wait_for_its_ttl() -> None:
    operator = with_finished_task(successful_tasks_history_limit=1)
    operator.put_task(finished("later", at(1)))
    operator.drain()
    assert operator.names(TASK_PLURAL) == ["later"]


def test_a_mass_expiry_is_rate_limited() -> None:
    """And delays nothing but itself: live tasks have a queue and a controller of their own."""
    deleted: list[Key] = []

    async def delete(key: Key) -> Result:
        deleted.append(key)
        return Result.DONE

    async def story() -> None:
        queue: WorkQueue[Key] = WorkQueue()
        limit = TokenBucket(DELETIONS_IN_FLIGHT, 1e-6)
        running = asyncio.create_task(Controller(queue, delete, workers=DELETIONS_IN_FLIGHT, limit=limit).run())
        for number in range(1000):
            queue.add(Key(NAMESPACE, f"old-{number}"))
        await until(lambda: len(deleted) == DELETIONS_IN_FLIGHT)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(deleted) == DELETIONS_IN_FLIGHT, "the burst, and then at the limit's rate"
        # One more was taken, and waits for its token.
        assert len(queue) == 1000 - DELETIONS_IN_FLIGHT - 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(story())
