"""Sends progress reports and heartbeats, beside the task and never at its cost. The standard library only.

One thread, started by the first report, sends the newest report over a connection that it keeps, at most one a second.
A report that cannot be sent is dropped for a newer one. None of them is logged.
"""

import os
import threading
import time
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from django_tasks_kubernetes.jitter import between
from django_tasks_kubernetes.runner.endpoint import Endpoint, http_errors
from django_tasks_kubernetes.runner.log import logger
from djangotasks_api.reports import ProgressReport

if TYPE_CHECKING:
    from http.client import HTTPConnection

# Most short tasks end sooner: their outcome carries their progress.
FIRST_SECONDS: Final = 0.25
INTERVAL_SECONDS: Final = 1.0
# The longest wait while the operator does not answer.
INTERVAL_MAX_SECONDS: Final = 10.0
TIMEOUT_SECONDS: Final = 10.0
# Heartbeats per heartbeat timeout, where progress is unchanged.
HEARTBEATS_PER_TIMEOUT: Final = 4
# The same report would be refused again.
REFUSED: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})


class State(Enum):
    """What the thread does after its pause."""

    IDLE = "idle"
    """The operator has the newest report: wait for submit()."""
    PENDING = "pending"
    """A report was not taken, or a heartbeat will be due: flush."""
    STOPPED = "stopped"
    """The operator takes no further reports: end."""


def heartbeat_seconds(heartbeat_timeout: float) -> float:
    """The longest time between two heartbeats of an attempt, in seconds."""
    return max(heartbeat_timeout / HEARTBEATS_PER_TIMEOUT, INTERVAL_SECONDS)


class ProgressSender:
    """Sends the reports of one attempt."""

    def __init__(self, endpoint: Endpoint, heartbeat_timeout: float | None) -> None:
        """`heartbeat_timeout`: in seconds. None for no timeout: then unchanged progress is not sent again."""
        self._endpoint = endpoint
        self._heartbeat = None if heartbeat_timeout is None else heartbeat_seconds(heartbeat_timeout)
        self._newest: ProgressReport | None = None
        self._submitted = threading.Event()
        self._stopped = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        # Of the thread alone: what the operator has, since when, and how many tries in a row have failed since.
        self._sent: tuple[object, ...] = (None, None, None)
        self._sent_at = time.monotonic()
        self._failures = 0
        self._connection: HTTPConnection | None = None

    def submit(self, report: ProgressReport) -> None:
        """Makes a report the newest. From any thread. Takes a microsecond, the first time more."""
        if os.getpid() != self._pid:
            return  # a forked child: the thread is not in it, and a lock may be held for ever
        self._newest = report
        if not self._submitted.is_set():
            self._submitted.set()
        if self._thread is None:
            self._start()

    def stop(self) -> None:
        """Ends the thread, since the outcome carries the newest report. Does not wait."""
        self._stopped.set()
        self._submitted.set()

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
            state, pause = State.IDLE, FIRST_SECONDS
            while state is not State.STOPPED and not self._stopped.wait(pause):
                if state is State.IDLE:
                    self._submitted.wait()
                if not self._stopped.is_set():
                    # Before the report is read, so that no later one is missed.
                    self._submitted.clear()
                    state, pause = self._flush()
        except Exception:  # noqa: BLE001 - it must not affect the task
            logger.debug("Progress is not reported any more.", exc_info=True)
        finally:
            if self._connection is not None:
                self._connection.close()

    def _flush(self) -> tuple[State, float]:
        """Sends the newest report, if it is due. Returns the next state, and the pause before it in seconds."""
        report = self._newest
        if report is None:
            return State.IDLE, INTERVAL_SECONDS
        values = report.done, report.total, report.message
        if values == self._sent:
            if self._heartbeat is None:
                return State.IDLE, INTERVAL_SECONDS
            if time.monotonic() - self._sent_at < self._heartbeat:
                return State.PENDING, INTERVAL_SECONDS
        began = time.monotonic()
        status = self._post(report)
        if status is not None and (status < 300 or status in REFUSED):
            self._sent, self._sent_at, self._failures = values, began, 0
            return State.IDLE, INTERVAL_SECONDS
        # An operator that is older than progress does not know of heartbeats either. A newer one has an older replica.
        if status == HTTPStatus.CONFLICT or (status == HTTPStatus.NOT_FOUND and self._heartbeat is None):
            return State.STOPPED, 0.0
        return State.PENDING, self._backoff()

    def _backoff(self) -> float:
        longest = min(
            INTERVAL_MAX_SECONDS, self._heartbeat or INTERVAL_MAX_SECONDS, INTERVAL_SECONDS * 2**self._failures
        )
        self._failures = min(self._failures + 1, 10)
        return between(INTERVAL_SECONDS, longest)

    def _post(self, report: ProgressReport) -> int | None:
        """Sends a report. Returns the status, or None where there was no answer."""
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
