"""Deletes the files of large arguments and results (OPTIONS["STORAGE"]) once their task is gone: soon after a watch
reports the deletion, and in a sweep each hour. In a thread of its own, because a storage may be slow.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from django.db import close_old_connections, connections

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.notify import inbox
from django_tasks_kubernetes.prune import prune
from django_tasks_kubernetes.storage.files import delete_files_of, refs_of

logger = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 3600.0
CLEAN_SECONDS: Final = 5.0


class Cleaner(threading.Thread):
    """The thread. What it has not deleted when the process ends, a later sweep deletes."""

    def __init__(self, using: str) -> None:
        """`using`: the alias of the inbox's database. Receivers may read the files of a task whose ends are not
        dispatched."""
        super().__init__(name="djangotasks-cleaner", daemon=True)
        self._using = using
        self._deleted: queue.SimpleQueue[Resource] = queue.SimpleQueue()

    def add(self, resource: Resource) -> None:
        """Queues the files of a deleted DjangoTask for deletion."""
        if refs_of(resource):
            self._deleted.put(resource)

    def run(self) -> None:
        sweep_at = time.monotonic()
        while True:
            if time.monotonic() >= sweep_at:
                self._try(self._sweep)
                sweep_at = time.monotonic() + SWEEP_SECONDS
            self._try(self.clean)
            time.sleep(CLEAN_SECONDS)

    def clean(self) -> None:
        """Deletes the queued files, except those of tasks with ends that are still to be dispatched. Those of dead
        letters, which somebody may have tried again, are left to the sweep."""
        for _ in range(self._deleted.qsize()):
            resource = self._deleted.get()
            tries = inbox.undispatched(resource["metadata"]["uid"], self._using)
            if any(tries):
                self._deleted.put(resource)
            elif not tries:
                delete_files_of(resource)

    def _sweep(self) -> None:
        done = prune(awaited=partial(inbox.undispatched_tasks, self._using))
        if done.deleted or done.failed:
            logger.info("Files of tasks that are gone: %d deleted, %d not.", len(done.deleted), len(done.failed))

    def _try(self, do: Callable[[], object]) -> None:
        try:
            # As between two web requests: what was open at the sweep before may be gone.
            close_old_connections()
            do()
        except Exception:
            # Whatever a storage or a database raises: it must not stop the dispatch, and is tried again.
            logger.exception("The files of tasks that are gone were not deleted.")
            connections.close_all()
