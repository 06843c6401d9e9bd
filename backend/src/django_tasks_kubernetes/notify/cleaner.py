"""Deletes the files of large arguments and results (OPTIONS["STORAGE"]) once their task is gone: soon after a watch
reports the deletion, and in a sweep each hour. In a thread of its own, because a storage may be slow.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from django.db import close_old_connections, connections

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.notify import inbox
from django_tasks_kubernetes.prune import prune
from django_tasks_kubernetes.storage.files import delete_files, refs_of

if TYPE_CHECKING:
    from djangotasks_api.stored import TextRef

logger = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 3600.0
CLEAN_SECONDS: Final = 5.0
# Tasks whose files are to be deleted. With more, a storage that hangs for hours would take the process's memory.
KEPT_MAX: Final = 10_000


class Cleaner(threading.Thread):
    """The thread. What it has not deleted when the process ends, a later sweep deletes."""

    def __init__(self, using: str) -> None:
        """`using`: the alias of the inbox's database. Receivers may read the files of a task whose ends are not
        dispatched."""
        super().__init__(name="djangotasks-cleaner", daemon=True)
        self._using = using
        self._deleted: queue.Queue[tuple[str, list[TextRef]]] = queue.Queue(KEPT_MAX)

    def add(self, resource: Resource) -> None:
        """Queues the files of a deleted DjangoTask for deletion. Leaves them to the sweep where thousands wait, as for
        a storage that hangs."""
        if refs := refs_of(resource):
            with suppress(queue.Full):
                self._deleted.put_nowait((resource["metadata"]["uid"], refs))

    def run(self) -> None:
        # Not at once: while a cluster is restored from a backup, this runs before all tasks are there again, and a file
        # of one that is not would be that of one that is gone.
        sweep_at = time.monotonic() + SWEEP_SECONDS
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
            uid, refs = self._deleted.get_nowait()
            tries = inbox.undispatched(uid, self._using)
            if any(tries):
                with suppress(queue.Full):
                    self._deleted.put_nowait((uid, refs))
            elif not tries:
                delete_files(refs)

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
