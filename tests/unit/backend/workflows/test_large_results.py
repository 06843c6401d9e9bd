"""Results of any size go from step to step, also without a cluster, and fail what takes them for the same reasons."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.tasks import task, task_backends
from django.test import override_settings

from django_tasks_kubernetes.exceptions import WorkflowFailed
from django_tasks_kubernetes.testing import InMemoryCluster, in_memory
from django_tasks_kubernetes.workflows import each, step, workflow

STORED = 600_000
BACKEND: dict[str, Any] = {"QUEUES": ["default"], "OPTIONS": {"STORAGE": "default"}}


@task
def texts(size: int) -> list[str]:
    return ["x" * size, "y" * size]


@task
def length(text: str) -> int:
    return len(text)


@task
def summary(lengths: list[int], first: str) -> list[int]:
    return [*lengths, len(first)]


@workflow
def piped(size: int) -> list[int]:
    rows = step(texts)(size)
    return step(summary)(each(length, rows), rows[0])


@pytest.fixture(params=["LocalBackend", "in_memory"])
def enqueue(request: pytest.FixtureRequest) -> Iterator[Callable[[int], Any]]:
    backend = "LocalBackend" if request.param == "LocalBackend" else "KubernetesBackend"
    with override_settings(TASKS={"default": BACKEND | {"BACKEND": f"django_tasks_kubernetes.{backend}"}}):
        if request.param == "LocalBackend":
            yield piped.enqueue
        else:
            with in_memory() as cluster:

                def run(size: int) -> Any:
                    result = piped.enqueue(size)
                    cluster.run_pending()
                    result.refresh()
                    return result

                yield run


@pytest.mark.parametrize("size", [3, 100_000, STORED], ids=["small", "large", "in a storage"])
def test_results_of_any_size_go_on(enqueue: Callable[[int], Any], size: int) -> None:
    result = enqueue(size)
    assert result.get() == [size, size, size]
    backend: Any = task_backends["default"]
    status = backend.store.get(f"{result.id}-texts")["status"]
    assert (status["resultRef"] is not None) is (size == STORED)
    assert status["resultLength"] == 2


def _delete_task(cluster: InMemoryCluster, name: str) -> None:
    del cluster.resources[name]


def _change_file(cluster: InMemoryCluster, name: str) -> None:
    cluster.resources[name]["status"]["resultRef"]["sha256"] = "0" * 64


@pytest.mark.parametrize(
    ("spoil", "words"), [(_delete_task, "was deleted, and its result is needed"), (_change_file, "SHA-256")]
)
def test_a_result_that_is_gone_fails_what_takes_it(spoil: Callable[[InMemoryCluster, str], None], words: str) -> None:
    @workflow
    def flow() -> int:
        rows = step(texts)(STORED)
        return step(length, after=step(length)("x"))(rows[0])

    options = {"default": BACKEND | {"BACKEND": "django_tasks_kubernetes.KubernetesBackend"}}
    with override_settings(TASKS=options), in_memory() as cluster:
        result = flow.enqueue()
        cluster.workflows.advance()
        cluster._run(cluster.resources[f"{result.id}-texts"])
        cluster.workflows.advance()
        spoil(cluster, f"{result.id}-texts")
        cluster.run_pending()
        with pytest.raises(WorkflowFailed, match=words):
            result.get()
        assert result.steps["length-2"].reason == "InputUnavailable"
