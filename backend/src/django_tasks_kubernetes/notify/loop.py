"""The process of `manage.py watch_tasks`: followers record ends, this dispatches them, and every hang ends it."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from django.db import close_old_connections
from django.utils import timezone

from django_tasks_kubernetes import databases, signals
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.exceptions import KubernetesBackendError
from django_tasks_kubernetes.notify import history, inbox
from django_tasks_kubernetes.notify.cleaner import Cleaner
from django_tasks_kubernetes.notify.follower import Follower
from django_tasks_kubernetes.watchdog import Watchdog

if TYPE_CHECKING:
    from django_tasks_kubernetes.backend import KubernetesBackend

logger = logging.getLogger(__name__)

# How long an API server or a database may be unavailable before the process ends, for its supervisor to restart it.
AWAY_MAX_SECONDS: Final = 300.0
# How often it polls for rows that another process has left.
POLL_SECONDS: Final = 5.0
# How soon it stops after a signal: no wait is longer.
STOP_SECONDS: Final = 1.0
PRUNE_SECONDS: Final = 600.0


class Unrecoverable(Exception):
    """The process cannot continue. The message says why."""


class NotifyLoop:
    """Dispatches the ends that its followers have recorded."""

    def __init__(self, backends: Sequence["KubernetesBackend"], using: str, watchdog: Watchdog) -> None:
        """`using`: the alias of the inbox's database. `watchdog`: ends the process when a step hangs, such as a
        receiver."""
        self.backends = backends
        self._using = using
        self._watchdog = watchdog
        self._recorded = threading.Event()
        stores_files = any(backend.parsed_options.storage is not None for backend in backends)
        self._cleaner = Cleaner(using) if stores_files else None
        self.followers = list(self._make_followers())

    def _make_followers(self) -> Iterator[Follower]:
        """One for each namespace, however many backends use it; another for its workflows, where a receiver wants to
        know of their ends: the rights to see them may be missing elsewhere."""
        from django_tasks_kubernetes.stores.cluster import connect

        seen = set()
        for backend in self.backends:
            client = connect(backend.parsed_options).client
            if client.place not in seen:
                seen.add(client.place)
                make = partial(Follower, backend, using=self._using, on_recorded=self._recorded.set)
                yield make(client, on_deleted=self._delete_files)
                if signals.workflow_ended.has_listeners(type(backend)):
                    yield make(client.workflows(), of_workflows=True)

    def once(self, *, skip: bool = False) -> bool:
        """Dispatches the ends so far. Returns False where one is left to be retried. Raises KubernetesBackendError.

        `skip`: records the ends so far as dispatched instead.
        """
        for follower in self.followers:
            follower.list(dispatched=skip)
        if not skip:
            self._dispatch_due()
        self._clean_up()
        return skip or inbox.next_due(self.backends, self._using) is None

    def run(self) -> None:
        """Runs until a signal. Raises Unrecoverable."""
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
        while self._watchdog.should_continue():
            self._recorded.clear()
            # As between two web requests: receivers may use databases that have closed their connections.
            close_old_connections()
            self._check_followers()
            try:
                self._dispatch_due()
                if time.monotonic() - pruned_at > PRUNE_SECONDS:
                    pruned_at = time.monotonic()
                    self._clean_up()
                away_since = None
            except databases.AWAY as error:
                databases.close(self._using)
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > AWAY_MAX_SECONDS:
                    raise Unrecoverable(
                        f"The database has not answered for {AWAY_MAX_SECONDS:.0f} s: {error}"
                    ) from error
                logger.warning("The database does not answer: %s. Retrying.", error)
            self._wait()

    def _delete_files(self, resource: Resource) -> None:
        if self._cleaner is not None:
            self._cleaner.add(resource)

    def _wait(self) -> None:
        """Waits for new ends, or for the next poll."""
        until = time.monotonic() + POLL_SECONDS
        while self._watchdog.should_continue() and not self._recorded.wait(STOP_SECONDS) and time.monotonic() < until:
            pass

    def _check_followers(self) -> None:
        for follower in self.followers:
            where = f"Watching {follower.what}"
            if follower.error is not None:
                raise Unrecoverable(f"{where} ended: {follower.error}") from follower.error
            if follower.away_seconds > AWAY_MAX_SECONDS:
                raise Unrecoverable(f"{where} has not been possible for {AWAY_MAX_SECONDS:.0f} s.")
            # The watchdog sees only this thread hang.
            if 0 < (hang := self._watchdog.hang_seconds) < follower.writing_seconds:
                raise Unrecoverable(f"{where}: the database has not answered for {hang:.0f} s.")

    def _dispatch_due(self) -> None:
        """Until none is due, or a signal comes."""
        due = inbox.dispatch_due(self.backends, self._using)
        while self._watchdog.should_continue() and next(due, None) is not None:
            self._check_followers()

    def _clean_up(self) -> None:
        for alias, number in inbox.of_unknown_backends(self._using):
            logger.warning(
                "%d ends of the backend %r are not dispatched: TASKS has none of that name. Bring it back, or give "
                "them the alias that it has now: TaskEnd.objects.filter(backend=%r).update(backend=…).",
                number,
                alias,
                alias,
            )
        for follower in self.followers:
            self._prune(follower)

    def _prune(self, follower: Follower) -> None:
        """Deletes the rows of what is gone. Not urgent: after an error, a later call does it."""
        listed_at = timezone.now()
        try:
            uids = set(follower.client.uids())
        except KubernetesBackendError as error:
            logger.warning("Rows of what is gone were not deleted: %s", error)
            return
        inbox.prune(follower.backend.alias, uids, listed_at, self._using, of_workflows=follower.of_workflows)
        if not follower.of_workflows:
            history.prune(follower.backend, listed_at, self._using)


def keeps_history(backends: Sequence["KubernetesBackend"]) -> bool:
    """Whether tasks that ended are to be kept."""
    return any(backend.parsed_options.history_days is not None for backend in backends)


def has_receivers(backends: Sequence["KubernetesBackend"]) -> bool:
    """Whether a receiver of the signals is connected."""
    every = (signals.task_ended, signals.task_attempt_failed, signals.workflow_ended)
    return any(signal.has_listeners(type(backend)) for signal in every for backend in backends)
