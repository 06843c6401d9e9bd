"""Keep the store up to date: which kinds are listed, and who watches them.

Workflows, tasks, Jobs and Pods come in thousands, and have reflectors of our own: kopf takes 0.45 ms of CPU an event,
and a task of the event loop an object. So have holds: who may write nothing
else must not cost more with them. Queues and schedules change rarely, and kopf watches them
(`controllers.kopf_handlers`). They are only listed here: after 410 Gone kopf does not say which of them were deleted
meanwhile.
"""

import asyncio
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
from djangotasks_operator.runtime.reflector import Kind, Lister, Reflector
from djangotasks_operator.runtime.watch_monitor import WatchMonitor

# Standby pods before pods: one that is claimed between the two lists is in the second.
REFLECTED: tuple[Kind[Store, Any], ...] = (
    HOLD_SOURCE,
    WORKFLOW_SOURCE,
    TASK_SOURCE,
    JOB_SOURCE,
    STANDBY_SOURCE,
    POD_SOURCE,
)


class Reflectors:
    """The listers and reflectors of all kinds. `namespaces`: empty for all."""

    def __init__(self, api: Api, store: Store, monitor: WatchMonitor, namespaces: tuple[str, ...]) -> None:
        each: tuple[str | None, ...] = namespaces or (None,)
        self._reflectors: list[Reflector[Store, Any]] = [
            Reflector(api, store, kind, namespace, monitor) for kind in REFLECTED for namespace in each
        ]
        # Queues, schedules and holds first, workflows before tasks, which they hold, and tasks before Jobs before Pods:
        # a Job or Pod of a listed task is in its own list, unless it is gone.
        self._listers: list[Lister[Store, Any]] = [
            *(Lister(api, store, QUEUE_SOURCE, namespace) for namespace in each),
            *(Lister(api, store, SCHEDULE_SOURCE, namespace) for namespace in each),
            *self._reflectors,
        ]

    async def list(self) -> None:
        """List everything: what the watches have delivered, and what they should have. Raises ApiError, OSError or
        TimeoutError."""
        for lister in self._listers:
            await lister.list()

    async def watch(self) -> None:
        """Watch holds, workflows, tasks, Jobs and Pods until cancelled."""
        async with asyncio.TaskGroup() as group:
            for reflector in self._reflectors:
                group.create_task(reflector.watch())
