"""Finds what there is to tell of the DjangoTasks of a namespace, in a thread of its own, and notes it in the inbox."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, Final

from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone

from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.exceptions import ApiUnavailable
from django_tasks_kubernetes.watcher.events import as_deleted, events_of
from django_tasks_kubernetes.watcher.inbox import note
from django_tasks_kubernetes.watching.events import DELETED, Event
from django_tasks_kubernetes.watching.following import Away, Following, Missed, Opened

if TYPE_CHECKING:
    from django_tasks_kubernetes.backend import KubernetesBackend
    from django_tasks_kubernetes.client import Client

logger = logging.getLogger(__name__)

# Those of which there may be something to tell. The others are looked at when something ends.
ENDED: Final = "status.phase!=Queued,status.phase!=Starting,status.phase!=Running"
# Where nothing of a task has ended, this is not in its JSON. Inside of a string the quotes would be escaped.
SOMETHING_ENDED: Final = b'"finishedAt"'
RESOURCES_A_NOTE: Final = 100
AGAIN_SECONDS: Final = 2.0


class Follower(threading.Thread):
    """One namespace. `noted` is called when there may be something to tell, `gone` with each task that is deleted.
    `error`: why it has ended, if it has.
    """

    def __init__(
        self,
        backend: "KubernetesBackend",
        client: "Client",
        using: str,
        *,
        noted: Callable[[], object] = lambda: None,
        gone: Callable[[Resource], object] = lambda resource: None,
    ) -> None:
        super().__init__(name=f"djangotasks-{client.namespace}", daemon=True)
        self.backend = backend
        self.client = client
        self.error: BaseException | None = None
        self._following = Following(client)
        self._using = using
        self._noted = noted
        self._gone = gone
        self._closing = threading.Event()
        # Noted before, of tasks that are still there: a task changes more often than something of it ends.
        self._known: set[str] = set()
        self._away_since: float | None = None
        self._writing_since: float | None = None

    @property
    def away_seconds(self) -> float:
        """For how long the API server or the database have not answered."""
        return _seconds_since(self._away_since)

    @property
    def writing_seconds(self) -> float:
        """For how long it has been waiting for the database, which may have stopped answering without a word."""
        return _seconds_since(self._writing_since)

    def run(self) -> None:
        try:
            for change in self._following:
                match change:
                    case Missed():
                        self._patiently(self.list, ApiUnavailable)
                    case Opened():
                        self._away_since = None
                    case Away():
                        self._away_since = self._away_since or time.monotonic()
                    case Event():
                        self._take(change)
        except BaseException as error:  # noqa: BLE001 - the process ends with it
            self.error = error
        finally:
            connections.close_all()
            self._noted()

    def close(self) -> None:
        """It ends soon after."""
        self._closing.set()
        self._following.close()

    def list(self, *, as_told: bool = False) -> None:
        """Notes what there is. Raises KubernetesBackendError."""
        self._known.clear()
        for part in batched(self.client.find(ENDED), RESOURCES_A_NOTE):
            self._note(part, as_told=as_told)

    def _take(self, change: Event) -> None:
        self._away_since = None
        if change.type == DELETED:
            resource = as_deleted(change.resource, timezone.now())
            self._note([resource])
            self._known.difference_update(event.key for event in events_of(resource))
            self._gone(resource)
        elif SOMETHING_ENDED in change.line:
            self._note([change.resource])

    def _note(self, resources: Iterable[Resource], *, as_told: bool = False) -> None:
        """Until the database has it: the watch does not tell it again."""
        new = [r for r in resources if any(event.key not in self._known for event in events_of(r))]
        if new:
            self._patiently(partial(self._write, new, as_told), OperationalError, InterfaceError)
            self._known.update(event.key for resource in new for event in events_of(resource))
            self._noted()

    def _write(self, new: Sequence[Resource], as_told: bool) -> None:
        self._writing_since = time.monotonic()
        try:
            note(self.backend, new, self._using, as_told=as_told)
        finally:
            self._writing_since = None

    def _patiently(self, do: Callable[[], object], *away: type[Exception]) -> None:
        """Until it succeeds. The watch waits meanwhile, and goes on where it was."""
        while not self._closing.is_set():
            try:
                do()
            except away as error:
                self._away_since = self._away_since or time.monotonic()
                logger.warning("%s: %s It is tried again.", type(error).__name__, error)
                connections[self._using].close()
                self._closing.wait(AGAIN_SECONDS)
            else:
                self._away_since = None
                return


def _seconds_since(moment: float | None) -> float:
    """0 where there is none."""
    return 0.0 if moment is None else time.monotonic() - moment
