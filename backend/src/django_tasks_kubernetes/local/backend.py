"""LocalBackend, for development and tests without a cluster: enqueue() runs the task before it returns.

TASKS = {"default": {"BACKEND": "django_tasks_kubernetes.LocalBackend"}}
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import sync_to_async

from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.conf import Enqueue, Options
from django_tasks_kubernetes.local.local_store import LocalStore
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.storage.files import Files

if TYPE_CHECKING:
    from django.tasks import Task, TaskResult

NAMESPACE: Final = "local"
# Of all aliases and threads: Django makes a backend for each thread.
STORE: Final = LocalStore()


class LocalBackend(KubernetesBackend):
    """Runs every task in this process, within enqueue(), as Django's ImmediateBackend does; with the options, the
    limits, the context and the results of KubernetesBackend. OPTIONS are the same: those about the cluster have no
    effect, and what would go to a storage is kept in memory."""

    in_cluster = False
    read_elsewhere = False

    @property
    def store(self) -> LocalStore:
        return STORE

    @property
    def best_effort_store(self) -> LocalStore:
        return STORE

    @property
    def page_store(self) -> LocalStore:
        return STORE

    @property
    def namespace(self) -> str:
        return NAMESPACE

    @cached_property
    def parsed_options(self) -> Options:
        options = super().parsed_options
        if options.enqueue is Enqueue.OUTBOX:
            # At the commit as well, and without a relay.
            return replace(options, enqueue=Enqueue.ON_COMMIT)
        return options

    @cached_property
    def files(self) -> Files:
        return replace(super().files, find=lambda alias: STORE.storage)

    def stored(self, result: KubernetesResult) -> None:
        """Runs the task."""
        STORE.run(result.id)
        result.update_from(self.get_result(result.id))

    async def aenqueue[**P, R](
        self, task: "Task[P, R]", args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> "TaskResult[P, R]":
        """See enqueue(). In the thread that has the database connections, where the task runs."""
        return await sync_to_async(self.enqueue, thread_sensitive=True)(task, args, kwargs)

    def create_returned_workflow(self, resource: Resource) -> Resource:
        """Runs a workflow that a task has returned."""
        return STORE.workflows.create_returned(resource)

    def clear(self) -> None:
        """Forgets all tasks and workflows."""
        STORE.resources.clear()
        STORE.workflows.resources.clear()
