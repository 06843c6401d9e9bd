"""When a task goes to the cluster: OPTIONS["ENQUEUE"].

`delivery_for` is the one place that asks for the mode. What else depends on it is a method or an attribute here, so
that a mode which forgets one is a type error.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from django_tasks_kubernetes.conf import Enqueue
from django_tasks_kubernetes.enqueue.bulk import Failure, create_all
from django_tasks_kubernetes.enqueue.new_task import NewTask
from django_tasks_kubernetes.enqueue.on_commit import on_commit, waits_for_commit
from django_tasks_kubernetes.enqueue.writer import TaskWriter
from django_tasks_kubernetes.exceptions import NotCommitted
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.store import TaskStore


class Delivery(ABC):
    """How new tasks get to the cluster."""

    uses_database: ClassVar[bool]
    """Whether it belongs to a transaction of the calling thread, and the task may therefore come into being later."""

    needs_app: ClassVar[bool]
    """Whether the app has to be in INSTALLED_APPS, and its tables migrated."""

    def __init__(self, writer: TaskWriter, using: str) -> None:
        """`using`: the alias in DATABASES of the transactions that count."""
        self._writer = writer
        self._using = using

    @abstractmethod
    def prepare(self, new: NewTask) -> NewTask:
        """Does what has to be done for each task before any is delivered. Raises StorageFailed."""

    @abstractmethod
    def deliver(self, new: NewTask) -> KubernetesResult:
        """Delivers one prepared task. Returns its result, or that of the one with its idempotency key."""

    @abstractmethod
    def deliver_many(
        self, tasks: Sequence[NewTask], concurrency: int
    ) -> tuple[list[KubernetesResult | None], list[Failure]]:
        """Delivers prepared tasks. Returns the result of each, and the failures by the index of their task."""

    @abstractmethod
    def store(self, cluster: TaskStore) -> TaskStore:
        """Where the tasks can be found that were delivered so."""

    @abstractmethod
    def is_pending(self, name: str) -> bool:
        """Whether a task that the cluster does not have is known here, and yet to be created. Asks the database.

        Raises NotCommitted where that would not happen while the caller waits for it.
        """


class Immediate(Delivery):
    """Within enqueue()."""

    uses_database = False
    needs_app = False

    def prepare(self, new: NewTask) -> NewTask:
        return new

    def deliver(self, new: NewTask) -> KubernetesResult:
        return self._writer.create(new)

    def deliver_many(
        self, tasks: Sequence[NewTask], concurrency: int
    ) -> tuple[list[KubernetesResult | None], list[Failure]]:
        return _create_many(self._writer, tasks, concurrency)

    def store(self, cluster: TaskStore) -> TaskStore:
        return cluster

    def is_pending(self, name: str) -> bool:
        return False


class OnCommit(Delivery):
    """When the current database transaction is committed; at once where there is none."""

    uses_database = True
    needs_app = False

    def prepare(self, new: NewTask) -> NewTask:
        return new

    def deliver(self, new: NewTask) -> KubernetesResult:
        on_commit([new.name], partial(self._writer.create, new), using=self._using)
        return new.result

    def deliver_many(
        self, tasks: Sequence[NewTask], concurrency: int
    ) -> tuple[list[KubernetesResult | None], list[Failure]]:
        def send() -> None:
            _, failed = _create_many(self._writer, tasks, concurrency)
            if failed:
                message = f"{len(failed):,} of {len(tasks):,} tasks were not accepted"
                raise ExceptionGroup(message, [error for _, error in failed])

        on_commit([new.name for new in tasks], send, using=self._using)
        return [new.result for new in tasks], []

    def store(self, cluster: TaskStore) -> TaskStore:
        return cluster

    def is_pending(self, name: str) -> bool:
        _refuse_to_wait_for_commit(name, self._using)
        return False


class Outbox(Delivery):
    """When the current transaction is committed, from a row that was written in it: so the task survives the process,
    and an API server that is away."""

    uses_database = True
    needs_app = True

    def prepare(self, new: NewTask) -> NewTask:
        return self._writer.with_stored_payload(new)

    def deliver(self, new: NewTask) -> KubernetesResult:
        self.deliver_many([new], 1)
        return new.result

    def deliver_many(
        self, tasks: Sequence[NewTask], concurrency: int
    ) -> tuple[list[KubernetesResult | None], list[Failure]]:
        from django_tasks_kubernetes.enqueue import outbox  # has a model: only where the app is installed

        outbox.put(self._writer, tasks, self._using)
        return [new.result for new in tasks], []

    def store(self, cluster: TaskStore) -> TaskStore:
        from django_tasks_kubernetes.stores.outbox import OutboxStore

        return OutboxStore(cluster, self._using)

    def is_pending(self, name: str) -> bool:
        from django_tasks_kubernetes.stores.outbox import has_row

        _refuse_to_wait_for_commit(name, self._using)
        return has_row(self._using, name)


def delivery_for(mode: Enqueue) -> type[Delivery]:
    match mode:
        case Enqueue.IMMEDIATE:
            return Immediate
        case Enqueue.ON_COMMIT:
            return OnCommit
        case Enqueue.OUTBOX:
            return Outbox


def _create_many(
    writer: TaskWriter, tasks: Sequence[NewTask], concurrency: int
) -> tuple[list[KubernetesResult | None], list[Failure]]:
    # A process may have no way to the cluster at all: asked for within, that is an error like another.
    done, failed = create_all(lambda new: writer.send(writer.store(), new), tasks, concurrency)
    results: list[KubernetesResult | None] = [None] * len(tasks)
    for index, known in sorted(done.items()):
        results[index] = tasks[index].result if known is None else writer.decode(known)
        if known is None:
            writer.announce_robustly(tasks[index].result)
    return results, failed


def _refuse_to_wait_for_commit(name: str, using: str) -> None:
    if waits_for_commit(name, using):
        raise NotCommitted(
            f"{name} is created when the current transaction is committed, which cannot happen while it "
            "is waited for in there. Wait after it: outside of atomic(), and of a view with ATOMIC_REQUESTS."
        )
