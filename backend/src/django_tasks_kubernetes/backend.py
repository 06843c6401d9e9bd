"""The Django Tasks backend: enqueue() creates a DjangoTask, get_result() reads it."""

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

from asgiref.sync import sync_to_async
from django.core import checks
from django.tasks import Task, TaskResult, task_backends
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist

from django_tasks_kubernetes.chunk_methods import ChunkMethods
from django_tasks_kubernetes.codec.decode import decode
from django_tasks_kubernetes.codec.find import note_import
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.conf import Enqueue, Options
from django_tasks_kubernetes.enqueue.bulk import CONCURRENCY
from django_tasks_kubernetes.enqueue.calls import Call, Enqueued
from django_tasks_kubernetes.enqueue.enqueuer import Enqueuer
from django_tasks_kubernetes.enqueue.new_task import NewTask, Repeat, marked, repetition
from django_tasks_kubernetes.enqueue.task_validation import validate_options, validate_types
from django_tasks_kubernetes.enqueue.validation import queue_problem, valid_name, validate_importable
from django_tasks_kubernetes.enqueue.writer import TaskWriter
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.result_methods import ResultMethods
from django_tasks_kubernetes.store import TaskStore, is_workflow
from django_tasks_kubernetes.task import AnyTask, KubernetesTask
from django_tasks_kubernetes.workflow_methods import WorkflowMethods
from djangotasks_api.bounds import CANCEL_REASON_MAX_CHARS
from djangotasks_api.stored import TextRef

if TYPE_CHECKING:
    from django_tasks_kubernetes.storage.files import Files


class KubernetesBackend(ResultMethods, WorkflowMethods, ChunkMethods, BaseTaskBackend):
    """Runs every task in a Kubernetes Job of its own.

    Cheap to make and to import: Django makes one for each thread, and task pods make one too. The connection is
    made by the first request and shared by the threads of the process.
    """

    task_class = KubernetesTask
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True
    in_cluster: ClassVar[bool] = True
    """Whether its tasks are in a cluster, where commands and checks can ask for them."""
    read_elsewhere: ClassVar[bool] = True
    """Whether other processes read its results."""

    @cached_property
    def parsed_options(self) -> Options:
        """Raises ImproperlyConfigured. Not before the first request, so that `check` can say what is wrong."""
        return Options.parse(self.options)

    @property
    def store(self) -> TaskStore:
        """Where the tasks are. Raises ClusterNotConfigured."""
        from django_tasks_kubernetes.stores.cluster import connect

        return self._enqueuer.store(connect(self.parsed_options))

    @property
    def best_effort_store(self) -> TaskStore:
        """The same for requests that may fail: they are tried once, with a short timeout."""
        from django_tasks_kubernetes.stores.cluster import connect

        return connect(self.parsed_options.for_one_try())

    @property
    def page_store(self) -> TaskStore:
        """The same for web pages, whose reader would not wait for a second try."""
        from django_tasks_kubernetes.stores.cluster import connect

        return connect(self.parsed_options.for_pages())

    @property
    def namespace(self) -> str:
        """Where the tasks are. Raises ClusterNotConfigured."""
        from django_tasks_kubernetes.stores.cluster import connect

        return self.parsed_options.namespace or connect(self.parsed_options).client.namespace

    @property
    def sender(self) -> type:
        """Of the signals about its tasks."""
        return type(self)

    @property
    def _asks_database(self) -> bool:
        """A task may be a row still. Only in the thread-sensitive thread does Django look after connections."""
        return self.parsed_options.enqueue is Enqueue.OUTBOX

    @cached_property
    def _enqueuer(self) -> Enqueuer:
        writer = TaskWriter(
            alias=self.alias,
            sender=self.sender,
            store=lambda: self.store,
            best_effort_store=lambda: self.best_effort_store,
            namespace=lambda: self.namespace,
            files=lambda: self.files,
            decode=self.decode,
            stored=self.stored,
        )
        return Enqueuer(self.parsed_options, writer, self.validate_task, read_elsewhere=self.read_elsewhere)

    def stored(self, result: KubernetesResult) -> None:
        """Called by enqueue() with the result of a new task, after task_enqueued. For subclasses."""

    @cached_property
    def files(self) -> "Files":
        """The storage of arguments and return values that are too large for a DjangoTask."""
        from django_tasks_kubernetes.storage.files import Files

        return Files(self.parsed_options.storage or "", self.parsed_options.storage_max_bytes)

    def validate_task(self, task: AnyTask) -> None:
        """Raises InvalidTask. Called for every @task, so also in task pods, and again by enqueue()."""
        validate_types(task)
        if problem := queue_problem(task.queue_name, self):
            raise InvalidTask(problem)
        super().validate_task(task)
        validate_importable(task)
        note_import(task.func.__module__)
        validate_options(task)

    def enqueue[**P, R](self, task: "Task[P, R]", args: Sequence[Any], kwargs: Mapping[str, Any]) -> "TaskResult[P, R]":
        """Creates the DjangoTask. When this returns, the cluster has it, unless OPTIONS["ENQUEUE"] says otherwise.

        Where the cluster has a task with the same idempotency_key, returns the result of that one.

        Raises InvalidTask; TypeError for arguments that the function does not take; TypeError or ValueError for those
        that are not JSON; PayloadTooLarge; StorageFailed where they go to a storage that does not take them; and the
        other errors of `exceptions`.
        After ApiUnavailable the task may exist, if the answer was lost and not the request.
        """
        return cast("TaskResult[P, R]", self._enqueuer.enqueue(task, args, kwargs))

    async def aenqueue[**P, R](
        self, task: "Task[P, R]", args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> "TaskResult[P, R]":
        """As enqueue(). The request runs in a thread of its own, beside others.

        The receivers of task_enqueued run as Django's asend() does it: asynchronous ones here, synchronous ones in
        the thread that has the request's database connections.
        """
        return cast("TaskResult[P, R]", await self._enqueuer.aenqueue(task, args, kwargs))

    def enqueue_many(self, calls: Iterable[Call], *, concurrency: int = CONCURRENCY) -> Enqueued:
        """Enqueues many tasks in `concurrency` threads: `[(task, args, kwargs), …]`, or any iterable of such tuples.

        Raises for none of them: the report has each call that was not accepted, with its error and its index. After
        an error that every task would meet, such as missing permissions, the remaining calls are not tried. What a
        receiver of task_enqueued raises is logged.
        """
        return self._enqueuer.enqueue_many(calls, concurrency)

    async def aenqueue_many(self, calls: Iterable[Call], *, concurrency: int = CONCURRENCY) -> Enqueued:
        """See enqueue_many()."""
        return await sync_to_async(self.enqueue_many, thread_sensitive=True)(calls, concurrency=concurrency)

    def get_result(self, result_id: str) -> KubernetesResult:
        """The result, as it is in the cluster now.

        Raises TaskResultDoesNotExist; InvalidResource when the task no longer imports; and the errors of
        `exceptions` that say why the cluster did not answer.
        """
        name, store = valid_name(result_id), self.store
        try:
            return self.decode(store.get(name))
        except TaskResultDoesNotExist:
            if is_workflow(store, name):
                raise TaskResultDoesNotExist(
                    f"{name} is a workflow, and no task: get_workflow() returns its result."
                ) from None
            raise

    async def aget_result(self, result_id: str) -> KubernetesResult:
        """See get_result()."""
        return await sync_to_async(self.get_result, thread_sensitive=self._asks_database)(result_id)

    def create(self, resource: Resource) -> KubernetesResult:
        """Creates a DjangoTask as it is, at once, such as one of a schedule. Returns its result.

        Raises TaskRefused where there is one of its name; InvalidResource when its task does not import here; and as
        enqueue() does.
        """
        return self._enqueuer.create(NewTask(self.decode(resource), marked(resource)))

    def cancel(self, result_id: str, reason: str = "") -> KubernetesResult:
        """Asks the operator to cancel a task: it is not started, or its pod is stopped, and the task is FAILED once the
        pod is gone. A task that is finished, or cancelled already, is left unchanged.

        `reason`: who or what asks, and why; shown with the task. Default: this host's name.
        Returns the current result. Raises as get_result() does.
        """
        text = (reason or f"asked by {socket.gethostname()}")[:CANCEL_REASON_MAX_CHARS]
        return self.decode(self.store.cancel(valid_name(result_id), text))

    async def acancel(self, result_id: str, reason: str = "") -> KubernetesResult:
        """See cancel()."""
        return await sync_to_async(self.cancel, thread_sensitive=self._asks_database)(result_id, reason)

    def retry(self, result_id: str, *, as_id: str | None = None, requested_by: str = "") -> KubernetesResult:
        """Enqueues a finished task once more, at once, as a new task with the same arguments and options. `as_id`: the
        id of the new task, so that the same call makes no second one. `requested_by`: kept with the new task.

        Returns the new task's result. Raises NotFinished; StorageFailed where its arguments are in a storage, and
        cannot be had from there; InvalidResource where they are results of other tasks, of which one is gone; and as
        enqueue() and get_result() do.
        """
        resource = self.store.get(valid_name(result_id))
        alias, options = self._alias_of(resource), self.parsed_options
        how = Repeat(as_id=as_id, requested_by=requested_by)
        return self._enqueuer.create(repetition(resource, alias, options, self._read, self._fill, how))

    async def aretry(self, result_id: str, *, as_id: str | None = None, requested_by: str = "") -> KubernetesResult:
        """See retry()."""
        retry = sync_to_async(self.retry, thread_sensitive=True)
        return await retry(result_id, as_id=as_id, requested_by=requested_by)

    @property
    def _is_pending(self) -> Callable[[str], bool] | None:
        return self._enqueuer.is_pending

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """Checks the settings, without I/O."""
        from django_tasks_kubernetes.checks import check_settings

        keys = task_backends.settings.get(self.alias, ())
        return list(check_settings(self.alias, self.options, self.queues, in_cluster=self.in_cluster, keys=keys))

    def decode(self, resource: Resource) -> KubernetesResult:
        """Returns the result of a resource. Raises InvalidResource."""
        return decode(resource, alias=self._alias_of(resource), read=self._read, fill=self._fill)

    def _read(self, ref: TextRef) -> str:
        return self.files.read(ref)

    def _fill(self, resource: Resource) -> str:
        return self.workflows.arguments_text(resource)

    def _alias_of(self, resource: Resource) -> str:
        """The alias the task was enqueued with, where it leads to such a backend here; else this one's."""
        alias: str = resource["spec"].get("backend", self.alias)
        if alias in task_backends.settings and isinstance(task_backends[alias], KubernetesBackend):
            return alias
        return self.alias
