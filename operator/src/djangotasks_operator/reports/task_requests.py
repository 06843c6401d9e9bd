"""Do for a task's pod what it may ask for: create tasks and workflows, and read, follow and cancel its own.

Every replica does, leader or not. What an attempt may do is decided on its task as the API server has it, or had it a
moment ago: the watch of a standby may be late.
"""

import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from djangotasks_api.models import DjangoTask
from djangotasks_operator.cache.keys import Key, queue_of
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.reports import task_rules
from djangotasks_operator.reports.authentication import REMEMBERED_MAX, AttemptRef, SignedAttempt
from djangotasks_operator.reports.requested import TASK, Requested
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.resources import Object
from djangotasks_operator.status.attempts import current_number

# Writes of all pods at once. The operator's own are apart.
WRITES = 8
# For how long what is cached of an attempt is believed, without another look: that it still runs, or has ended.
CONFIRMED_SECONDS = 1.0
QUEUE_TERM = re.compile("(?:^|,)spec[.]queue=([^,]*)")


class AlreadyExists(Exception):
    """There is such a resource, and the pod may see it: `body`."""

    def __init__(self, body: Object) -> None:
        super().__init__()
        self.body = body


class TaskRequests:
    """One instance a process."""

    def __init__(
        self,
        writer: TaskWriter,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._writer = writer
        self.api = writer.api.with_writes(WRITES)
        self._clock = clock
        self._now = now
        self._confirmed: OrderedDict[SignedAttempt, float] = OrderedDict()

    async def enqueue(self, attempt: AttemptRef, body: Any, kind: Requested = TASK) -> Object:
        """Create the task or workflow. Raises Refused, AlreadyExists, and what the client raises."""
        caller = await self._caller(attempt, finishing=True)
        sees_all = self._sees_all(caller)
        new = kind.new(body, attempt)
        namespace, name = attempt.task.namespace, new["metadata"]["name"]
        for queue in sorted(kind.queues(new)):
            if self._writer.store.queue(Key(namespace, queue)) is None:
                raise task_rules.no_queue(queue, namespace)
        if task_rules.is_returned(new):
            store = self._writer.store
            new = task_rules.returned(new, caller, store.queue(queue_of(caller)), store.workflows.of(caller))
        if (retried := kind.retried(new)) is not None:
            await self.read(attempt, retried, kind)
        try:
            created = await self.api.create(kind.resource, namespace, new, strict=True)
        except ApiError as error:
            if not error.already_exists:
                raise
            found = await self.api.get(kind.resource, namespace, name)
            if sees_all or task_rules.is_own(found, attempt) or task_rules.has_key_of(found, new):
                raise AlreadyExists(found) from None
            raise
        kind.put(self._writer.store, created)
        return created

    async def read(self, attempt: AttemptRef, name: str, kind: Requested = TASK) -> Object:
        """Read a task or a workflow. Raises Refused, and what the client raises."""
        caller = await self._caller(attempt)
        sees_all = self._sees_all(caller)
        found = await self.api.get(kind.resource, attempt.task.namespace, name)
        if not (sees_all or task_rules.is_own(found, attempt)):
            raise task_rules.not_own(name, caller.spec.queue, kind.word)
        return found

    async def cancel(self, attempt: AttemptRef, name: str, body: Any, kind: Requested = TASK) -> Object:
        """Cancel a task or a workflow. Raises as `read` does."""
        patch = task_rules.cancellation(body)
        found = await self.read(attempt, name, kind)
        # Not another one that has taken its name meanwhile.
        identity = {"metadata": {"uid": found["metadata"]["uid"]}}
        return await self.api.patch(kind.resource, attempt.task.namespace, name, patch | identity)

    async def selector(self, attempt: AttemptRef, asked: str) -> str:
        """The field selector for what the attempt may see of what it asks for. Raises Refused."""
        own = "" if self._sees_all(await self._caller(attempt)) else f"spec.enqueuedBy.uid={attempt.uid}"
        return ",".join(filter(None, (own, asked)))

    def warning(self, attempt: AttemptRef, selector: str, kind: Requested = TASK) -> str | None:
        """What to say to a task that begins to wait for others. `selector`: which those are. The tasks of a workflow
        may be of other queues than it says."""
        caller = self._writer.store.task(attempt.task)
        if caller is None:
            return None
        store, key = self._writer.store, queue_of(caller)
        queue, other_queue = store.queue(key), QUEUE_TERM.search(selector) if kind is TASK else None
        if queue is None or queue.spec.concurrency is None or (other_queue and other_queue[1] != caller.spec.queue):
            return None
        tasks = [task for name in store.unfinished(key) if (task := store.task(name)) is not None]
        if not any(task.spec.enqueued_by and task.spec.enqueued_by.uid == attempt.uid for task in tasks):
            return None
        pods = (store.pod(Key.of(task.metadata), current_number(task.status)) for task in tasks)
        running = sum(pod is not None for pod in pods)
        return task_rules.deadlock_warning(queue, running, len(tasks) - running)

    def _sees_all(self, caller: DjangoTask) -> bool:
        return task_rules.sees_all(self._writer.store.queue(queue_of(caller)), caller.spec.queue)

    async def _caller(self, attempt: AttemptRef, *, finishing: bool = False) -> DjangoTask:
        """The task of an attempt that still runs; or, with `finishing`, whose receivers do. Raises Refused."""
        task = self._writer.store.task(attempt.task)
        now = self._clock()
        if now >= self._confirmed.get(attempt.signed, -math.inf) + CONFIRMED_SECONDS:
            await self._writer.read_task(attempt.task)
            task = self._writer.store.task(attempt.task)
            self._confirm(attempt.signed, now)
        if task is not None and not task_rules.has_ended(task, attempt):
            return task
        pod = self._writer.store.pod(attempt.task, attempt.number)
        if task is None or not (finishing and task_rules.is_finishing(task, pod, attempt, self._now())):
            raise task_rules.ended(attempt)
        return task

    def _confirm(self, attempt: SignedAttempt, now: float) -> None:
        self._confirmed[attempt] = now
        self._confirmed.move_to_end(attempt)
        if len(self._confirmed) > REMEMBERED_MAX:
            self._confirmed.popitem(last=False)
