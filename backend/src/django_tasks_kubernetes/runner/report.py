"""Tells the operator that the task started and how it ended. The standard library only."""

import io
import math
import os
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

from django_tasks_kubernetes.jitter import backoff, between
from django_tasks_kubernetes.runner.endpoint import Endpoint
from django_tasks_kubernetes.runner.log import logger
from django_tasks_kubernetes.runner.progress import ProgressSender, heartbeat_seconds
from django_tasks_kubernetes.runner.spare import Spare
from djangotasks_api.assignment import Assignment
from djangotasks_api.outcome import Outcome
from djangotasks_api.reports import Started

STARTED_TIMEOUT_SECONDS: Final = 2.0
STARTED_BACKOFF_SECONDS: Final = 1.0
STARTED_BACKOFF_MAX_SECONDS: Final = 30.0
OUTCOME_TIMEOUT_SECONDS: Final = 10.0
BACKOFF_SECONDS: Final = 0.1
BACKOFF_MAX_SECONDS: Final = 10.0
# How long an outcome is offered while the operator does not take it. It reads the termination message once the process
# has ended, so waiting saves no more than the kubelet's delay, and the pod holds its place in the queue meanwhile.
REPORT_SECONDS: Final = 30.0
# The same where the termination message has no room for the result: longer than any restart of the operator.
LARGE_RESULT_REPORT_SECONDS: Final = 15 * 60.0
# The least that is given to one request, when the time is nearly over.
LAST_TRY_SECONDS: Final = 1.0
TRANSIENT_STATUSES: Final = frozenset({408, 425, 429})
# While the operator's key is changed, a replica that is about to go does not know the new one yet.
FORBIDDEN_SECONDS: Final = 2 * 60.0


class Reporter:
    """The way to the operator for one attempt. `progress`: for what is said between the start and the outcome."""

    def __init__(self, assignment: Assignment, *, report_seconds: float | None = None) -> None:
        self._endpoint = Endpoint(assignment)
        self._report_seconds = report_seconds
        self.limit = math.inf if report_seconds is None else report_seconds
        """How long anything is offered at most, in seconds."""
        self._backoff_max = BACKOFF_MAX_SECONDS
        if assignment.heartbeat_timeout is not None:
            # The retries of the outcome are the heartbeats now.
            self._backoff_max = min(BACKOFF_MAX_SECONDS, heartbeat_seconds(assignment.heartbeat_timeout))
        self._ended = threading.Event()
        self.progress = ProgressSender(self._endpoint, assignment.heartbeat_timeout)

    def started(self, started_at: str) -> None:
        """Beside the task, which does not wait for it. Again and again, until the operator has it: so it learns that
        the pod can reach it."""
        body = Started(started_at=started_at).to_json()
        thread = threading.Thread(target=self._report_start, args=(body,), name="djangotasks-started", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # there are too many; the outcome has the start as well
            logger.warning("The start is not reported: %s.", error)

    def outcome(self, outcome: Outcome, *, kept: bool, note: Callable[[str], object] = lambda problem: None) -> bool:
        """Offers the outcome until the operator has it, refuses it for good, or the time is over.

        `kept`: the termination message has it too. `note`: called with what keeps it from being reported, the first
        time and the last. Exponential backoff with full jitter:
        https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        self._ended.set()
        self.progress.stop()
        body = outcome.to_json()
        began = time.monotonic()
        seconds = self._report_seconds
        if seconds is None:
            seconds = REPORT_SECONDS if kept else LARGE_RESULT_REPORT_SECONDS
        deadline = began + seconds
        attempt, problem = 0, ""
        while True:
            timeout = min(OUTCOME_TIMEOUT_SECONDS, max(deadline - time.monotonic(), LAST_TRY_SECONDS))
            try:
                status, words = self._endpoint.post("outcome", body, timeout)
            except Exception as error:  # noqa: BLE001 - also of what a task has put in place of sockets
                problem = f"{type(error).__name__}: {error}"
            else:
                match status:
                    case _ if 200 <= status < 300:
                        return True
                    case HTTPStatus.CONFLICT:
                        logger.warning(
                            "The operator no longer waits for this attempt, and ignores its outcome: %s", words
                        )
                        return False
                    case HTTPStatus.FORBIDDEN if time.monotonic() < began + FORBIDDEN_SECONDS:
                        pass
                    case _ if status < 500 and status not in TRANSIENT_STATUSES:
                        logger.error("The operator refused the outcome (%d): %s", status, words)
                        return False
                problem = f"{status} {words}"
            delay = backoff(BACKOFF_SECONDS, attempt, self._backoff_max)
            if time.monotonic() + delay >= deadline:
                hope = "It reads it from the termination message." if kept else "The result is lost."
                note(problem)
                logger.error("The operator did not take the outcome in %.0f s: %s. %s", seconds, problem, hope)
                return False
            if attempt == 0:
                note(problem)
                logger.warning("The operator does not take the outcome yet: %s. Trying again.", problem)
            attempt += 1
            time.sleep(delay)

    def _report_start(self, body: str) -> None:
        delay = STARTED_BACKOFF_SECONDS
        while not self._ended.is_set():
            try:
                status, _ = self._endpoint.post("started", body, STARTED_TIMEOUT_SECONDS)
            except Exception as error:  # noqa: BLE001 - it must not affect the task
                logger.debug("The start was not reported: %s", error)
            else:
                if status < 500 and status not in TRANSIENT_STATUSES and status != HTTPStatus.FORBIDDEN:
                    return
            self._ended.wait(between(delay / 2, delay))
            delay = min(2 * delay, STARTED_BACKOFF_MAX_SECONDS)


class TerminationMessage:
    """For the operator to read when the outcome does not reach it. The kubelet makes the file.

    Opened before the task runs: each descriptor that is free afterwards, a thread of the task, or one that reports its
    start, may be faster to take.
    """

    def __init__(self, path: Path, token: str) -> None:
        """`token`: seals the message."""
        self._path = path
        self._token = token
        self._open = Spare(path, os.O_RDWR)

    def write(self, outcome: Outcome) -> bool:
        """Returns whether it has all that counts: of a failure, the traceback may be shortened."""
        message = outcome.to_termination_message(self._token).encode("ascii")
        number = self._open.number
        try:
            # Over what is there, and only then cut: the process may end at any time.
            with io.FileIO(self._path if number is None else number, "r+", closefd=number is None) as file:
                file.seek(0)
                file.write(message)
                file.truncate()
        except FileNotFoundError:
            return False
        except OSError as error:
            logger.warning("The termination message was not written: %s", error)
            return False
        return outcome.fits_termination_message
