"""Deletes the files of large arguments and results (OPTIONS["STORAGE"]) once their task is gone: soon where that was
seen, and by a sweep each hour. In a thread of its own, because a storage may take its time.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Final

from django.db import connections

from django_tasks_kubernetes import stored
from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.prune import prune

logger = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 3600.0
AGAIN_SECONDS: Final = 5.0


class Cleaner(threading.Thread):
    """`is_untold`: of a uid, whether receivers are still to be told of the task; they may read its files.

    What it has not done when the process ends, a later sweep does.
    """

    def __init__(self, is_untold: Callable[[str], bool]) -> None:
        super().__init__(name="djangotasks-cleaner", daemon=True)
        self._is_untold = is_untold
        self._gone: queue.SimpleQueue[Resource] = queue.SimpleQueue()

    def add(self, resource: Resource) -> None:
        """A DjangoTask that is deleted."""
        if stored.refs_of(resource):
            self._gone.put(resource)

    def run(self) -> None:
        sweep_at = time.monotonic()
        while True:
            if time.monotonic() >= sweep_at:
                self._try(self._sweep)
                sweep_at = time.monotonic() + SWEEP_SECONDS
            self._try(self.clean)
            time.sleep(AGAIN_SECONDS)

    def clean(self) -> None:
        """Deletes the files of those that were added, but for those of which there is something to be told."""
        for _ in range(self._gone.qsize()):
            resource = self._gone.get()
            if self._is_untold(resource["metadata"]["uid"]):
                self._gone.put(resource)
            else:
                stored.delete_files_of(resource)

    def _sweep(self) -> None:
        done = prune()
        if done.deleted or done.failed:
            logger.info("Files of tasks that are gone: %d deleted, %d not.", len(done.deleted), len(done.failed))

    def _try(self, do: Callable[[], object]) -> None:
        try:
            do()
        except Exception:
            # Whatever a storage or a database raises: receivers have nothing to do with it, and it is tried again.
            logger.exception("The files of tasks that are gone were not deleted.")
            connections.close_all()
