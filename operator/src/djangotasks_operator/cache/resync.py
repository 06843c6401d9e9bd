"""List everything at the start, periodically, and when a watch may be stalled."""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.reflectors import Reflectors
from djangotasks_operator.cache.store import Store
from djangotasks_operator.cache.subscriber import Subscriber
from djangotasks_operator.runtime.errors import REQUEST_ERRORS
from djangotasks_operator.runtime.watch_monitor import WatchMonitor

# How soon a list follows the suspicion that a watch is stalled.
RELIST_CHECK_SECONDS = 10.0
# How long a list holds for a leader: the first one need not list again what was listed as the process started.
FRESH_SECONDS = 5.0


class Resync:
    """Every list adds the keys of all tasks to their queue: level-triggered, so whatever was missed is reconciled."""

    def __init__(
        self,
        reflectors: Reflectors,
        store: Store,
        subscriber: Subscriber,
        monitor: WatchMonitor,
        listing: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        """`listing`: entered around each list, for health."""
        self._reflectors = reflectors
        self._store = store
        self._subscriber = subscriber
        self._monitor = monitor
        self._listing = listing
        self._listed_at: float | None = None

    async def list(self) -> None:
        """List everything. Raises ApiError, OSError or TimeoutError, NamespaceReadable and VersionsWentBack."""
        with self._listing():
            began = self._monitor.clock()
            refused = await self._reflectors.list()
            self._monitor.listed(began, refused)
        self._listed_at = self._monitor.clock()
        self._add_all()

    async def list_unless_fresh(self) -> None:
        """List everything, unless that was just done. Raises ApiError, OSError or TimeoutError."""
        if self._listed_at is None or self._monitor.clock() - self._listed_at > FRESH_SECONDS:
            await self.list()
        else:
            self._add_all()

    async def run(self, seconds: float, beat: Callable[[], None]) -> None:
        """List everything every `seconds`, and when a watch may be stalled, until cancelled. `beat`: called after each
        list."""
        clock = asyncio.get_running_loop().time
        while True:
            due, waiting = clock() + seconds, True
            while waiting:
                await asyncio.sleep(min(RELIST_CHECK_SECONDS, seconds))
                waiting = clock() < due and not self._monitor.needs_relist()
            with contextlib.suppress(*REQUEST_ERRORS):
                await self.list()
            beat()

    def _add_all(self) -> None:
        for key in self._store.all_keys():
            self._subscriber.task_changed(key)
        for workflow in self._store.workflows.all():
            self._subscriber.workflow_changed(Key.of(workflow.metadata))
