"""Asks the operator for what the task needs before it is called. Imported for tasks that need something alone."""

import time
from http import HTTPStatus
from typing import Final, NoReturn

from django_tasks_kubernetes.exceptions import InputUnavailable
from django_tasks_kubernetes.jitter import backoff
from django_tasks_kubernetes.runner.cannot_run import CannotRun
from django_tasks_kubernetes.runner.endpoint import Endpoint, http_errors, words_of
from django_tasks_kubernetes.runner.log import logger
from django_tasks_kubernetes.runner.report import (
    BACKOFF_MAX_SECONDS,
    BACKOFF_SECONDS,
    FORBIDDEN_SECONDS,
    TRANSIENT_STATUSES,
)
from djangotasks_api.phases import Reason

# Of one request: a page of a list takes the API server some seconds where it is busy.
TIMEOUT_SECONDS: Final = 30.0
# While the operator is upgraded, or its key is changed, one of its replicas may be an older one.
OLDER: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND})


class ListExpired(Exception):
    """The list is to be read from its start."""


def ask(endpoint: Endpoint, kind: str, deadline: float, seconds: float) -> bytes:
    """What the operator answers, once it does, until `deadline` (monotonic), which is `seconds` after the first
    question. Raises CannotRun, and ListExpired.

    Exponential backoff with full jitter:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    began, tries = time.monotonic(), 0
    while True:
        try:
            status, answer = endpoint.get(kind, TIMEOUT_SECONDS)
        except http_errors() as error:
            problem = f"{type(error).__name__}: {error}"
        else:
            match status:
                case HTTPStatus.OK:
                    return answer
                case HTTPStatus.CONFLICT if "?" in kind:
                    raise ListExpired
                case _ if status in OLDER and time.monotonic() < began + FORBIDDEN_SECONDS:
                    pass
                case _ if status < 500 and status not in TRANSIENT_STATUSES:
                    fail(words_of(answer))
            problem = f"{status} {words_of(answer)}"
        delay = backoff(BACKOFF_SECONDS, tries, BACKOFF_MAX_SECONDS)
        if time.monotonic() + delay >= deadline:
            fail(f"The operator did not answer in {seconds:.0f} s: {problem}.", retryable=True)
        if tries == 0:
            logger.warning("The operator does not pass on the task's inputs yet: %s. Trying again.", problem)
        tries += 1
        time.sleep(delay)


def fail(message: str, *, retryable: bool = False) -> NoReturn:
    """Raises CannotRun."""
    raise CannotRun(Reason.INPUT_UNAVAILABLE, retryable=retryable) from InputUnavailable(message)
