"""A way to the DjangoTasks of one namespace: straight to the API server, or, in a task's pod, through the operator."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from django.tasks.exceptions import TaskException

from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube import own_attempt
from djangotasks_api.assignment import Assignment

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

# As the official client has them, which takes 0.7 s to import.
SERVICE_HOST_VARIABLE: Final = "KUBERNETES_SERVICE_HOST"
SERVICE_TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
DEFAULT_KUBECONFIG: Final = "~/.kube/config"


class Connection(Protocol):
    """Thread-safe."""

    @property
    def server(self) -> str:
        """The address, which may have a path."""

    @property
    def namespace(self) -> str:
        """The namespace of the tasks."""

    @property
    def tasks_path(self) -> str:
        """The path of all DjangoTasks of the namespace."""

    @property
    def workflows_path(self) -> str:
        """The path of all DjangoTaskWorkflows of the namespace."""

    @property
    def attempt(self) -> Assignment | None:
        """The attempt in whose name it asks; None where it has credentials of its own."""

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], *, stream: bool
    ) -> "BaseHTTPResponse":
        """Sends a request with the credentials, again where that may help. Raises ApiUnavailable without an answer.

        `stream`: once, and without reading the answer.
        """

    def error(self, status: int, body: bytes, plural: str) -> TaskException:
        """Makes the exception for an answer that is an error. `plural`: of the kind that the request was about."""

    def close(self) -> None:
        """Closes the idle connections."""


def connect(options: Options) -> Connection:
    """As configured; in a task's pod where nothing is, to the operator. Raises ClusterNotConfigured."""
    attempt = own_attempt.current()
    if attempt is not None and not is_configured(options):
        from django_tasks_kubernetes.kube.operator_endpoint import OperatorEndpoint

        return OperatorEndpoint(attempt, options)
    from django_tasks_kubernetes.kube.api_server import ApiServer

    return ApiServer(options)


def is_configured(options: Options) -> bool:
    """Whether there are credentials for the API server: in the options, or where `credentials` looks for them."""
    if options.kubeconfig is not None or options.context is not None:
        return True
    if SERVICE_HOST_VARIABLE in os.environ and SERVICE_TOKEN.exists():
        return True
    paths = os.environ.get("KUBECONFIG") or DEFAULT_KUBECONFIG
    return any(Path(path).expanduser().exists() for path in paths.split(os.pathsep) if path)
