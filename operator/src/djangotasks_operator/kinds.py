"""What the operator keeps a copy of, and how an object of each kind gets into the store and out of it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from djangotasks_api.models import DjangoTask, DjangoTaskQueue
from djangotasks_api.names import TASK_UID_LABEL
from djangotasks_operator.api import JOBS, PODS, QUEUES, TASKS, Resource
from djangotasks_operator.observed import Job, Object, Pod, parse_job, parse_pod
from djangotasks_operator.store import Key, Store, parse_task

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind[Item]:
    """`parse`: None for what is none of ours, or cannot be read. `known`: all of the kind in the store. `identity`:
    namespace and uid. `unread`: what to do with the body of an object that `parse` made nothing of."""

    resource: Resource
    selector: str
    parse: Callable[[Object], Item | None]
    put: Callable[[Store, Item], None]
    drop: Callable[[Store, Item], None]
    known: Callable[[Store], list[Item]]
    identity: Callable[[Item], tuple[str, str]]
    unread: Callable[[Store, Object], None] = lambda *_: None

    def take(self, store: Store, event: Object) -> None:
        """Takes over what an event of a watch tells."""
        if (item := self.parse(event["object"])) is None:
            self.unread(store, event["object"])
        else:
            (self.drop if event["type"] == "DELETED" else self.put)(store, item)


type SeenTask = tuple[DjangoTask, str | None]


def _task_identity(seen: SeenTask) -> tuple[str, str]:
    return seen[0].metadata.namespace, seen[0].metadata.uid


def _queue_identity(queue: DjangoTaskQueue) -> tuple[str, str]:
    return queue.metadata.namespace, queue.metadata.uid


def _identity(item: Job | Pod) -> tuple[str, str]:
    return item.namespace, item.uid


def parse_queue(body: Object) -> DjangoTaskQueue | None:
    """A queue that cannot be read is as good as none: its tasks wait, and the log says why."""
    try:
        return DjangoTaskQueue.model_validate(body)
    except ValidationError as error:
        metadata = body["metadata"]
        logger.warning("queue %s/%s cannot be read: %s", metadata["namespace"], metadata["name"], error)
        return None


QUEUE_KIND = Kind(
    QUEUES,
    "",
    parse_queue,
    Store.put_queue,
    lambda store, queue: store.drop_queue(Key(queue.metadata.namespace, queue.metadata.name)),
    Store.queues,
    _queue_identity,
    lambda store, body: store.drop_queue(Key(body["metadata"]["namespace"], body["metadata"]["name"])),
)
TASK_KIND = Kind[SeenTask](
    TASKS,
    "",
    parse_task,
    lambda store, seen: store.put_task(*seen),
    lambda store, seen: store.drop_task(seen[0]),
    lambda store: [(task, None) for task in store.tasks()],
    _task_identity,
)
JOB_KIND = Kind(JOBS, TASK_UID_LABEL, parse_job, Store.put_job, Store.drop_job, Store.jobs, _identity)
POD_KIND = Kind(PODS, TASK_UID_LABEL, parse_pod, Store.put_pod, Store.drop_pod, Store.pods, _identity)
# In the order in which they are listed: a Job or Pod that a listed task tells of is in its own list, unless it is
# gone.
KINDS: tuple[Kind[Any], ...] = (QUEUE_KIND, TASK_KIND, JOB_KIND, POD_KIND)
