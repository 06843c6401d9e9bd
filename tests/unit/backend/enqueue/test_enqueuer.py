"""Idempotency keys, cancel(), retry() and results(), with an API server in memory."""

import asyncio
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.tasks import TaskResultStatus, default_task_backend
from django.tasks.exceptions import InvalidTask
from django.tasks.signals import task_enqueued
from django.test import override_settings

from django_tasks_kubernetes import exceptions
from django_tasks_kubernetes.testing import InMemoryCluster
from tests.unit.backend import tasks

ECHO: Any = tasks.echo
BACKEND: Any = default_task_backend


def test_enqueue_with_a_known_key_returns_the_first_result(cluster: InMemoryCluster) -> None:
    announced: list[str] = []

    def receiver(task_result: Any, **_: Any) -> None:
        announced.append(task_result.id)

    task_enqueued.connect(receiver)
    try:
        first = ECHO.using(idempotency_key="order-1").enqueue(1)
        cluster.run_pending()
        again = ECHO.using(idempotency_key="order-1").enqueue(2)
        async_again = asyncio.run(ECHO.using(idempotency_key="order-1").aenqueue(3))
    finally:
        task_enqueued.disconnect(receiver)
    assert str(uuid.UUID(first.id)) == first.id
    assert again.id == async_again.id == first.id
    assert (again.args, again.status) == ([1], TaskResultStatus.SUCCESSFUL)
    assert (len(cluster.resources), announced) == (1, [first.id])


def test_idempotency_key_belongs_to_one_task(cluster: InMemoryCluster) -> None:
    made = [ECHO.using(idempotency_key=key).enqueue() for key in ("a", "b", "a b")]
    other: Any = tasks.fails
    made.append(other.using(idempotency_key="a").enqueue())
    assert len({result.id for result in made}) == 4


def test_retry_enqueues_a_new_task(cluster: InMemoryCluster) -> None:
    failed = tasks.fails
    first: Any = failed.using(priority=7, timeout=60, expires=60, idempotency_key="once").enqueue("no")  # type: ignore[call-arg]
    with pytest.raises(exceptions.NotFinished, match=f"Task {first.id} is not finished. Wait for its end"):
        BACKEND.retry(first.id)
    cluster.run_pending()
    second = BACKEND.retry(first.id)
    third = asyncio.run(BACKEND.aretry(first.id))
    assert len({first.id, second.id, third.id}) == 3
    assert (second.status, second.args, second.task.priority) == (TaskResultStatus.READY, ["no"], 7)
    spec = cluster.resources[second.id]["spec"]
    assert (spec["retryOf"], spec["policy"]) == (first.id, {"timeoutSeconds": 60})
    assert not {"expiresAt", "idempotencyKey", "cancel"} & spec.keys()
    # In the order in which they were enqueued, the newest first, as the API server lists them.
    assert third.id[:18] <= second.id[:18] <= first.id[:18]


def test_retry_of_what_a_task_has_enqueued_is_not_that_tasks(cluster: InMemoryCluster) -> None:
    first: Any = ECHO.enqueue()
    cluster.run_pending()
    cluster.resources[first.id]["spec"]["enqueuedBy"] = {"name": "parent", "uid": "u", "attempt": 1}
    cluster.resources[first.id]["metadata"]["labels"]["djangotasks.dev/enqueued-by"] = "parent"
    second = cluster.resources[BACKEND.retry(first.id).id]
    assert "enqueuedBy" not in second["spec"]
    assert second["metadata"]["labels"] == {
        "djangotasks.dev/queue": "default",
        "djangotasks.dev/in-order": "",
        "djangotasks.dev/retry-of": first.id,
    }


def test_enqueue_many_returns_a_result_for_each_call(cluster: InMemoryCluster) -> None:
    report = BACKEND.enqueue_many((ECHO, (number,)) for number in range(100))
    assert [result.args for result in report.results] == [[number] for number in range(100)]
    assert (report.accepted, report.not_accepted) == (report.results, [])
    assert set(cluster.resources) == {result.id for result in report.results}
    report.raise_for_not_accepted()


def test_ids_are_in_the_order_in_which_tasks_were_enqueued(cluster: InMemoryCluster) -> None:
    """The newest first, to the millisecond, and so that two processes agree."""
    BACKEND.enqueue_many((ECHO, (number,)) for number in range(300)).raise_for_not_accepted()
    times = [
        cluster.resources[id_]["spec"]["enqueuedAt"][: len("2026-11-29T12:00:00.000")]
        for id_ in sorted(cluster.resources)
    ]
    assert times == sorted(times, reverse=True)


def test_enqueue_many_takes_calls_without_arguments(cluster: InMemoryCluster) -> None:
    report = asyncio.run(BACKEND.aenqueue_many([(ECHO,), (ECHO, [1]), (ECHO, (), {"a": 2})], concurrency=1))
    assert [(result.args, result.kwargs) for result in report.results] == [([], {}), ([1], {}), ([], {"a": 2})]


def test_enqueue_many_reports_wrong_calls_and_enqueues_the_rest(cluster: InMemoryCluster) -> None:
    wrong = [(ECHO, (object(),)), (ECHO, ("x" * 100_000,)), (), (tasks.renamed, ())]
    report = BACKEND.enqueue_many([(ECHO, (1,)), *wrong, (ECHO, (2,))])
    assert [(failure.index, type(failure.error)) for failure in report.not_accepted] == [
        (1, TypeError), (2, exceptions.PayloadTooLarge), (3, TypeError), (4, InvalidTask)]  # fmt: skip
    assert [result and result.args for result in report.results] == [[1], None, None, None, None, [2]]
    assert [failure.call for failure in report.not_accepted] == wrong
    assert len(report.accepted) == len(cluster.resources) == 2
    with pytest.raises(ExceptionGroup, match="4 of 6 tasks were not accepted") as caught:
        report.raise_for_not_accepted()
    assert caught.group_contains(exceptions.PayloadTooLarge)


def test_enqueue_many_sends_the_signal_for_new_tasks(cluster: InMemoryCluster) -> None:
    seen: list[tuple[str, int]] = []

    def receiver(task_result: Any, **_: Any) -> None:
        seen.append((task_result.id, threading.get_ident()))

    task_enqueued.connect(receiver)
    try:
        report = BACKEND.enqueue_many([(ECHO.using(idempotency_key=key),) for key in ("a", "b", "a")], concurrency=1)
    finally:
        task_enqueued.disconnect(receiver)
    first, second, third = report.results
    assert first.id == third.id
    assert seen == [(first.id, threading.get_ident()), (second.id, threading.get_ident())]


def test_enqueue_many_returns_its_report_whatever_a_receiver_raises(
    cluster: InMemoryCluster, caplog: pytest.LogCaptureFixture
) -> None:
    """All tasks are there: who got an exception in place of the report would enqueue them again."""
    seen: list[str] = []

    def receiver(task_result: Any, **_: Any) -> None:
        seen.append(task_result.id)
        if task_result.args == [1]:
            raise ValueError("not this one")

    task_enqueued.connect(receiver)
    try:
        report = BACKEND.enqueue_many([(ECHO, (number,)) for number in range(3)])
    finally:
        task_enqueued.disconnect(receiver)
    assert seen == [result.id for result in report.accepted]
    assert set(seen) == set(cluster.resources)
    assert "not this one" in caplog.text


def test_enqueue_many_reports_each_call_where_no_cluster_is_configured(tmp_path: Path) -> None:
    options = {"KUBECONFIG": str(tmp_path / "none")}
    backend = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "QUEUES": [], "OPTIONS": options}
    with override_settings(TASKS={"default": backend}):
        report = BACKEND.enqueue_many([(ECHO, (1,)), (ECHO, (2,))])
    assert [type(failure.error) for failure in report.not_accepted] == [exceptions.ClusterNotConfigured] * 2


@pytest.mark.parametrize("concurrency", [0, -1, 65, True])
def test_enqueue_many_bounds_its_concurrency(concurrency: Any) -> None:
    with pytest.raises(ValueError, match="concurrency must be a whole number from 1 to 64"):
        BACKEND.enqueue_many([], concurrency=concurrency)
