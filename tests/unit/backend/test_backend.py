"""enqueue() and get_result(), with an API server in memory: validation, the result, signals, sync and async."""

import asyncio
import re
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.tasks import Task, default_task_backend, task, task_backends
from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist, TaskResultMismatch
from django.tasks.signals import task_enqueued
from django.test import override_settings

from django_tasks_kubernetes import KubernetesBackend
from django_tasks_kubernetes.exceptions import PayloadTooLarge
from django_tasks_kubernetes.testing import InMemoryCluster
from django_tasks_kubernetes.workflows import call, chain
from djangotasks_api.bounds import PAYLOAD_MAX_BYTES
from tests.unit.backend import tasks


def only(cluster: InMemoryCluster) -> dict[str, Any]:
    (resource,) = cluster.resources.values()
    return resource


def test_backend_supports_all_of_djangos_features() -> None:
    backend = default_task_backend
    assert isinstance(task_backends["default"], KubernetesBackend)
    assert backend.supports_defer
    assert backend.supports_async_task
    assert backend.supports_get_result
    assert backend.supports_priority


def test_what_enqueue_returns_is_what_get_result_reads(cluster: InMemoryCluster) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    result = tasks.echo.using(priority=5, queue_name="mail", run_after=later).enqueue(1, "ü", a=(2, b"x"))
    assert tasks.echo.get_result(result.id) == result
    assert result.args == [1, "ü"]
    assert result.kwargs == {"a": [2, "x"]}
    assert result.status == "READY"
    assert str(uuid.UUID(result.id)) == result.id
    metadata = only(cluster)["metadata"]
    assert metadata["name"] == result.id
    assert metadata["labels"] == {"djangotasks.dev/queue": "mail", "djangotasks.dev/in-order": ""}
    assert [*metadata["annotations"]] == ["djangotasks.dev/request"]
    assert only(cluster)["spec"]["payload"] == '{"args":[1,"\\u00fc"],"kwargs":{"a":[2,"x"]}}'


def test_get_result_takes_a_uuid(cluster: InMemoryCluster) -> None:
    result = tasks.echo.enqueue()
    assert default_task_backend.get_result(uuid.UUID(result.id)) == result  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "id_",
    [
        "gone",
        "",
        "A",
        "../secrets/x",
        "a/b",
        "a%2fb",
        "a?x=1",
        "a\n",
        "ü",
        "x" * 58,
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        None,
        5,
    ],
)
def test_get_result_raises_for_an_unknown_id(cluster: InMemoryCluster, id_: Any) -> None:
    with pytest.raises(TaskResultDoesNotExist):
        default_task_backend.get_result(id_)


def test_a_result_cancels_its_task(cluster: InMemoryCluster) -> None:
    first, second = tasks.echo.enqueue(), tasks.echo.enqueue()
    first.cancel("asked by the customer")  # type: ignore[attr-defined]  # of ours
    asyncio.run(second.acancel())  # type: ignore[attr-defined]
    assert [first.status, second.status] == ["FAILED", "FAILED"]
    assert [first.reason, second.reason] == ["CancelRequested", "CancelRequested"]  # type: ignore[attr-defined]
    assert "asked by the customer" in first.message  # type: ignore[attr-defined]


def test_get_result_says_what_to_do_with_the_id_of_a_workflow(cluster: InMemoryCluster) -> None:
    result = chain(call(tasks.echo, 1)).enqueue()
    with pytest.raises(TaskResultDoesNotExist, match=rf"{result.id} is a workflow, and no task: get_workflow\(\)"):
        default_task_backend.get_result(result.id)


def test_get_result_of_another_task(cluster: InMemoryCluster) -> None:
    result = tasks.echo.enqueue()
    with pytest.raises(TaskResultMismatch):
        tasks.fails.get_result(result.id)


def test_refresh_reads_the_task_again(cluster: InMemoryCluster) -> None:
    result = tasks.echo.enqueue(1)
    cluster.run_pending()
    assert result.status == "READY"
    result.refresh()
    assert result.return_value == {"args": [1], "kwargs": {}}
    asyncio.run(result.arefresh())
    assert result.status == "SUCCESSFUL"


def test_aenqueue_and_aget_result(cluster: InMemoryCluster) -> None:
    async def story() -> tuple[Any, Any]:
        result = await tasks.echo.aenqueue(1)
        return result, await tasks.echo.aget_result(result.id)

    result, read = asyncio.run(story())
    assert read == result


def test_aenqueue_requests_run_concurrently(cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(3, timeout=60)
    create = cluster.create
    monkeypatch.setattr(cluster, "create", lambda resource: (together.wait(), create(resource))[1])

    async def story() -> None:
        await asyncio.gather(*(tasks.echo.aenqueue(number) for number in range(3)))

    asyncio.run(story())
    assert len(cluster.resources) == 3


@pytest.mark.parametrize("is_async", [False, True])
def test_task_enqueued_follows_the_creation(cluster: InMemoryCluster, is_async: bool) -> None:
    seen = []

    def receiver(sender: Any, task_result: Any, **kwargs: Any) -> None:
        seen.append((sender, task_result, list(cluster.resources)))

    task_enqueued.connect(receiver)
    try:
        result = asyncio.run(tasks.echo.aenqueue()) if is_async else tasks.echo.enqueue()
    finally:
        task_enqueued.disconnect(receiver)
    assert seen == [(KubernetesBackend, result, [result.id])]


def test_receivers_of_aenqueue_may_use_the_database(cluster: InMemoryCluster) -> None:
    seen = []

    def receiver(**kwargs: Any) -> None:
        # No event loop runs in this thread: else Django would refuse a query.
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        seen.append("sync")

    async def async_receiver(**kwargs: Any) -> None:
        seen.append("async")

    task_enqueued.connect(receiver)
    task_enqueued.connect(async_receiver)
    try:
        asyncio.run(tasks.echo.aenqueue())
    finally:
        task_enqueued.disconnect(receiver)
        task_enqueued.disconnect(async_receiver)
    # Django 6.0 runs them in another order than 6.1.
    assert sorted(seen) == ["async", "sync"]


def test_task_enqueued_is_not_sent_without_a_creation(
    cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(cluster, "create", lambda resource: 1 / 0)
    task_enqueued.connect(seen.append)
    try:
        with pytest.raises(ZeroDivisionError):
            tasks.echo.enqueue()
    finally:
        task_enqueued.disconnect(seen.append)
    assert seen == []


@pytest.mark.parametrize(
    ("args", "kwargs", "error", "message"),
    [
        ((object(),), {}, TypeError, "args[0]: object is not JSON."),
        ((), {"when": {"at": {1}}}, TypeError, "kwargs.when.at: set is not JSON."),
        ((float("inf"),), {}, ValueError, "args[0]: float is not JSON"),
        (({1: 2},), {}, TypeError, "args[0] has the key 1 (int)"),
    ],
)
def test_enqueue_refuses_arguments_that_are_not_json(
    cluster: InMemoryCluster, args: Any, kwargs: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        tasks.echo.enqueue(*args, **kwargs)
    assert cluster.resources == {}


def test_enqueue_takes_the_largest_payload(cluster: InMemoryCluster) -> None:
    room = PAYLOAD_MAX_BYTES - len('{"args":[""],"kwargs":{}}')
    tasks.echo.enqueue("x" * room)
    with pytest.raises(PayloadTooLarge, match=r"take 98,305 bytes as JSON\. 98,304 are allowed\. Store the data"):
        tasks.echo.enqueue("x" * (room + 1))
    # Counted as bytes of the text: one such character takes six.
    with pytest.raises(PayloadTooLarge):
        tasks.echo.enqueue("ü" * (room // 6 + 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"queue_name": "gone"},
            "Queue 'gone' is not valid for backend. QUEUES of TASKS['default'] has default, mail. Add it there, and",
        ),
        ({"priority": "high"}, "priority must be a whole number from -100 to 100, not 'high'."),
        ({"run_after": timedelta(minutes=1)}, "run_after must be a datetime, such as timezone.now() + timedelta("),
        ({"priority": 101}, "priority must be a whole number"),
        ({"priority": 1.5}, "priority must be a whole number"),
        ({"run_after": datetime(2027, 1, 1)}, "run_after must be an aware datetime."),  # noqa: DTZ001
    ],
)
def test_using_keeps_djangos_rules(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidTask, match=re.escape(message)):
        tasks.echo.using(**change)


def test_enqueue_refuses_a_renamed_task(cluster: InMemoryCluster) -> None:
    with pytest.raises(InvalidTask, match=r"tasks\.plain is function, not this task"):
        tasks.renamed.enqueue()
    assert cluster.resources == {}


def test_a_task_of_the_backport_made_for_another_backend(
    cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    echo, of_backport = tasks.echo, type("Task", (), {"__module__": "django_tasks.base"})()
    monkeypatch.setattr(tasks, "echo", of_backport)
    with pytest.raises(InvalidTask, match="a task of the package django_tasks, made while"):
        echo.enqueue()
    assert cluster.resources == {}


def test_a_result_is_found_by_the_hex_of_its_uuid(cluster: InMemoryCluster) -> None:
    result = tasks.echo.enqueue()
    assert tasks.echo.get_result(result.id.replace("-", "")).id == result.id


def test_wrong_option_raises_at_the_first_request() -> None:
    with override_settings(
        TASKS={"default": {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "OPTIONS": {"NAME": 1}}}
    ):
        assert isinstance(task(tasks.plain), Task)
        with pytest.raises(ImproperlyConfigured, match=r"NAME is not an option\. Did you mean NAMESPACE\?"):
            tasks.echo.enqueue()


def test_get_result_of_an_unknown_alias(cluster: InMemoryCluster) -> None:
    result = tasks.echo.enqueue()
    only(cluster)["spec"]["backend"] = "another-project"
    assert tasks.echo.get_result(result.id).backend == "default"
