"""Lists and watches the DjangoTasks of a namespace, or its DjangoTaskWorkflows, and records their ends in the inbox,
and in the history where that is on."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, Final

from django.db import close_old_connections, connections
from django.utils import timezone

from django_tasks_kubernetes import databases
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.exceptions import ApiUnavailable
from django_tasks_kubernetes.notify import history
from django_tasks_kubernetes.notify.ends import as_deleted, ends_of
from django_tasks_kubernetes.notify.inbox import record
from django_tasks_kubernetes.watch.events import DELETED, Event
from django_tasks_kubernetes.watch.stream import Connected, Disconnected, RelistNeeded, WatchStream
from djangotasks_api.names import TASK_KIND, TASK_PLURAL, WORKFLOW_KIND, WORKFLOW_PLURAL

if TYPE_CHECKING:
    from django_tasks_kubernetes.backend import KubernetesBackend
    from django_tasks_kubernetes.kube.client import Client

logger = logging.getLogger(__name__)

# Tasks of which something may have ended. The watch brings the others when something ends.
ENDED: Final = "status.phase!=Queued,status.phase!=Starting,status.phase!=Running"
WORKFLOWS_ENDED: Final = "status.phase!=Pending,status.phase!=Running"
# The JSON of a task of which nothing has ended does not have this. Inside a string the quotes would be escaped.
SOMETHING_ENDED: Final = b'"finishedAt"'
RESOURCES_PER_WRITE: Final = 100
RETRY_SECONDS: Final = 2.0
# How long a connection to the database may be unused before it is checked, as between two web requests.
IDLE_SECONDS: Final = 5.0


class Follower(threading.Thread):
    """The thread for one namespace."""

    def __init__(
        self,
        backend: "KubernetesBackend",
        client: "Client",
        using: str,
        *,
        of_workflows: bool = False,
        on_recorded: Callable[[], object] = lambda: None,
        on_deleted: Callable[[Resource], object] = lambda resource: None,
    ) -> None:
        """`client`: of the workflows, with `of_workflows`. `on_recorded`: is called when there may be ends to
        dispatch, and when the thread ends. `on_deleted`: is called with each deleted task. `using`: the alias
        of the inbox's database."""
        super().__init__(name=f"{WORKFLOW_PLURAL if of_workflows else TASK_PLURAL}-{client.namespace}", daemon=True)
        self.backend = backend
        self.client = client
        self.of_workflows = of_workflows
        self.error: BaseException | None = None
        """Why the thread has ended; None while it runs."""
        self._stream = WatchStream(client)
        self._using = using
        self._on_recorded = on_recorded
        self._on_deleted = on_deleted
        self._closing = threading.Event()
        # Keys of recorded ends of tasks that still exist: a task changes more often than something of it ends.
        self._recorded: set[str] = set()
        self._away_since: float | None = None
        self._writing_since: float | None = None
        self._written_at: float | None = None

    @property
    def what(self) -> str:
        """What it follows, for people."""
        return f"the {WORKFLOW_KIND if self.of_workflows else TASK_KIND}s of {self.client.namespace}"

    @property
    def away_seconds(self) -> float:
        """For how long the API server or the database has not answered."""
        return _seconds_since(self._away_since)

    @property
    def writing_seconds(self) -> float:
        """For how long the thread has been blocked by the database."""
        return _seconds_since(self._writing_since)

    def run(self) -> None:
        try:
            for change in self._stream:
                match change:
                    case RelistNeeded():
                        self._retry(self.list, ApiUnavailable)
                    case Connected():
                        self._away_since = None
                    case Disconnected():
                        self._away_since = self._away_since or time.monotonic()
                    case Event():
                        self._on_event(change)
        except BaseException as error:  # noqa: BLE001 - the process ends with it
            self.error = error
        finally:
            connections.close_all()
            self._on_recorded()

    def close(self) -> None:
        """Ends the thread soon."""
        self._closing.set()
        self._stream.close()

    def list(self, *, dispatched: bool = False) -> None:
        """Records the ends of all existing tasks; see inbox.record(). Raises KubernetesBackendError."""
        self._recorded.clear()
        for part in batched(self.client.find(WORKFLOWS_ENDED if self.of_workflows else ENDED), RESOURCES_PER_WRITE):
            self._record(part, dispatched=dispatched)

    def _on_event(self, event: Event) -> None:
        self._away_since = None
        if event.type == DELETED:
            resource = as_deleted(event.resource, timezone.now())
            self._record([resource])
            self._recorded.difference_update(end.key for end in ends_of(resource))
            self._on_deleted(resource)
        elif SOMETHING_ENDED in event.line:
            self._record([event.resource])

    def _record(self, resources: Iterable[Resource], *, dispatched: bool = False) -> None:
        """Returns only once the database has them: the watch will not repeat the event."""
        new = [r for r in resources if any(end.key not in self._recorded for end in ends_of(r))]
        if new:
            self._retry(partial(self._write, new, dispatched), *databases.AWAY)
            self._recorded.update(end.key for resource in new for end in ends_of(resource))
            self._on_recorded()

    def _write(self, new: Sequence[Resource], dispatched: bool) -> None:
        self._writing_since = time.monotonic()
        try:
            if _seconds_since(self._written_at) > IDLE_SECONDS:
                # Nothing has ended for a while: a network that has dropped the connection since may not say so.
                close_old_connections()
            history.note(self.backend, new, self._using)
            record(self.backend, new, self._using, dispatched=dispatched)
        finally:
            self._writing_since, self._written_at = None, time.monotonic()

    def _retry(self, do: Callable[[], object], *errors: type[Exception]) -> None:
        """Retries until it succeeds. The watch waits meanwhile, and resumes where it was."""
        while not self._closing.is_set():
            try:
                do()
            except errors as error:
                self._away_since = self._away_since or time.monotonic()
                logger.warning("%s: %s Retrying.", type(error).__name__, error)
                databases.close(self._using)
                self._closing.wait(RETRY_SECONDS)
            else:
                self._away_since = None
                return


def _seconds_since(moment: float | None) -> float:
    """0 where there is none."""
    return 0.0 if moment is None else time.monotonic() - moment
