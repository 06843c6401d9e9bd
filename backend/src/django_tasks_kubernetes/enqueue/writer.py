"""Creates DjangoTasks where they are kept, each with its payload in a storage first if that is where it goes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.tasks.signals import task_enqueued

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.enqueue.new_task import NewTask
from django_tasks_kubernetes.exceptions import ApiUnavailable
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.store import TaskStore
from djangotasks_api.stored import TextRef

if TYPE_CHECKING:
    from django_tasks_kubernetes.storage.files import Files


@dataclass(frozen=True, slots=True)
class TaskWriter:
    """For one alias of TASKS. Takes callables, called each time, because a connection does not survive a fork."""

    alias: str
    """The alias in TASKS."""

    sender: type
    """The sender of task_enqueued: the backend's class."""

    store: Callable[[], TaskStore]
    """Where DjangoTasks are created. Raises ClusterNotConfigured."""

    best_effort_store: Callable[[], TaskStore]
    """The same, for requests that are made once and have little time. Raises ClusterNotConfigured."""

    namespace: Callable[[], str]
    """The namespace of the tasks. Raises ClusterNotConfigured."""

    files: "Callable[[], Files]"
    """Where payloads go that are too large for a DjangoTask. A call, because storages take time to import."""

    decode: Callable[[Resource], KubernetesResult]
    """The result of a DjangoTask. Raises InvalidResource."""

    stored: Callable[[KubernetesResult], None] = lambda result: None
    """What follows task_enqueued."""

    def create(self, new: NewTask) -> KubernetesResult:
        """Creates the task, and sends task_enqueued. Returns its result, or that of the one with its key."""
        result, created = self.create_silently(new)
        if created:
            self.announce(result)
        return result

    def create_silently(self, new: NewTask) -> tuple[KubernetesResult, bool]:
        """The same without the signal. Returns whether the task is new, too."""
        known = self.send(self.store(), new)
        return (new.result, True) if known is None else (self.decode(known), False)

    def send(self, store: TaskStore, new: NewTask) -> Resource | None:
        """Creates the DjangoTask in a store, as store.create() does. The result then says by which task."""
        known = self._send(store, new)
        if known is None:
            new.result.note_enqueued_by(store.enqueued_by)
        return known

    def _send(self, store: TaskStore, new: NewTask) -> Resource | None:
        if new.overflow is None:
            return store.create(new.resource)
        stored = self.with_stored_payload(new)
        try:
            known = store.create(stored.resource)
        except ApiUnavailable:
            raise  # It may exist.
        except Exception:
            self._delete_payload(stored)
            raise
        if known is not None:  # by its key: it has a payload of its own
            self._delete_payload(stored)
        return known

    def with_stored_payload(self, new: NewTask) -> NewTask:
        """Writes the payload to the storage, if it goes there. Raises StorageFailed."""
        if new.overflow is None:
            return new
        ref = self.files().write(self.namespace(), new.name, "payload", new.overflow)
        spec = new.resource["spec"] | {"payloadRef": ref.to_data()}
        return NewTask(new.result, new.resource | {"spec": spec})

    def announce(self, result: KubernetesResult) -> None:
        """Sends task_enqueued. What a receiver raises is raised, as with Django's own backends."""
        task_enqueued.send(self.sender, task_result=result)
        self.stored(result)

    def announce_robustly(self, result: KubernetesResult) -> None:
        """The same for one of many tasks: what a receiver raises is logged. The others are there too, and their
        receivers wait; and who got an error in place of their ids would enqueue all of them again."""
        task_enqueued.send_robust(self.sender, task_result=result)
        self.stored(result)

    def _delete_payload(self, stored: NewTask) -> None:
        self.files().delete(TextRef.from_data(stored.resource["spec"]["payloadRef"]))
