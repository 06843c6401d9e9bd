"""The last seen state of every task, its Jobs and its Pods, and of every queue.

Filled by watch events, by the answers to our own writes, and by the periodic resync; whichever is newer stays.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from djangotasks_api.models import DjangoTask, DjangoTaskQueue, TaskSpec, TaskStatus
from djangotasks_api.models.base import Metadata
from djangotasks_api.names import QUEUE_PLURAL, TASK_PLURAL
from djangotasks_operator.observed import Job, Pod
from djangotasks_operator.roster import Roster, limits_of
from djangotasks_operator.snapshot import Snapshot
from djangotasks_operator.streams import Streams


class Key(NamedTuple):
    """A task's (or a queue's) namespace and name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(slots=True)
class Entry:
    """All that is known under one task's name. `invalid`: why its spec cannot be read. `gone`: the uids of Jobs and
    Pods that are deleted, which an answer that was on its way meanwhile must not bring back."""

    task: DjangoTask | None = None
    invalid: str | None = None
    jobs: dict[int, Job] = field(default_factory=dict)
    pods: dict[int, Pod] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)


# What the tasks of a backlog have: one for all of them saves 0.7 KB of 4.7 a task.
UNTOUCHED = TaskStatus()
UNTOUCHED_FIELDS = UNTOUCHED.model_dump(mode="json", by_alias=True)


def parse_task(body: Mapping[str, Any]) -> tuple[DjangoTask, str | None]:
    """The task without its payload, its result and its log's text, which may be large and decide nothing; and what is
    wrong with its spec, where the schema let through what cannot be read."""
    spec = {k: v for k, v in body["spec"].items() if k != "payload"}
    if spec.get("cancel") and not spec.get("cancelReason") and (manager := _canceller(body["metadata"])):
        spec["cancelReason"] = f"set by {manager}"
    status: Any = {k: v for k, v in body.get("status", {}).items() if k != "result"}
    if tail := status.get("logTail"):
        status["logTail"] = tail | {"text": ""}
    if all(UNTOUCHED_FIELDS.get(name) == value for name, value in status.items()):
        status = UNTOUCHED
    try:
        return DjangoTask.model_validate({"metadata": body["metadata"], "spec": spec, "status": status}), None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        invalid = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    metadata = Metadata.model_validate(body["metadata"])
    try:
        parsed = TaskStatus.model_validate(status)
    except ValidationError:
        parsed = TaskStatus()
    return DjangoTask(metadata=metadata, spec=TaskSpec(task="invalid.invalid"), status=parsed), invalid


class Store:
    """In memory. Not thread-safe: one event loop uses it.

    `changed`: is called with the key of each task that there is news about, wherever they come from; what comes a
    second time is none. `streams`: is told of each version that is seen, since the watches must tell of it as well.
    `queue_news`: is called with each queue whose spec is news (True), or that has lost a task (False).
    `listening_since`: see Snapshot.
    """

    listening_since: datetime | None = None

    def __init__(
        self,
        changed: Callable[[Key], None] = lambda _: None,
        streams: Streams | None = None,
        queue_news: Callable[[Key, bool], None] = lambda *_: None,
    ) -> None:
        self._changed = changed
        self._queue_news = queue_news
        self._streams = streams or Streams()
        self._entries: dict[Key, Entry] = {}
        self._queues: dict[Key, DjangoTaskQueue] = {}
        self._roster: Roster[Key, Key] = Roster(lambda queue: limits_of(self._queues.get(queue)))

    def __len__(self) -> int:
        return len(self._entries)

    def task(self, key: Key) -> DjangoTask | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.task

    def job(self, key: Key, attempt: int) -> Job | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.jobs.get(attempt)

    def pod(self, key: Key, attempt: int) -> Pod | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.pods.get(attempt)

    def queue(self, key: Key) -> DjangoTaskQueue | None:
        return self._queues.get(key)

    def put_task(self, task: DjangoTask, invalid: str | None = None) -> None:
        key = Key(task.metadata.namespace, task.metadata.name)
        entry = self._entries.setdefault(key, Entry())
        if entry.task is not None and entry.task.metadata.uid != task.metadata.uid:
            entry.lost.clear()
        if entry.task is None or newer(task.metadata.resource_version, entry.task.metadata.resource_version):
            if entry.task is not None and entry.task.metadata.uid != task.metadata.uid:
                self._roster.drop(key, _queue_of(entry.task))
            entry.task, entry.invalid = _trimmed(task), invalid
            self._streams.expect(TASK_PLURAL, key.namespace, task.metadata.uid, task.metadata.resource_version)
            self._changed(key)
            for surplus in self._roster.put(key, _queue_of(task), entry.task):
                self._changed(surplus)

    def drop_task(self, task: DjangoTask) -> None:
        key = Key(task.metadata.namespace, task.metadata.name)
        self._streams.gone(TASK_PLURAL, key.namespace, task.metadata.uid)
        entry = self._entries.get(key)
        if entry is not None and entry.task is not None and entry.task.metadata.uid == task.metadata.uid:
            entry.task = None
            entry.lost.clear()
            self._roster.drop(key, _queue_of(task))
            self._forget_if_empty(key, entry)
            self._changed(key)
            self._queue_news(_queue_of(task), False)

    def put_job(self, job: Job) -> None:
        self._put("jobs", job, lambda entry: entry.jobs)

    def put_pod(self, pod: Pod) -> None:
        self._put("pods", pod, lambda entry: entry.pods)

    def drop_job(self, job: Job) -> None:
        self._drop("jobs", job, lambda entry: entry.jobs)

    def drop_pod(self, pod: Pod) -> None:
        self._drop("pods", pod, lambda entry: entry.pods)

    def mark_lost(self, key: Key, attempt: int) -> None:
        """The attempt's Pod was looked for, and is not there."""
        if (entry := self._entries.get(key)) is not None:
            entry.lost.add(attempt)

    def put_queue(self, queue: DjangoTaskQueue) -> None:
        key = Key(queue.metadata.namespace, queue.metadata.name)
        known = self._queues.get(key)
        if known is None or newer(queue.metadata.resource_version, known.metadata.resource_version):
            self._queues[key] = queue
            self._streams.expect(QUEUE_PLURAL, key.namespace, queue.metadata.uid, queue.metadata.resource_version)
            # Its status is our own doing, and no news to its tasks.
            if known is None or _identity(known) != _identity(queue):
                self._queue_changed(key)

    def drop_queue(self, key: Key) -> None:
        if (queue := self._queues.pop(key, None)) is not None:
            self._streams.gone(QUEUE_PLURAL, key.namespace, queue.metadata.uid)
            self._queue_changed(key)

    def snapshot(self, key: Key, *, admitted: bool) -> Snapshot | None:
        """What `decide` is shown, or None where there is no such task."""
        entry = self._entries.get(key)
        if entry is None or entry.task is None:
            return None
        task = entry.task
        uid = task.metadata.uid
        return Snapshot(
            task=task,
            queue=self._queues.get(Key(key.namespace, task.spec.queue)),
            jobs={n: job for n, job in entry.jobs.items() if job.task_uid == uid},
            pods={n: pod for n, pod in entry.pods.items() if pod.task_uid == uid},
            lost=frozenset(entry.lost),
            admitted=admitted,
            invalid=entry.invalid,
            surplus=self._roster.is_surplus(key, _queue_of(task), task.status.phase),
            listening_since=self.listening_since,
        )

    def queues(self) -> list[DjangoTaskQueue]:
        return list(self._queues.values())

    def all_keys(self) -> list[Key]:
        return list(self._entries)

    def tasks(self) -> list[DjangoTask]:
        return [entry.task for entry in self._entries.values() if entry.task is not None]

    def jobs(self) -> list[Job]:
        return [job for entry in self._entries.values() for job in entry.jobs.values()]

    def pods(self) -> list[Pod]:
        return [pod for entry in self._entries.values() for pod in entry.pods.values()]

    def unfinished(self, queue: Key) -> Mapping[Key, datetime]:
        """The unfinished tasks of a queue, and when the next attempt of each may start."""
        return self._roster.unfinished(queue)

    def _queue_changed(self, queue: Key) -> None:
        self._queue_news(queue, True)
        for key in (*self.unfinished(queue), *self._roster.apply_limits(queue)):
            self._changed(key)

    def _put[Item: (Job, Pod)](self, resource: str, item: Item, items_of: Callable[[Entry], dict[int, Item]]) -> None:
        key = Key(item.namespace, item.task)
        entry = self._entries.setdefault(key, Entry())
        items = items_of(entry)
        known = items.get(item.attempt)
        if item.uid not in entry.gone and (known is None or newer(item.resource_version, known.resource_version)):
            items[item.attempt] = item
            self._streams.expect(resource, item.namespace, item.uid, item.resource_version)
            self._changed(key)

    def _drop[Item: (Job, Pod)](self, resource: str, item: Item, items_of: Callable[[Entry], dict[int, Item]]) -> None:
        self._streams.gone(resource, item.namespace, item.uid)
        key = Key(item.namespace, item.task)
        entry = self._entries.get(key)
        if entry is None:
            return
        entry.gone.add(item.uid)
        items = items_of(entry)
        if item.attempt in items and items[item.attempt].uid == item.uid:
            del items[item.attempt]
        if entry.task is not None and entry.task.metadata.uid == item.task_uid:
            entry.lost.add(item.attempt)
        self._forget_if_empty(key, entry)
        self._changed(key)

    def _forget_if_empty(self, key: Key, entry: Entry) -> None:
        if entry.task is None and not entry.jobs and not entry.pods:
            del self._entries[key]


def _canceller(metadata: Mapping[str, Any]) -> str | None:
    """The program that set spec.cancel, such as kubectl-patch: the API server records who manages which field."""
    for entry in metadata.get("managedFields", ()):
        if "f:cancel" in entry.get("fieldsV1", {}).get("f:spec", {}):
            return str(entry.get("manager", ""))[:128] or None
    return None


def _queue_of(task: DjangoTask) -> Key:
    return Key(task.metadata.namespace, task.spec.queue)


def _identity(queue: DjangoTaskQueue) -> tuple[str, int]:
    """Differs where the spec does."""
    return queue.metadata.uid, queue.metadata.generation


def newer(version: str, than: str) -> bool:
    """Resource versions of one kind are numbers that grow (https://kep.k8s.io/5504)."""
    return int(version or 0) > int(than or 0)


def _trimmed(task: DjangoTask) -> DjangoTask:
    """A finished task is kept for its expiry alone: nobody needs the tracebacks here."""
    if not task.status.phase.is_terminal:
        return task
    attempts = [attempt.model_copy(update={"error": None}) for attempt in task.status.attempts]
    return task.model_copy(
        update={"status": task.status.model_copy(update={"attempts": attempts, "result": None, "result_ref": None})}
    )
