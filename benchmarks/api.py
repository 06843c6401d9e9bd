"""The API server through urllib3 alone: what a baseline costs must be the server's doing, not a client's."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import urllib3

from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube.credentials import load_configuration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Object = dict[str, Any]
# The kept-alive connections: requests come one after the other, beside one watch.
CONNECTIONS = 2


class Api:
    """Not for several threads. Raises AssertionError with the server's words when a request is refused."""

    def __init__(self, kubeconfig: Path) -> None:
        configuration, _ = load_configuration(Options(kubeconfig=str(kubeconfig)))
        self._pool = urllib3.connection_from_url(
            configuration.host,
            maxsize=CONNECTIONS,
            retries=False,
            timeout=urllib3.Timeout(connect=10, read=60),
            ca_certs=configuration.ssl_ca_cert,
            cert_file=configuration.cert_file,
            key_file=configuration.key_file,
        )
        settings: Any = configuration.auth_settings()
        self._headers = {setting["key"]: setting["value"] for setting in settings.values()}
        self._headers["content-type"] = "application/json"

    def post(self, path: str, body: bytes) -> bytes:
        """The answer's body."""
        return self._request("POST", path, body)

    def patch(self, path: str, change: Object) -> None:
        """A merge patch."""
        self._request("PATCH", path, json.dumps(change).encode(), {"content-type": "application/merge-patch+json"})

    def get(self, path: str) -> Any:
        return json.loads(self._request("GET", path))

    def text(self, path: str) -> str:
        return self._request("GET", path).decode()

    @contextmanager
    def watch(self, path: str) -> Iterator[Iterator[Object]]:
        """The objects of a watch's events. It is open when the block begins, so the first event is not missed.

        Minutes may pass between two events.
        """
        response = self._pool.urlopen(
            "GET",
            f"{path}{'&' if '?' in path else '?'}watch=1",
            headers=self._headers,
            preload_content=False,
            timeout=urllib3.Timeout(connect=10, read=None),
        )
        assert response.status == 200, response.data[:500]
        try:
            yield (json.loads(line)["object"] for line in response)
        finally:
            # A connection in the middle of an answer cannot be used again.
            response.close()

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        response = self._pool.urlopen(method, path, body=body, headers=self._headers | dict(headers or {}))
        assert 200 <= response.status < 300, f"{method} {path}: {response.status} {response.data[:500]!r}"
        return response.data
