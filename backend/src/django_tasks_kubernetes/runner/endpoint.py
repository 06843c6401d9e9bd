"""Speaks HTTP with the operator's endpoint, for one attempt. The standard library only."""

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from djangotasks_api.assignment import Assignment
from djangotasks_api.outcome import report_path

if TYPE_CHECKING:
    from http.client import HTTPConnection

# Of an answer that is no success.
WORDS_MAX_BYTES: Final = 300


class Endpoint:
    """Where one attempt reports to, and with which token."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._address = urlsplit(assignment.url)

    def connection(self, timeout: float) -> "HTTPConnection":
        """One that is opened by its first request, and again after it was closed."""
        from http import client  # here, so that it is imported beside the task

        class_ = client.HTTPSConnection if self._address.scheme == "https" else client.HTTPConnection
        return class_(self._address.netloc, timeout=timeout)

    def send(self, connection: "HTTPConnection", kind: str, body: str) -> tuple[int, str]:
        """The status and the start of the answer. Raises OSError or HTTPException."""
        a = self._assignment
        connection.request(
            "POST",
            self._address.path.rstrip("/") + report_path(a.namespace, a.id, a.uid, a.attempt, kind),
            body.encode("ascii"),
            {"Authorization": f"Bearer {a.token}", "Content-Type": "application/json"},
        )
        with connection.getresponse() as response:
            return response.status, response.read()[:WORDS_MAX_BYTES].decode(errors="replace").strip()

    def post(self, kind: str, body: str, timeout: float) -> tuple[int, str]:
        """The same, over a connection of its own."""
        connection = self.connection(timeout)
        try:
            return self.send(connection, kind, body)
        finally:
            connection.close()


def http_errors() -> tuple[type[Exception], ...]:
    """What `send` raises."""
    from http.client import HTTPException

    return (OSError, HTTPException)
