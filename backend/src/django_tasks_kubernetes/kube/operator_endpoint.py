"""The connection of a task's pod: the operator does for it, with its attempt's token, what `reports/tasks_endpoint.py`
of the operator allows.

Without the official client, which takes 0.7 s to import. What is waited for, and for how long, is as with outcomes.
"""

import logging
import math
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from django.tasks.exceptions import TaskException
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError

from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.exceptions import ClusterNotConfigured
from django_tasks_kubernetes.jitter import backoff
from django_tasks_kubernetes.kube import operator_errors
from djangotasks_api.assignment import Assignment
from djangotasks_api.reports import report_path

logger = logging.getLogger(__name__)

# Idle connections kept for the threads of one process.
POOL_SIZE: Final = 32
# The operator ends a watch after some seconds: what is silent for longer is dead.
SILENCE_SECONDS: Final = 40.0
BACKOFF_SECONDS: Final = 0.1
BACKOFF_MAX_SECONDS: Final = 5.0
# The least that is given to one request, when the time is nearly over.
LAST_TRY_SECONDS: Final = 1.0
RETRYABLE_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
# As the API server writes it, in answers that are no errors.
WARNING: Final = re.compile('299 [^ ]+ "(.*)"')
WARNING_SECONDS: Final = 300.0
# While the operator's key is changed, a replica that is about to go does not know the new one yet.
UNAUTHORIZED_SECONDS: Final = 2 * 60.0


class OperatorEndpoint:
    """See Connection."""

    def __init__(self, attempt: Assignment, options: Options) -> None:
        if options.namespace not in (None, attempt.namespace):
            raise ClusterNotConfigured(operator_errors.another_namespace(options.namespace or "", attempt.namespace))
        self.attempt = attempt
        self.server = attempt.url.rstrip("/")
        self.namespace = attempt.namespace
        own = (attempt.namespace, attempt.id, attempt.uid, attempt.attempt)
        self.tasks_path, self.workflows_path = report_path(*own, "tasks"), report_path(*own, "workflows")
        self._credentials = {"authorization": f"Bearer {attempt.token}"}
        self._options = options
        self._stream_timeout = Timeout(connect=options.request_timeout, read=SILENCE_SECONDS)
        self._pool = PoolManager(maxsize=POOL_SIZE)
        self._warned_at = -math.inf

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], *, stream: bool
    ) -> BaseHTTPResponse:
        if not path.startswith((self.tasks_path, self.workflows_path)):
            raise ClusterNotConfigured(operator_errors.NO_CREDENTIALS)
        if stream:
            try:
                response = self._send(method, path, body, headers, self._stream_timeout, stream=True)
            except HTTPError as error:
                raise operator_errors.unavailable(self.server, str(error)) from error
            self._log_warning(response)
            return response
        return self._send_until_answered(method, path, body, headers)

    def _send_until_answered(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> BaseHTTPResponse:
        """Exponential backoff with full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/"""
        began, tries, cause = time.monotonic(), 0, None
        deadline = began + self._options.operator_timeout
        while True:
            seconds = min(self._options.request_timeout, max(deadline - time.monotonic(), LAST_TRY_SECONDS))
            asked = 0.0
            try:
                response = self._send(method, path, body, headers, Timeout(total=seconds), stream=False)
            except HTTPError as error:
                cause, problem = error, str(error)
            else:
                if not _is_passing(response.status, time.monotonic() - began):
                    return response
                asked, problem = _retry_after(response), operator_errors.words_of(response.status, response.data)
            delay = asked + backoff(BACKOFF_SECONDS, tries, BACKOFF_MAX_SECONDS)
            if time.monotonic() + delay >= deadline:
                raise operator_errors.unavailable(self.server, problem, self._options.operator_timeout) from cause
            tries += 1
            time.sleep(delay)

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout: Timeout,
        *,
        stream: bool,
    ) -> BaseHTTPResponse:
        return self._pool.request(
            method,
            self.server + path,
            body=body,
            headers={**headers, **self._credentials},
            timeout=timeout,
            retries=False,
            redirect=False,
            preload_content=not stream,
        )

    def _log_warning(self, response: BaseHTTPResponse) -> None:
        """Say what the operator has against it, now and then: a process that waits asks several times a minute."""
        found = WARNING.fullmatch(response.headers.get("Warning", ""))
        if found is not None and time.monotonic() >= self._warned_at + WARNING_SECONDS:
            self._warned_at = time.monotonic()
            logger.warning("%s", found[1])

    def error(self, status: int, body: bytes, plural: str) -> TaskException:
        return operator_errors.error_from(status, body, server=self.server, namespace=self.namespace, plural=plural)

    def close(self) -> None:
        self._pool.clear()


def _is_passing(status: int, elapsed: float) -> bool:
    """Whether another try may get another answer."""
    if status == HTTPStatus.UNAUTHORIZED:
        return elapsed < UNAUTHORIZED_SECONDS
    return status in RETRYABLE_STATUSES


def _retry_after(response: BaseHTTPResponse) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0
