"""The list-and-watch loop: one iterator over watches that end, fail, expire and fall silent."""

import contextlib
import logging
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from urllib3.exceptions import HTTPError

from django_tasks_kubernetes.exceptions import ApiUnavailable, NotAuthenticated
from django_tasks_kubernetes.jitter import between
from django_tasks_kubernetes.watch.events import BOOKMARK, ERROR, Event, lines, parse

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from django_tasks_kubernetes.kube.client import Client

logger = logging.getLogger(__name__)

# Before the first reconnect, doubled for each further one up to the longest.
BACKOFF_SECONDS: Final = 0.2
BACKOFF_MAX_SECONDS: Final = 5.0
# A watch that ends sooner than this counts as a failure, and is retried with backoff.
SHORT_SECONDS: Final = 1.0
# Tokens are renewed in time, but the new one may be read a little late.
RENEWAL_SECONDS: Final = 60.0
CHUNK_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class RelistNeeded:
    """Changes before this may have been missed, so that tasks of interest have to be read. Comes first, whenever the
    server no longer has the changes since the last version, and when its versions went back."""

    count: int
    """How many DjangoTasks there are."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The watch is interrupted, and reconnects after a backoff."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Connected:
    """The watch is open, and continues where it was."""


type Change = RelistNeeded | Disconnected | Connected | Event


class WatchStream:
    """Iterates over the changes of a client's namespace, in one thread.

    The iteration raises the KubernetesBackendErrors that a retry does not cure: a missing permission, credentials that
    are not accepted. An API server that is unavailable is retried for ever.
    """

    def __init__(self, client: "Client", selector: str = "") -> None:
        """`selector`: a field selector for the tasks of interest."""
        self._client = client
        self._selector = selector
        self._closing = threading.Event()
        self._response: BaseHTTPResponse | None = None
        self._version: str | None = None
        # Whether the last watch brought nothing, not even a bookmark, of which there is one each minute.
        self._silent = False

    def close(self) -> None:
        """Ends the iteration soon. From any thread."""
        self._closing.set()
        self._interrupt()

    def select(self, selector: str) -> None:
        """Reconnects with another selector, without a gap. From any thread."""
        self._selector = selector
        self._interrupt()

    def _interrupt(self) -> None:
        if (response := self._response) is not None:
            with contextlib.suppress(ValueError, RuntimeError, OSError):  # It has just ended by itself.
                response.shutdown()

    def __iter__(self) -> Iterator[Change]:
        failures, accepted_at = 0, -math.inf
        while not self._closing.is_set():
            opened_at, selector = math.inf, self._selector
            problem: Exception
            try:
                for change in self._connect_once():
                    accepted_at = time.monotonic()
                    if isinstance(change, Connected):
                        opened_at = accepted_at
                    yield change
                problem = ApiUnavailable("The API server ended the watch.")
            except NotAuthenticated as error:
                if time.monotonic() - accepted_at > RENEWAL_SECONDS:
                    raise
                problem = error
            except (ApiUnavailable, HTTPError, OSError, ValueError) as error:
                problem = error
            if self._closing.is_set():
                return
            if self._selector != selector:
                continue
            failures = 0 if time.monotonic() - opened_at > SHORT_SECONDS else failures + 1
            if failures:
                log = logger.warning if failures == 2 else logger.debug
                log("Watching the DjangoTasks of %s: %s Retrying.", self._client.namespace, problem)
                yield Disconnected(problem)
                self._closing.wait(_backoff(failures))

    def _connect_once(self) -> Iterator[Change]:
        if self._version is None or self._silent:
            version, count = self._client.newest()
            # Older where etcd was restored from a backup: a watch from a version that is yet to come waits for it.
            if self._version is None or int(version) < int(self._version):
                self._version = version
                yield RelistNeeded(count)
        selector = self._selector
        response = self._client.watch(self._version, selector)
        if response is None:
            self._version = None
            return
        self._response = response
        try:
            # close() or select() may have been called before there was a response to interrupt.
            if self._closing.is_set() or self._selector != selector:
                return
            yield Connected()
            self._silent = True
            for line in lines(response.stream(CHUNK_BYTES)):
                self._silent = False
                event = parse(line)
                if event.expired:
                    self._version = None
                if event.type == ERROR:
                    return
                self._version = event.version
                if event.type != BOOKMARK:
                    yield event
                if self._closing.is_set():
                    return
        finally:
            self._response = None
            response.close()


def _backoff(failures: int) -> float:
    longest = min(BACKOFF_SECONDS * 2.0 ** (failures - 1), BACKOFF_MAX_SECONDS)
    return longest * between(0.5, 1)
