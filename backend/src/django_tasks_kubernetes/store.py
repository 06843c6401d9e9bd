"""What the backend needs of the place where its DjangoTasks are."""

from collections.abc import Callable, Iterator
from typing import Protocol

from django.tasks.exceptions import TaskException

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.result import EnqueuedBy
from django_tasks_kubernetes.watch.subscription import Subscription
from djangotasks_api.names import WORKFLOW_KIND


class TaskStore(Protocol):
    """Where the DjangoTasks are: the API server (`stores.cluster`), also the outbox (`stores.outbox`), or memory
    (`testing`)."""

    def create(self, resource: Resource) -> Resource | None:
        """Creates the DjangoTask, and returns None; or the one that its idempotency key has made before."""

    def get(self, name: str) -> Resource:
        """Raises TaskResultDoesNotExist."""

    def cancel(self, name: str, reason: str) -> Resource:
        """Asks to cancel it, and returns it as it is then. One that is finished or cancelled is left as it is."""

    def find(self, selector: str) -> Iterator[Resource]:
        """Those that match a field selector."""

    def subscribe(self, subscription: Subscription) -> Callable[[], None]:
        """Fills the subscription with the state of its tasks and each change, until what is returned is called."""

    def names(self) -> Iterator[str]:
        """Of all."""

    @property
    def enqueued_by(self) -> EnqueuedBy | None:
        """The task whose code asks: it counts as the one that has enqueued what is created. None outside of tasks."""

    @property
    def workflows(self) -> "TaskStore":
        """The same for DjangoTaskWorkflows."""


class HasWorkflows(Protocol):
    """A TaskStore, or what stands for one."""

    @property
    def workflows(self) -> TaskStore: ...


def is_workflow(store: HasWorkflows, name: str) -> bool:
    """Whether the name is a workflow's, as far as it can be known."""
    try:
        store.workflows.get(name)
    except TaskException:
        return False
    return True


def store_of(store: TaskStore, resource: Resource) -> TaskStore:
    """The store of resources of this kind: rows of the outbox are tasks and workflows."""
    return store.workflows if resource["kind"] == WORKFLOW_KIND else store
