"""What the operator keeps a copy of, and how an object of each kind gets into the store and out of it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from pydantic import ValidationError

from djangotasks_api.models import DjangoTask, DjangoTaskQueue
from djangotasks_api.names import TASK_UID_LABEL
from djangotasks_operator.api import JOBS, PODS, QUEUES, TASKS, Resource
from djangotasks_operator.observed import Job, Object, Pod, attempt_of, parse_job, parse_pod
from djangotasks_operator.store import Key, Store, newer, parse_task

logger = logging.getLogger(__name__)


class Version(Protocol):
    """Of one object: what tells it from others and from what it was."""

    @property
    def uid(self) -> str: ...
    @property
    def resource_version(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Kind[Item]:
    """`parse`: None for what is none of ours, or cannot be read. `known`: all of the kind in the store. `identity`:
    namespace and uid. `held`: what the store has in the place of an object with this metadata. `unread`: what to do
    with the body of an object that `parse` made nothing of."""

    resource: Resource
    selector: str
    parse: Callable[[Object], Item | None]
    put: Callable[[Store, Item], None]
    drop: Callable[[Store, Item], None]
    known: Callable[[Store], list[Item]]
    identity: Callable[[Item], tuple[str, str]]
    held: Callable[[Store, Object], Version | None] = lambda *_: None
    unread: Callable[[Store, Object], None] = lambda *_: None

    def take(self, store: Store, event: Object) -> None:
        """Takes over what an event of a watch tells."""
        body, deleted = event["object"], event["type"] == "DELETED"
        if not deleted and not self.is_news(store, body):
            return
        if (item := self.parse(body)) is None:
            self.unread(store, body)
        else:
            (self.drop if deleted else self.put)(store, item)

    def is_news(self, store: Store, body: Object) -> bool:
        """False where the store has this version of the object, or a later one. Most events tell of our own writes,
        whose answers came before, and a list tells of what is known: it is not worth the CPU to parse that again."""
        metadata = body["metadata"]
        held = self.held(store, metadata)
        return held is None or held.uid != metadata["uid"] or newer(metadata["resourceVersion"], held.resource_version)


type SeenTask = tuple[DjangoTask, str | None]


def _task_identity(seen: SeenTask) -> tuple[str, str]:
    return seen[0].metadata.namespace, seen[0].metadata.uid


def _held_task(store: Store, metadata: Object) -> Version | None:
    task = store.task(Key(metadata["namespace"], metadata["name"]))
    return None if task is None else task.metadata


def _held(find: Callable[[Store, Key, int], Version | None], store: Store, metadata: Object) -> Version | None:
    """`find`: an attempt's Job, or its Pod."""
    if (labelled := attempt_of(metadata)) is None:
        return None
    task, _, attempt = labelled
    return find(store, Key(metadata["namespace"], task), attempt)


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
    unread=lambda store, body: store.drop_queue(Key(body["metadata"]["namespace"], body["metadata"]["name"])),
)
TASK_KIND = Kind[SeenTask](
    TASKS,
    "",
    parse_task,
    lambda store, seen: store.put_task(*seen),
    lambda store, seen: store.drop_task(seen[0]),
    lambda store: [(task, None) for task in store.tasks()],
    _task_identity,
    _held_task,
)
JOB_KIND = Kind(
    JOBS, TASK_UID_LABEL, parse_job, Store.put_job, Store.drop_job, Store.jobs, _identity, partial(_held, Store.job)
)
POD_KIND = Kind(
    PODS, TASK_UID_LABEL, parse_pod, Store.put_pod, Store.drop_pod, Store.pods, _identity, partial(_held, Store.pod)
)
# In the order in which they are listed: a Job or Pod that a listed task tells of is in its own list, unless it is
# gone.
KINDS: tuple[Kind[Any], ...] = (QUEUE_KIND, TASK_KIND, JOB_KIND, POD_KIND)
