"""Ctrl-C while in_memory() runs a task: it ends the test run. A KeyboardInterrupt of the task's own is its failure."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.tasks import task
from django.tasks.signals import task_finished, task_started

from django_tasks_kubernetes.testing import InMemoryCluster
from tests.unit.backend import tasks


@task
def waits(then: str) -> str:
    try:
        _press()
        time.sleep(20)
    except KeyboardInterrupt:
        if then == "returns":
            return "finished all the same"
        if then == "raises":
            raise ValueError("in cleanup") from None
        raise
    return "never"


@task
async def waits_async() -> None:
    _press()
    await asyncio.sleep(2)


@task
def handles() -> str:
    said: list[str] = []
    before = signal.signal(signal.SIGINT, lambda *_: said.append("handled"))
    _press()
    signal.signal(signal.SIGINT, before)
    return said[0]


def _press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def handler() -> Iterator[Any]:
    """Python's own, which raises KeyboardInterrupt; it is there again afterwards."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    after = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)
    assert after is signal.default_int_handler


@pytest.mark.parametrize("then", ["goes on", "raises", "returns"])
def test_ctrl_c_in_a_task_ends_the_test_run(cluster: InMemoryCluster, then: str) -> None:
    waits.enqueue(then), tasks.echo.enqueue()
    with pytest.raises(KeyboardInterrupt):
        cluster.run_pending()
    assert [result.errors for result in cluster.results] == [[], []]
    assert cluster.results[1].status == "READY"


def test_ctrl_c_in_an_async_task_ends_the_test_run(cluster: InMemoryCluster) -> None:
    waits_async.enqueue()
    with pytest.raises(KeyboardInterrupt):
        cluster.run_pending()


@pytest.mark.parametrize("when", [task_started, task_finished], ids=["task_started", "task_finished"])
def test_ctrl_c_in_a_receiver_ends_the_test_run(cluster: InMemoryCluster, when: Any) -> None:
    def receiver(**kwargs: Any) -> None:
        _press()

    tasks.echo.enqueue()
    when.connect(receiver)
    try:
        with pytest.raises(KeyboardInterrupt):
            cluster.run_pending()
    finally:
        when.disconnect(receiver)


def test_keyboard_interrupt_of_a_task_in_memory_is_its_failure(cluster: InMemoryCluster) -> None:
    tasks.interrupts.enqueue()
    (done,) = cluster.run_pending()
    assert [error.exception_class for error in done.errors] == [KeyboardInterrupt]


def test_ctrl_c_in_a_task_with_a_handler_of_its_own_is_the_tasks(cluster: InMemoryCluster) -> None:
    handles.enqueue()
    (done,) = cluster.run_pending()
    assert done.return_value == "handled"
