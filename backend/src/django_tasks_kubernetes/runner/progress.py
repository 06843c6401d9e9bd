"""Sends what a task says of its progress: beside the task, and never at its cost. The standard library only.

One thread, made when something is said for the first time, sends the newest report over a connection that it keeps, at
most one a second. What cannot be sent is dropped for what is newer. Nothing of it is logged.
"""

import os
import random
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from django_tasks_kubernetes.runner.endpoint import Endpoint, http_errors
from django_tasks_kubernetes.runner.log import logger
from djangotasks_api.outcome import ProgressReport

if TYPE_CHECKING:
    from http.client import HTTPConnection

# Most short tasks end sooner: their outcome carries what they have said.
FIRST_SECONDS: Final = 0.25
INTERVAL_SECONDS: Final = 1.0
# The longest wait while the operator is away.
INTERVAL_MAX_SECONDS: Final = 10.0
TIMEOUT_SECONDS: Final = 10.0
# How often within the heartbeat timeout, where there is nothing new to say.
BEATS: Final = 4
# Said again, it would be refused again.
REFUSED: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})


def beat_seconds(heartbeat_timeout: float) -> float:
    """How long an attempt may be silent, so that it is not taken for dead."""
    return max(heartbeat_timeout / BEATS, INTERVAL_SECONDS)


class ProgressSender:
    """`heartbeat_timeout`: in seconds; None where nobody waits for signs of life, and none without news are sent."""

    def __init__(self, endpoint: Endpoint, heartbeat_timeout: float | None) -> None:
        self._endpoint = endpoint
        self._beat = None if heartbeat_timeout is None else beat_seconds(heartbeat_timeout)
        self._newest: ProgressReport | None = None
        self._said = threading.Event()
        self._stopped = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        # Of the thread alone: what the operator has, since when, and how often in a row it did not take the next.
        self._sent: tuple[object, ...] = (None, None, None)
        self._sent_at = time.monotonic()
        self._failures = 0
        self._connection: HTTPConnection | None = None

    def tell(self, report: ProgressReport) -> None:
        """From any thread. Takes a microsecond, the first time more."""
        if os.getpid() != self._pid:
            return  # a forked child: the thread is not in it, and a lock may be held for ever
        self._newest = report
        if not self._said.is_set():
            self._said.set()
        if self._thread is None:
            self._start()

    def stop(self) -> None:
        """The outcome is known, and carries what was said last. Does not wait."""
        self._stopped.set()
        self._said.set()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._stopped.is_set():
                thread = threading.Thread(target=self._run, name="djangotasks-progress", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # there are too many
                    logger.debug("Progress is not reported: %s", error)
                self._thread = thread

    def _run(self) -> None:
        try:
            pause = FIRST_SECONDS
            while not self._stopped.wait(pause):
                self._said.wait()
                if not self._stopped.is_set():
                    pause = self._look()
        except Exception:  # noqa: BLE001 - the task must not feel it
            logger.debug("Progress is not reported any more.", exc_info=True)
        finally:
            if self._connection is not None:
                self._connection.close()

    def _look(self) -> float:
        """Sends what there is to send now. Returns how long to wait before the next look."""
        # First, so that what is said from now on is not missed.
        self._said.clear()
        report = self._newest
        if report is None:
            return INTERVAL_SECONDS
        said = report.done, report.total, report.message
        if said == self._sent:
            if self._beat is None:
                return INTERVAL_SECONDS
            if time.monotonic() - self._sent_at < self._beat:
                self._said.set()  # not yet due
                return INTERVAL_SECONDS
        began = time.monotonic()
        status = self._post(report)
        if status is not None and (status < 300 or status in REFUSED):
            self._sent, self._sent_at, self._failures = said, began, 0
            return INTERVAL_SECONDS
        # An operator that is older than progress does not know of heartbeats either. A newer one has an older replica.
        if status == HTTPStatus.CONFLICT or (status == HTTPStatus.NOT_FOUND and self._beat is None):
            self._stopped.set()
            return 0.0
        self._said.set()
        longest = min(INTERVAL_MAX_SECONDS, self._beat or INTERVAL_MAX_SECONDS, INTERVAL_SECONDS * 2**self._failures)
        self._failures = min(self._failures + 1, 10)
        return random.uniform(INTERVAL_SECONDS, longest)  # noqa: S311

    def _post(self, report: ProgressReport) -> int | None:
        """The status, or None where there was no answer."""
        if self._connection is None:
            self._connection = self._endpoint.connection(TIMEOUT_SECONDS)
        was_open = self._connection.sock is not None
        for last in (not was_open, True):
            try:
                status, _ = self._endpoint.send(self._connection, "progress", report.to_json())
            except http_errors() as error:
                self._connection.close()
                # The operator closes connections now and then.
                if last:
                    logger.debug("Progress was not reported: %s", error)
                    return None
            else:
                if status >= 300:
                    self._connection.close()  # perhaps another replica takes it
                return status
        return None
