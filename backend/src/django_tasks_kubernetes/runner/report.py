"""Tells the operator that the task started and how it ended. The standard library only."""

import random
import threading
import time
from http import HTTPStatus
from pathlib import Path
from typing import Final

from django_tasks_kubernetes.runner.endpoint import Endpoint, http_errors
from django_tasks_kubernetes.runner.log import logger
from django_tasks_kubernetes.runner.progress import ProgressSender, beat_seconds
from djangotasks_api.assignment import Assignment
from djangotasks_api.outcome import Outcome, Started

STARTED_TIMEOUT_SECONDS: Final = 2.0
OUTCOME_TIMEOUT_SECONDS: Final = 10.0
BACKOFF_SECONDS: Final = 0.1
BACKOFF_MAX_SECONDS: Final = 10.0
# How long an outcome is offered while the operator is away: longer than any restart or failover of it.
REPORT_SECONDS: Final = 15 * 60.0
RETRIED: Final = frozenset({408, 425, 429})
# While the operator's key is changed, a replica that is about to go does not know the new one yet.
FORBIDDEN_SECONDS: Final = 2 * 60.0


class Reporter:
    """The way to the operator for one attempt. `progress`: for what is said between the start and the outcome."""

    def __init__(self, assignment: Assignment, *, report_seconds: float = REPORT_SECONDS) -> None:
        self._endpoint = Endpoint(assignment)
        self._report_seconds = report_seconds
        self._backoff_max = BACKOFF_MAX_SECONDS
        if assignment.heartbeat_timeout is not None:
            # The offer of an outcome is the sign of life now.
            self._backoff_max = min(BACKOFF_MAX_SECONDS, beat_seconds(assignment.heartbeat_timeout))
        self.progress = ProgressSender(self._endpoint, assignment.heartbeat_timeout)

    def started(self, started_at: str) -> None:
        """One try, beside the task, which does not wait for it."""
        body = Started(started_at=started_at).to_json()
        threading.Thread(target=self._try_started, args=(body,), name="djangotasks-started", daemon=True).start()

    def outcome(self, outcome: Outcome) -> bool:
        """Offers the outcome until the operator has it, refuses it for good, or the time is over.

        Exponential backoff with full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        self.progress.stop()
        body = outcome.to_json()
        began = time.monotonic()
        deadline = began + self._report_seconds
        attempt, problem = 0, ""
        while True:
            try:
                status, words = self._endpoint.post("outcome", body, OUTCOME_TIMEOUT_SECONDS)
            except http_errors() as error:
                problem = f"{type(error).__name__}: {error}"
            else:
                match status:
                    case _ if 200 <= status < 300:
                        return True
                    case HTTPStatus.CONFLICT:
                        logger.warning(
                            "The operator has moved on from this attempt; its outcome does not count: %s", words
                        )
                        return False
                    case HTTPStatus.FORBIDDEN if time.monotonic() < began + FORBIDDEN_SECONDS:
                        pass
                    case _ if status < 500 and status not in RETRIED:
                        logger.error("The operator refused the outcome (%d): %s", status, words)
                        return False
                problem = f"{status} {words}"
            delay = random.uniform(0, min(self._backoff_max, BACKOFF_SECONDS * 2**attempt))  # noqa: S311
            if time.monotonic() + delay >= deadline:
                logger.error("The operator could not be told the outcome in %.0f s: %s", self._report_seconds, problem)
                return False
            if attempt == 0:
                logger.warning("The operator does not take the outcome yet: %s. Trying again.", problem)
            attempt += 1
            time.sleep(delay)

    def _try_started(self, body: str) -> None:
        try:
            self._endpoint.post("started", body, STARTED_TIMEOUT_SECONDS)
        except Exception as error:  # noqa: BLE001 - costs nothing but the time of the phase Running
            logger.debug("The start was not reported: %s", error)


def write_termination_message(outcome: Outcome, path: Path) -> None:
    """For the operator to read when the outcome does not reach it. The kubelet makes the file."""
    if path.exists():
        try:
            path.write_text(outcome.to_termination_message(), encoding="ascii")
        except OSError as error:
            logger.warning("The termination message was not written: %s", error)
