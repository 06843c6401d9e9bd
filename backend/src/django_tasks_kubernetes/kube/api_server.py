"""The connection to the API server.

The official client loads the credentials, renews tokens and sets up TLS. Requests go through its urllib3 pool
directly: its generated layers cost more than the request (see benchmarks). Importing it takes 0.7 s, so this module
is imported with the first request, not with the backend.
"""

import math
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from django.tasks.exceptions import TaskException
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject
from urllib3 import BaseHTTPResponse, Retry, Timeout
from urllib3.exceptions import HTTPError, LocationParseError

from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.exceptions import ClusterNotConfigured
from django_tasks_kubernetes.kube.credentials import headers_of, load_configuration
from django_tasks_kubernetes.kube.errors import error_from, unavailable
from djangotasks_api.names import GROUP, TASK_PLURAL, VERSION, WORKFLOW_PLURAL

# Idle connections kept for the threads of one process.
POOL_SIZE: Final = 32
# The server may ask for any wait; a web request cannot.
RETRY_AFTER_MAX_SECONDS: Final = 5.0
# A watch brings a bookmark each minute: what is silent for longer is dead.
SILENCE_SECONDS: Final = 70.0
# How often credentials that are refused are read again.
RENEW_SECONDS: Final = 10.0
RETRYABLE_STATUSES: Final = frozenset({429, 500, 502, 503, 504})


class _BoundedRetry(Retry):
    """urllib3's Retry with an upper bound of Retry-After, which its older versions lack."""

    def parse_retry_after(self, retry_after: str) -> float:
        return min(super().parse_retry_after(retry_after), RETRY_AFTER_MAX_SECONDS)


class ApiServer:
    """See Connection."""

    def __init__(self, options: Options) -> None:
        self.attempt = None
        self._options = options
        self._renewing = threading.Lock()
        self._renewed_at = -math.inf
        configuration, self.namespace = load_configuration(options)
        self.server = configuration.host.rstrip("/")
        self.tasks_path = f"/apis/{GROUP}/{VERSION}/namespaces/{self.namespace}/{TASK_PLURAL}"
        self.workflows_path = f"/apis/{GROUP}/{VERSION}/namespaces/{self.namespace}/{WORKFLOW_PLURAL}"
        self._session = _Session(configuration)
        self._timeout = Timeout(total=options.request_timeout)
        self._stream_timeout = Timeout(connect=options.request_timeout, read=SILENCE_SECONDS)
        self._retries = _BoundedRetry(
            total=options.retries,
            # POST too: a task's name makes it safe to repeat.
            allowed_methods=None,
            status_forcelist=RETRYABLE_STATUSES,
            raise_on_status=False,
            backoff_factor=0.1,
            backoff_jitter=0.2,
            backoff_max=2.0,
        )

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], *, stream: bool
    ) -> BaseHTTPResponse:
        session = self._session
        response = self._send(session, method, path, body, headers, stream=stream)
        if response.status == HTTPStatus.UNAUTHORIZED and self._renew(session):
            response.close()
            response = self._send(self._session, method, path, body, headers, stream=stream)
        return response

    def _send(
        self,
        session: "_Session",
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        stream: bool,
    ) -> BaseHTTPResponse:
        try:
            return session.pool.request(
                method,
                self.server + path,
                body=body,
                headers={**headers, **headers_of(session.configuration)},
                timeout=self._stream_timeout if stream else self._timeout,
                retries=False if stream else self._retries,
                redirect=False,
                preload_content=not stream,
            )
        except HTTPError as error:
            raise unavailable(error, server=self.server, proxy=session.proxy) from error

    def _renew(self, refused: "_Session") -> bool:
        """Reads the credentials again, as kubectl does for each command, where the server has refused those that were
        read before: a token in a file, or of a plugin that does not say when it expires. Returns whether there are
        others now. Now and then only: a plugin may take seconds."""
        with self._renewing:
            if self._session is not refused:
                return True  # Another thread was faster.
            if time.monotonic() < self._renewed_at + RENEW_SECONDS:
                return False
            self._renewed_at = time.monotonic()
            try:
                configuration, _ = load_configuration(self._options)
            except ClusterNotConfigured:
                return False
            # The kubeconfig may lead to another cluster by now, which has not these tasks.
            if configuration.host.rstrip("/") != self.server:
                return False
            self._session = _Session(configuration)
            return True

    def error(self, status: int, body: bytes, plural: str) -> TaskException:
        proxy = self._session.proxy
        return error_from(status, body, server=self.server, namespace=self.namespace, plural=plural, proxy=proxy)

    def close(self) -> None:
        self._session.pool.clear()


class _Session:
    """Credentials, and the connections that are made with them."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        configuration.connection_pool_maxsize = POOL_SIZE
        try:
            self.pool = RESTClientObject(configuration).pool_manager
        except (HTTPError, ImportError, ValueError) as error:
            # Such as an address without a scheme, which curl takes, or one of SOCKS. Not what may have its password.
            words = "its address cannot be read" if isinstance(error, LocationParseError) else str(error)
            raise ClusterNotConfigured(
                "The proxy that $HTTPS_PROXY, $ALL_PROXY or the kubeconfig's proxy-url names cannot be used: "
                f"{words.rstrip('.')}. Write it as http://host:port (for socks5://: pip install 'urllib3[socks]'). If "
                "the API server is to be reached without it, name its host in $NO_PROXY."
            ) from error
        # Without its password, if it has one.
        self.proxy = None if self.pool.proxy is None else self.pool.proxy.netloc
