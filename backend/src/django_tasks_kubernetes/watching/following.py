"""Follows what changes in a namespace, for as long as asked: over watches that end, fail, expire and fall silent."""

import contextlib
import logging
import math
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from urllib3.exceptions import HTTPError

from django_tasks_kubernetes.exceptions import ApiUnavailable, NotAuthenticated
from django_tasks_kubernetes.watching.events import BOOKMARK, ERROR, Event, lines, parse

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from django_tasks_kubernetes.client import Client

logger = logging.getLogger(__name__)

FIRST_WAIT: Final = 0.2
LAST_WAIT: Final = 5.0
# A watch that ends sooner than this is as good as one that fails.
SHORT_SECONDS: Final = 1.0
# Tokens are renewed in time, but the new one may be read a little late.
RENEWAL_SECONDS: Final = 60.0
CHUNK_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Missed:
    """Changes before this may have been missed: what matters has to be read. The first, and whenever the server does
    not know any more what has changed. `count`: how many DjangoTasks there are."""

    count: int


@dataclass(frozen=True, slots=True)
class Away:
    """The watch is interrupted, and tried again after a while."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Opened:
    """The watch is open, and goes on where it was."""


type Change = Missed | Away | Opened | Event


class Following:
    """Iterate over it, in one thread. `selector`: a field selector for what is of interest.

    Raises the KubernetesBackendErrors that no repetition cures: of a right that is missing, of credentials that are not
    accepted. An API server that is away, or has an error of its own, is asked again for ever.
    """

    def __init__(self, client: "Client", selector: str = "") -> None:
        self._client = client
        self._selector = selector
        self._closing = threading.Event()
        self._response: BaseHTTPResponse | None = None
        self._version: str | None = None

    def close(self) -> None:
        """Ends the iteration soon. From any thread."""
        self._closing.set()
        self._interrupt()

    def select(self, selector: str) -> None:
        """Goes on with another selector, from where it is. From any thread."""
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
                for change in self._once():
                    accepted_at = time.monotonic()
                    if isinstance(change, Opened):
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
                say = logger.warning if failures == 2 else logger.debug
                say("Watching the DjangoTasks of %s: %s It is tried again.", self._client.namespace, problem)
                yield Away(problem)
                self._closing.wait(_wait(failures))

    def _once(self) -> Iterator[Change]:
        if self._version is None:
            self._version, count = self._client.newest()
            yield Missed(count)
        selector = self._selector
        response = self._client.watch(self._version, selector)
        if response is None:
            self._version = None
            return
        self._response = response
        try:
            # What came before there was a response to interrupt.
            if self._closing.is_set() or self._selector != selector:
                return
            yield Opened()
            for line in lines(response.stream(CHUNK_BYTES)):
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


def _wait(failures: int) -> float:
    return min(FIRST_WAIT * 2.0 ** (failures - 1), LAST_WAIT) * random.uniform(0.5, 1)  # noqa: S311
