"""The process of `manage.py watch_tasks`: followers note, this tells, and nothing hangs unseen."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from django.db import InterfaceError, OperationalError, close_old_connections, connections
from django.utils import timezone

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.daemon import Daemon
from django_tasks_kubernetes.exceptions import KubernetesBackendError
from django_tasks_kubernetes.watcher import inbox
from django_tasks_kubernetes.watcher.clean import Cleaner
from django_tasks_kubernetes.watcher.follow import Follower

if TYPE_CHECKING:
    from django_tasks_kubernetes.backend import KubernetesBackend

logger = logging.getLogger(__name__)

# What an API server or a database that is away may take to come back, before Kubernetes had better start this anew.
AWAY_MAX_SECONDS: Final = 300.0
# How often it looks for rows that another watcher has left.
LOOK_SECONDS: Final = 5.0
# How soon it is seen that the process is to stop. Longer than this, no wait is.
STOP_SECONDS: Final = 1.0
PRUNE_SECONDS: Final = 600.0


class Broken(Exception):
    """It cannot go on. The message says why."""


class Loop:
    """`daemon`: is asked before each step, and ends the process where one hangs, as in a receiver."""

    def __init__(self, backends: Sequence["KubernetesBackend"], using: str, daemon: Daemon) -> None:
        self.backends = backends
        self._using = using
        self._daemon = daemon
        self._noted = threading.Event()
        # Where there are files that belong to tasks.
        stores = any(backend.parsed_options.storage is not None for backend in backends)
        self._cleaner = Cleaner(partial(inbox.is_untold, using=using)) if stores else None
        self.followers = list(self._make_followers())

    def _make_followers(self) -> Iterator[Follower]:
        """One for each namespace, however many backends lead there."""
        from django_tasks_kubernetes.client import connect

        seen = set()
        for backend in self.backends:
            client = connect(backend.parsed_options)
            if client.place not in seen:
                seen.add(client.place)
                yield Follower(backend, client, self._using, noted=self._noted.set, gone=self._gone)

    def once(self, *, as_told: bool = False) -> bool:
        """Tells of what there is. False where something is left to be tried again. Raises KubernetesBackendError.

        `as_told`: what is found is taken for told, and nobody is.
        """
        for follower in self.followers:
            follower.list(as_told=as_told)
        while not as_told and self._daemon.goes_on() and self._tell_next():
            pass
        for follower in self.followers:
            self._prune(follower)
        return as_told or inbox.next_due(self.backends, self._using) is None

    def run(self) -> None:
        """Until it is stopped. Raises Broken."""
        for thread in (*self.followers, *([self._cleaner] if self._cleaner else [])):
            thread.start()
        try:
            self._run()
        finally:
            for follower in self.followers:
                follower.close()

    def _run(self) -> None:
        away_since: float | None = None
        pruned_at = 0.0
        while self._daemon.goes_on():
            self._noted.clear()
            # As between two web requests: receivers may use databases that have hung up meanwhile.
            close_old_connections()
            self._look_after_followers()
            try:
                while self._daemon.goes_on() and self._tell_next():
                    self._look_after_followers()
                if time.monotonic() - pruned_at > PRUNE_SECONDS:
                    pruned_at = time.monotonic()
                    for follower in self.followers:
                        self._prune(follower)
                away_since = None
            except (OperationalError, InterfaceError) as error:
                connections[self._using].close()
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > AWAY_MAX_SECONDS:
                    raise Broken(f"The database has not answered for {AWAY_MAX_SECONDS:.0f} s: {error}") from error
                logger.warning("The database does not answer: %s. It is tried again.", error)
            self._wait()

    def _gone(self, resource: Resource) -> None:
        if self._cleaner is not None:
            self._cleaner.add(resource)

    def _wait(self) -> None:
        """Until there is something to do."""
        until = time.monotonic() + LOOK_SECONDS
        while self._daemon.goes_on() and not self._noted.wait(STOP_SECONDS) and time.monotonic() < until:
            pass

    def _look_after_followers(self) -> None:
        for follower in self.followers:
            where = f"Watching the DjangoTasks of {follower.client.namespace}"
            if follower.error is not None:
                raise Broken(f"{where} ended: {follower.error}") from follower.error
            if follower.away_seconds > AWAY_MAX_SECONDS:
                raise Broken(f"{where} has not been possible for {AWAY_MAX_SECONDS:.0f} s.")
            # The daemon sees what hangs in this thread alone.
            if 0 < self._daemon.hang_seconds < follower.writing_seconds:
                raise Broken(f"{where}: the database has not answered for {self._daemon.hang_seconds:.0f} s.")

    def _tell_next(self) -> bool:
        return inbox.tell_next(self.backends, self._using)

    def _prune(self, follower: Follower) -> None:
        """Forgets the tasks that are gone. Not urgent: what does not succeed now, does later."""
        listed_at = timezone.now()
        try:
            uids = set(follower.client.uids())
        except KubernetesBackendError as error:
            logger.warning("Tasks that are gone were not looked for: %s", error)
            return
        inbox.prune(follower.backend.alias, uids, listed_at, self._using)


def nobody_listens(backends: Sequence["KubernetesBackend"]) -> bool:
    """No receiver is connected, so that there is nothing to tell."""
    both = (signals.task_ended, signals.task_attempt_failed)
    return not any(signal.has_listeners(type(backend)) for signal in both for backend in backends)
