"""This backend in the places of Django's DummyBackend and ImmediateBackend, for Django's own tests of them."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from asgiref.sync import sync_to_async

from django_tasks_kubernetes import KubernetesBackend
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.testing import InMemoryBackend, InMemoryCluster


class Dummy(InMemoryBackend):
    """Keeps what is enqueued."""

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        self.cluster = InMemoryCluster()
        super().__init__(alias, params | {"OPTIONS": {"CLUSTER": self.cluster, "SENDER": KubernetesBackend}})
        # The tests compare them with those of TASKS.
        self.options = params.get("OPTIONS", {})

    @property
    def results(self) -> list[KubernetesResult]:  # type: ignore[override]  # DummyBackend's is an attribute
        return self.cluster.results

    def clear(self) -> None:
        self.cluster.resources.clear()


class Immediate(Dummy):
    """Runs a task within enqueue()."""

    def enqueue(self, task: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> KubernetesResult:
        result = cast("KubernetesResult", super().enqueue(task, args, kwargs))
        self.cluster.run_pending()
        result.refresh()
        return result

    async def aenqueue(self, task: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> KubernetesResult:
        return await sync_to_async(self.enqueue, thread_sensitive=True)(task, args, kwargs)
