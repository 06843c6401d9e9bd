"""The tasks of LocalBackend: one store for all threads of the process, which runs each task as it comes."""

import itertools
import logging
from collections.abc import Callable
from datetime import datetime
from functools import cached_property, partial
from typing import Final

from django.utils import timezone

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.codec.times import from_wire
from django_tasks_kubernetes.exceptions import WaitTimeout
from django_tasks_kubernetes.local.attempt import Attempt
from django_tasks_kubernetes.local.ends import new_ends
from django_tasks_kubernetes.local.memory_store import MemoryStore
from django_tasks_kubernetes.local.memory_workflows import MemoryWorkflows
from django_tasks_kubernetes.notify.dispatch import signal_of
from django_tasks_kubernetes.watch.subscription import Subscription
from djangotasks_api.phases import Phase

logger = logging.getLogger(__name__)

# A process of a development server may live for days. The oldest are forgotten.
FINISHED_MAX: Final = 1000


class LocalStore(MemoryStore):
    """Finished tasks are kept as long as there is room, and an idempotency key counts until its task has ended."""

    @cached_property
    def workflows(self) -> "LocalWorkflows":
        return LocalWorkflows(self)

    def is_taken(self, name: str) -> bool:
        self._forget_oldest()
        return name in self.resources and not self.resources[name]["status"]["phase"].is_terminal

    def run(self, name: str) -> None:
        """Runs a task to its end, with its retries, and sends the signals of its end. One that is due later is left."""
        resource = self.resources[name]
        now, spec = timezone.now(), resource["spec"]
        if (at := from_wire(spec.get("runAfter"))) is not None and at > now:
            logger.warning("Task %s (%s) is deferred to %s: it is not run here.", name, spec["task"], at)
            return
        if (expires := from_wire(spec.get("expiresAt"))) is not None and expires <= now:
            self.expire(name)
        attempts = spec.get("policy", {}).get("maxAttempts", 1)
        for number in itertools.count(1):
            if resource["status"]["phase"] not in (Phase.QUEUED, Phase.RETRYING):
                break
            Attempt(resource, number=number, is_last=number == attempts, changed=partial(self.changed, name)).run()
        self.workflows.end_tasks()
        send_ends(resource)

    def subscribe(self, subscription: Subscription) -> Callable[[], None]:
        """See TaskStore. Waiting for a task that nothing will run raises WaitTimeout at once."""
        name = subscription.name
        stop = super().subscribe(subscription)
        if name is not None and (at := self._deferred_to(name)) is not None:
            subscription.fail(WaitTimeout(f"Task {name} is deferred to {at}: LocalBackend never runs it."))
        return stop

    def _deferred_to(self, name: str) -> datetime | None:
        resource = self.resources.get(name)
        if resource is None or resource["status"]["phase"] != Phase.QUEUED:
            return None
        at = from_wire(resource["spec"].get("runAfter"))
        return at if at is not None and at > timezone.now() else None

    def _forget_oldest(self) -> None:
        if self.workflows.unfinished:
            return  # which may need the results of any
        finished = [name for name, one in self.resources.items() if one["status"]["phase"].is_terminal]
        for name in finished[: max(len(finished) - FINISHED_MAX + 1, 0)]:
            self._delete(self.resources.pop(name))

    def _delete(self, resource: Resource) -> None:
        for ref in (resource["spec"].get("payloadRef"), resource["status"].get("resultRef")):
            if ref is not None:
                self.storage.delete(ref["name"])


class LocalWorkflows(MemoryWorkflows):
    """Runs each workflow as it comes, task by task."""

    def __init__(self, tasks: LocalStore) -> None:
        super().__init__(tasks)
        self._run = tasks.run

    def create(self, resource: Resource) -> Resource | None:
        self._forget_oldest()
        if (known := super().create(resource)) is None:
            name = resource["metadata"]["name"]
            try:
                while (workflow := self.unfinished.get(name)) is not None and not workflow.is_over:
                    for task in workflow.advance():
                        self._run(task)
                if workflow is not None:
                    self.over(workflow)
            finally:
                self.unfinished.pop(name, None)
            send_ends(self.resources[name])
        return known

    def _forget_oldest(self) -> None:
        if self.unfinished:
            return  # which are to end, whatever their tasks enqueue
        for name in list(self.resources)[: max(len(self.resources) - FINISHED_MAX + 1, 0)]:
            del self.resources[name]


def send_ends(resource: Resource) -> None:
    """Sends what `manage.py watch_tasks` sends for a task or a workflow. What a receiver raises is logged."""
    for end, sender, arguments in new_ends(resource):
        for receiver, answer in signal_of(end).send_robust(sender, **arguments):
            if isinstance(answer, Exception):
                logger.error("A receiver of a task's end raised. It is ignored: %r", receiver, exc_info=answer)
