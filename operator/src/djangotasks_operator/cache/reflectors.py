"""Keep the store up to date: which kinds are listed, and who watches them.

Schedules, workflows, tasks, Jobs and Pods come in thousands, and have reflectors of our own: kopf takes 0.45 ms of CPU
an event, and a task of the event loop an object. So have holds: who may write nothing else must not cost more with
them. Queues are few, and kopf watches them (`controllers.kopf_handlers`). They are only listed here: after 410 Gone
kopf does not say which of them were deleted meanwhile.
"""

import asyncio
import logging
from typing import Any

from djangotasks_operator.cache.kinds import (
    HOLD_SOURCE,
    JOB_SOURCE,
    POD_SOURCE,
    QUEUE_SOURCE,
    SCHEDULE_SOURCE,
    STANDBY_SOURCE,
    TASK_SOURCE,
    WORKFLOW_SOURCE,
)
from djangotasks_operator.cache.store import Store
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.reflector import Kind, Lister, Reflector
from djangotasks_operator.runtime.watch_monitor import WatchMonitor

logger = logging.getLogger(__name__)

# Standby pods before pods: one that is claimed between the two lists is in the second.
REFLECTED: tuple[Kind[Store, Any], ...] = (
    SCHEDULE_SOURCE,
    HOLD_SOURCE,
    WORKFLOW_SOURCE,
    TASK_SOURCE,
    JOB_SOURCE,
    STANDBY_SOURCE,
    POD_SOURCE,
)


class NamespaceReadable(Exception):
    """A namespace that was left out can be read: the process is to begin again, with all that is there."""


class Scope:
    """What is read of one namespace, or of all (None)."""

    def __init__(self, api: Api, store: Store, monitor: WatchMonitor, namespace: str | None) -> None:
        self.namespace = namespace
        self.reflectors: list[Reflector[Store, Any]] = [
            Reflector(api, store, kind, namespace, monitor) for kind in REFLECTED
        ]
        # Queues, schedules and holds first, workflows before tasks, which they hold, and tasks before Jobs before Pods:
        # a Job or Pod of a listed task is in its own list, unless it is gone.
        self._listers: list[Lister[Store, Any]] = [
            Lister(api, store, QUEUE_SOURCE, namespace),
            *self.reflectors,
        ]
        self.left_out = False
        """Whether the first list was refused."""
        self._listed = False

    async def list(self) -> ApiError | None:
        """List all kinds. Returns the answer of an API server that refuses one. Raises ApiError, OSError, TimeoutError,
        NamespaceReadable or VersionsWentBack."""
        try:
            for lister in self._listers:
                # While controllers run, tasks must not appear before their Jobs and Pods, which would look lost.
                await (lister.probe() if self.left_out else lister.list())
        except ApiError as error:
            if error.status != 403:
                raise
            if not self._listed:
                self.left_out = True
                for lister in self._listers:
                    lister.forget()
            return error
        if self.left_out:
            raise NamespaceReadable(f"The namespace {self.namespace} can be read again.")
        self._listed = True
        return None


class Reflectors:
    """The listers and reflectors of all kinds. `namespaces`: empty for all.

    A namespace that cannot be read is left out: who may delete it, or the operator's Role in it, must not end the work
    in all others.
    """

    def __init__(self, api: Api, store: Store, monitor: WatchMonitor, namespaces: tuple[str, ...]) -> None:
        self._monitor = monitor
        self._scopes = [Scope(api, store, monitor, namespace) for namespace in namespaces or (None,)]

    async def list(self) -> set[str | None]:
        """List everything: what the watches have delivered, and what they should have. Returns the namespaces that
        cannot be read. Raises ApiError, OSError or TimeoutError, NamespaceReadable and VersionsWentBack."""
        refused = {scope.namespace: error for scope in self._scopes if (error := await scope.list()) is not None}
        self._monitor.unreadable = frozenset(refused)
        if len(refused) == len(self._scopes):
            raise next(iter(refused.values()))
        for namespace, error in refused.items():
            logger.warning("the tasks of the namespace %s are left alone: %s", namespace, error)
        return set(refused)

    async def watch(self) -> None:
        """Watch schedules, holds, workflows, tasks, Jobs and Pods until cancelled."""
        async with asyncio.TaskGroup() as group:
            for scope in self._scopes:
                for reflector in () if scope.left_out else scope.reflectors:
                    group.create_task(reflector.watch())
