"""What a task may do with others while its code runs in in_memory(), as in its pod."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import ClassVar, Final, Literal

from asgiref.sync import sync_to_async

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.exceptions import PermissionDenied
from django_tasks_kubernetes.local import running
from django_tasks_kubernetes.local.memory_store import MemoryStore
from django_tasks_kubernetes.watch.subscription import Subscription
from djangotasks_api import refusals

# What runs beside event loops, which do not keep it themselves.
RUNNING: Final = set[asyncio.Task[None]]()

type Access = Literal["Own", "Namespace", "None"]


class GuardedStore(MemoryStore):
    """Raises PermissionDenied where the operator would refuse it."""

    word: ClassVar[str]
    """For what is in it."""

    @property
    def access(self) -> Access:
        """A queue's taskAccess."""
        raise NotImplementedError

    def create(self, resource: Resource) -> Resource | None:
        self._check_access(finishing=True)
        return super().create(resource)

    def get(self, name: str) -> Resource:
        found = super().get(name)
        self._check_access(found)
        return found

    def cancel(self, name: str, reason: str) -> Resource:
        self.get(name)
        return super().cancel(name, reason)

    def find(self, selector: str) -> Iterator[Resource]:
        self._check_access()
        for resource in super().find(selector):
            if self._may_see(resource):
                yield resource

    def subscribe(self, subscription: Subscription) -> Callable[[], None]:
        """Run what is due: waiting for a task or a workflow, or watching it, makes it run."""
        stop = super().subscribe(subscription)
        if (name := subscription.name) is not None and name in self.resources:
            try:
                self._check_access(self.resources[name])
            except PermissionDenied as error:
                subscription.fail(error)
            else:
                self._run_soon(subscription, partial(self._run_for, subscription, name))
        return stop

    def _run_for(self, subscription: Subscription, name: str) -> None:
        """Run what is due, and fail the subscription where it would wait for ever."""
        raise NotImplementedError

    def _run_soon(self, subscription: Subscription, run: Callable[[], None]) -> None:
        """Now, or beside the event loop that waits for it."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        # Not within the except: receivers and reporters of the task see the exceptions that are being handled.
        if loop is None:
            run()
        else:
            running = loop.create_task(_run_beside(subscription, run))
            RUNNING.add(running)
            running.add_done_callback(RUNNING.discard)

    def _check_access(self, resource: Resource | None = None, *, finishing: bool = False) -> None:
        """Raises PermissionDenied where the task whose code is running may not see it, as in its pod. `finishing`: what
        receivers of task_finished may do."""
        if (task := running.current()) is None:
            return
        if task.is_over and not finishing:
            raise PermissionDenied(refusals.attempt_ended(task.name, task.number))
        if self.access == "None":
            raise PermissionDenied(refusals.no_access(task.queue))
        if resource is not None and not self._may_see(resource):
            raise PermissionDenied(refusals.not_own(resource["metadata"]["name"], task.queue, self.word))

    def _may_see(self, resource: Resource) -> bool:
        task = running.current()
        return task is None or self.access == "Namespace" or task.owns(resource)


async def _run_beside(subscription: Subscription, run: Callable[[], None]) -> None:
    try:
        await sync_to_async(run, thread_sensitive=True)()
    except Exception as error:  # noqa: BLE001 - who waits gets it, whatever it is
        subscription.fail(error)
