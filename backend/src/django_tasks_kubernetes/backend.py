"""The Django Tasks backend: enqueue() creates a DjangoTask, get_result() reads it."""

import logging
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from asgiref.sync import sync_to_async
from django.core import checks
from django.tasks import Task, TaskResult, TaskResultStatus, task_backends
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.exceptions import InvalidTask
from django.tasks.signals import task_enqueued

from django_tasks_kubernetes import codec
from django_tasks_kubernetes.bulk import CONCURRENCY, Call, Enqueued
from django_tasks_kubernetes.delivery import deliver, deliver_many
from django_tasks_kubernetes.durations import Duration
from django_tasks_kubernetes.exceptions import ApiUnavailable, InvalidResource
from django_tasks_kubernetes.kubernetes_task import KubernetesTask, validate_options
from django_tasks_kubernetes.new_task import NewTask, new_task, repetition
from django_tasks_kubernetes.options import Enqueue, Options
from django_tasks_kubernetes.task_types import AnyResult, AnyTask
from django_tasks_kubernetes.validation import queue_problem, valid_name, validate_found, validate_importable
from djangotasks_api.names import CANCEL_REASON_MAX_CHARS
from djangotasks_api.stored import TextRef

if TYPE_CHECKING:
    from django_tasks_kubernetes.codec import Resource
    from django_tasks_kubernetes.stored import Files
    from django_tasks_kubernetes.watching.changes import Changes
    from django_tasks_kubernetes.watching.subscription import Subscription

logger = logging.getLogger(__name__)

QUICK_SECONDS: Final = 2.0


class Store(Protocol):
    """Where the DjangoTasks are: the API server (`client.Client`), or memory (`testing`)."""

    def create(self, resource: "Resource") -> "Resource | None":
        """None when it is created; else the one that its idempotency key has made before."""

    def get(self, name: str) -> "Resource": ...

    def cancel(self, name: str, reason: str) -> "Resource":
        """As it is then. One that is finished or cancelled is left as it is."""

    def find(self, selector: str) -> "Iterator[Resource]":
        """Those that match a field selector."""

    def pending(self, name: str) -> bool:
        """Whether it is known here that the task is yet to be created."""

    def subscribe(self, subscription: "Subscription") -> "Callable[[], None]":
        """Tells it how its tasks are and what changes, until what is returned is called."""

    def names(self) -> Iterator[str]:
        """Of all."""


class KubernetesBackend(BaseTaskBackend):
    """Runs every task in a Kubernetes Job of its own.

    Cheap to make and to import: Django makes one for each thread, and task pods make one too. The connection is
    made by the first request and shared by the threads of the process.
    """

    task_class = KubernetesTask
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)

    @cached_property
    def parsed_options(self) -> Options:
        """Raises ImproperlyConfigured. Not before the first request, so that `check` can say what is wrong."""
        return Options.parse(self.options)

    @property
    def store(self) -> Store:
        """Where the tasks are. Raises ClusterNotConfigured."""
        from django_tasks_kubernetes.client import connect

        client = connect(self.parsed_options)
        if self.parsed_options.enqueue is not Enqueue.OUTBOX:
            return client
        from django_tasks_kubernetes.outbox import OutboxStore

        return OutboxStore(client, self.parsed_options.database)

    @property
    def quick_store(self) -> Store:
        """The same, for a request that nobody needs to wait for: asked once, and not for long."""
        from django_tasks_kubernetes.client import connect

        options = self.parsed_options
        return connect(replace(options, retries=0, request_timeout=min(options.request_timeout, QUICK_SECONDS)))

    @property
    def namespace(self) -> str:
        """Where the tasks are. Raises ClusterNotConfigured."""
        from django_tasks_kubernetes.client import connect

        return self.parsed_options.namespace or connect(self.parsed_options).namespace

    @cached_property
    def files(self) -> "Files":
        """Where arguments and return values are that are too large for a DjangoTask."""
        from django_tasks_kubernetes.stored import Files

        return Files(self.parsed_options.storage or "", self.parsed_options.storage_max_bytes)

    def validate_task(self, task: AnyTask) -> None:
        """Raises InvalidTask. Called for every @task, so also in task pods, and again by enqueue()."""
        super().validate_task(task)
        if problem := queue_problem(task.queue_name):
            raise InvalidTask(problem)
        validate_importable(task)
        validate_options(task)

    def enqueue[**P, R](self, task: "Task[P, R]", args: Sequence[Any], kwargs: Mapping[str, Any]) -> "TaskResult[P, R]":
        """Creates the DjangoTask. When this returns, the cluster has it, unless OPTIONS["ENQUEUE"] says otherwise.

        With an idempotency_key whose task is known already, the result is that of the known one.

        Raises InvalidTask; TypeError or ValueError for arguments that are not JSON; PayloadTooLarge; StorageFailed
        where they go to a storage that does not take them; and the other errors of `exceptions`.
        After ApiUnavailable the task may exist, if the answer was lost and not the request.
        """
        return cast("TaskResult[P, R]", deliver(self, self.new_task(task, args, kwargs)))

    async def aenqueue[**P, R](
        self, task: "Task[P, R]", args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> "TaskResult[P, R]":
        """As enqueue(). The request runs in a thread of its own, beside others.

        The receivers of task_enqueued run as Django's asend() does it: asynchronous ones here, synchronous ones in
        the thread that has the request's database connections.
        """
        if self.parsed_options.enqueue is not Enqueue.IMMEDIATE:
            # A transaction belongs to a thread.
            return await sync_to_async(self.enqueue, thread_sensitive=True)(task, args, kwargs)

        def create() -> tuple[AnyResult, bool]:
            return self.create(self.new_task(task, args, kwargs))

        result, created = await sync_to_async(create, thread_sensitive=False)()
        if created:
            await task_enqueued.asend(type(self), task_result=result)
        return cast("TaskResult[P, R]", result)

    def enqueue_many(self, calls: Iterable[Call], *, concurrency: int = CONCURRENCY) -> Enqueued:
        """Enqueues many tasks, so many at once: `[(task, args, kwargs), …]`, or any iterable of such tuples.

        Raises for none of them: what was not accepted is in the report, with the error and the index of its call. An
        API server that does not answer, or refuses this process, is not asked again for what is left.
        """
        return deliver_many(self, calls, concurrency)

    async def aenqueue_many(self, calls: Iterable[Call], *, concurrency: int = CONCURRENCY) -> Enqueued:
        """See enqueue_many()."""
        return await sync_to_async(self.enqueue_many, thread_sensitive=True)(calls, concurrency=concurrency)

    def get_result(self, result_id: str) -> AnyResult:
        """The result, as it is in the cluster now.

        Raises TaskResultDoesNotExist; InvalidResource when the task no longer imports; and the errors of
        `exceptions` that say why the cluster did not answer.
        """
        return self.decoded(self.store.get(valid_name(result_id)))

    async def aget_result(self, result_id: str) -> AnyResult:
        """See get_result()."""
        return await sync_to_async(self.get_result, thread_sensitive=False)(result_id)

    def cancel(self, result_id: str, reason: str = "") -> AnyResult:
        """Asks the operator to cancel a task: it is not started, or its pod is stopped, and the task is FAILED once the
        pod is gone. One that is finished, or cancelled already, stays as it is.

        `reason`: who or what asks, and why; shown with the task. Default: this host's name.
        Returns the result as it is now. Raises as get_result() does.
        """
        name = valid_name(result_id)
        text = (reason or f"asked by {socket.gethostname()}")[:CANCEL_REASON_MAX_CHARS]
        return self.decoded(self.store.cancel(name, text))

    async def acancel(self, result_id: str, reason: str = "") -> AnyResult:
        """See cancel()."""
        return await sync_to_async(self.cancel, thread_sensitive=False)(result_id, reason)

    def retry(self, result_id: str) -> AnyResult:
        """Enqueues a finished task once more, at once, as a new task with the same arguments and options.

        Returns the new task's result. Raises NotFinished; StorageFailed where its arguments are in a storage, and
        cannot be had from there; and as enqueue() and get_result() do.
        """
        resource = self.store.get(valid_name(result_id))
        result, _ = self.create(repetition(resource, self._alias_of(resource), self._read))
        task_enqueued.send(type(self), task_result=result)
        return result

    async def aretry(self, result_id: str) -> AnyResult:
        """See retry()."""
        return await sync_to_async(self.retry, thread_sensitive=True)(result_id)

    def results(
        self,
        *,
        queue: str | None = None,
        status: TaskResultStatus | str | None = None,
        task: AnyTask | str | None = None,
    ) -> Iterator[AnyResult]:
        """The results that are known, page by page and in no order: all, or those of a queue, in a status, of a task
        (or its path). What no longer imports here is left out, and logged.
        """
        wanted = None if status is None else TaskResultStatus(status)
        path = task.module_path if isinstance(task, Task) else task
        for resource in self.store.find(codec.selector(queue=queue, status=wanted, task=path)):
            try:
                result = self.decoded(resource)
            except InvalidResource as error:
                logger.warning("Left out of results(): %s", error)
                continue
            if wanted in (None, result.status):
                yield result

    def watch(
        self,
        result_id: str | None = None,
        *,
        queue: str | None = None,
        task: AnyTask | str | None = None,
        repeat: Duration | None = None,
    ) -> "Changes":
        """The changes of a task, or of all tasks, those of a queue, or of a task (or its path), as they happen. To be
        iterated over with `for` or with `async for`; each iteration begins with how things are now.

        With an id it ends with the finished result. Otherwise it goes on for ever; what no longer imports here is left
        out, and logged. Whoever is slow misses what happens in between, and gets the newest.
        `repeat`: with an id, after so long without a change the last result comes again, so that connections stay open.

        The iteration raises as get_result() does.
        """
        from django_tasks_kubernetes.watching.changes import Changes

        if result_id is not None and (queue is not None or task is not None):
            raise TypeError("watch() takes an id, or a queue and a task, and not both.")
        if result_id is None and repeat is not None:
            raise TypeError("watch() takes repeat together with an id.")
        name = None if result_id is None else valid_name(result_id)
        return Changes(self, name, queue=queue, task=task, repeat=repeat)

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        from django_tasks_kubernetes.checks import check_settings

        return list(check_settings(self))

    def new_task(self, task: AnyTask, args: Sequence[Any], kwargs: Mapping[str, Any]) -> NewTask:
        """The task, validated, with its id. Nothing is sent."""
        self.validate_task(task)
        validate_found(task)
        return new_task(task, args, kwargs, self.alias, self.parsed_options)

    def create(self, new: NewTask) -> tuple[AnyResult, bool]:
        """Creates it in the cluster. Its result, or that of the one with its key; and whether it is new."""
        known = self.send(self.store, new)
        return (new.result, True) if known is None else (self.decoded(known), False)

    def send(self, store: Store, new: NewTask) -> "Resource | None":
        """Creates it in a store, as store.create() does; its payload in the storage before that, if it goes there."""
        if new.overflow is None:
            return store.create(new.resource)
        placed = self.placed(new)
        try:
            known = store.create(placed.resource)
        except ApiUnavailable:
            raise  # It may exist.
        except Exception:
            self._forget_payload(placed)
            raise
        if known is not None:  # by its key: it has a payload of its own
            self._forget_payload(placed)
        return known

    def placed(self, new: NewTask) -> NewTask:
        """With its payload in the storage, if it goes there. Raises StorageFailed."""
        if new.overflow is None:
            return new
        ref = self.files.write(self.namespace, new.name, "payload", new.overflow)
        spec = new.resource["spec"] | {"payloadRef": ref.to_data()}
        return NewTask(new.result, new.resource | {"spec": spec})

    def decoded(self, resource: "Resource") -> AnyResult:
        """The result of a resource. Raises InvalidResource."""
        return codec.decode(resource, alias=self._alias_of(resource), read=self._read)

    def _read(self, ref: TextRef) -> str:
        return self.files.read(ref)

    def _forget_payload(self, placed: NewTask) -> None:
        self.files.delete(TextRef.from_data(placed.resource["spec"]["payloadRef"]))

    def _alias_of(self, resource: "Resource") -> str:
        """The alias the task was enqueued with, where it leads to such a backend here; else this one's."""
        alias: str = resource["spec"].get("backend", self.alias)
        if alias in task_backends.settings and isinstance(task_backends[alias], KubernetesBackend):
            return alias
        return self.alias
