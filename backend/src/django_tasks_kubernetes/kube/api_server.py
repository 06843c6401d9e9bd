"""The connection to the API server.

The official client loads the credentials, renews tokens and sets up TLS. Requests go through its urllib3 pool
directly: its generated layers cost more than the request (see benchmarks). Importing it takes 0.7 s, so this module
is imported with the first request, not with the backend.
"""

from collections.abc import Mapping
from typing import Any, Final

from django.tasks.exceptions import TaskException
from kubernetes.client.rest import RESTClientObject
from urllib3 import BaseHTTPResponse, Retry, Timeout
from urllib3.exceptions import HTTPError

from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube.credentials import load_configuration
from django_tasks_kubernetes.kube.errors import error_from, unavailable
from djangotasks_api.names import GROUP, TASK_PLURAL, VERSION, WORKFLOW_PLURAL

# Idle connections kept for the threads of one process.
POOL_SIZE: Final = 32
# The server may ask for any wait; a web request cannot.
RETRY_AFTER_MAX_SECONDS: Final = 5.0
# A watch brings a bookmark each minute: what is silent for longer is dead.
SILENCE_SECONDS: Final = 70.0
RETRYABLE_STATUSES: Final = frozenset({429, 500, 502, 503, 504})


class _BoundedRetry(Retry):
    """urllib3's Retry with an upper bound of Retry-After, which its older versions lack."""

    def parse_retry_after(self, retry_after: str) -> float:
        return min(super().parse_retry_after(retry_after), RETRY_AFTER_MAX_SECONDS)


class ApiServer:
    """See Connection."""

    def __init__(self, options: Options) -> None:
        self.attempt = None
        self._configuration, self.namespace = load_configuration(options)
        self._configuration.connection_pool_maxsize = POOL_SIZE
        self.server = self._configuration.host.rstrip("/")
        self.tasks_path = f"/apis/{GROUP}/{VERSION}/namespaces/{self.namespace}/{TASK_PLURAL}"
        self.workflows_path = f"/apis/{GROUP}/{VERSION}/namespaces/{self.namespace}/{WORKFLOW_PLURAL}"
        self._pool = RESTClientObject(self._configuration).pool_manager
        # Without its password, if it has one.
        self._proxy = None if self._pool.proxy is None else self._pool.proxy.netloc
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
        # Read for each request: the official client renews tokens here.
        settings: Any = self._configuration.auth_settings()
        credentials = {setting["key"]: setting["value"] for setting in settings.values()}
        try:
            return self._pool.request(
                method,
                self.server + path,
                body=body,
                headers={**headers, **credentials},
                timeout=self._stream_timeout if stream else self._timeout,
                retries=False if stream else self._retries,
                redirect=False,
                preload_content=not stream,
            )
        except HTTPError as error:
            raise unavailable(error, server=self.server, proxy=self._proxy) from error

    def error(self, status: int, body: bytes) -> TaskException:
        return error_from(status, body, server=self.server, namespace=self.namespace, proxy=self._proxy)

    def close(self) -> None:
        self._pool.clear()
