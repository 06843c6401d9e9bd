"""Speaks HTTP with the operator's endpoint, for one attempt. The standard library only."""

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from djangotasks_api.assignment import Assignment
from djangotasks_api.reports import report_path

if TYPE_CHECKING:
    from http.client import HTTPConnection

# Of an answer that is no success.
WORDS_MAX_BYTES: Final = 300
JSON: Final = {"Content-Type": "application/json"}


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
        status, answer = self._ask(connection, "POST", kind, body.encode("ascii"))
        return status, words_of(answer)

    def post(self, kind: str, body: str, timeout: float) -> tuple[int, str]:
        """The same, over a connection of its own."""
        connection = self.connection(timeout)
        try:
            return self.send(connection, kind, body)
        finally:
            connection.close()

    def get(self, kind: str, timeout: float) -> tuple[int, bytes]:
        """The status and the whole answer. Raises OSError or HTTPException."""
        connection = self.connection(timeout)
        try:
            return self._ask(connection, "GET", kind, None)
        finally:
            connection.close()

    def _ask(self, connection: "HTTPConnection", method: str, kind: str, body: bytes | None) -> tuple[int, bytes]:
        a = self._assignment
        path = self._address.path.rstrip("/") + report_path(a.namespace, a.id, a.uid, a.attempt, kind)
        headers = {"Authorization": f"Bearer {a.token}"}
        connection.request(method, path, body, headers if body is None else headers | JSON)
        with connection.getresponse() as response:
            return response.status, response.read()


def words_of(answer: bytes) -> str:
    """The start of an answer that is no success."""
    return answer[:WORDS_MAX_BYTES].decode(errors="replace").strip()


def http_errors() -> tuple[type[Exception], ...]:
    """What `send` raises."""
    from http.client import HTTPException

    return (OSError, HTTPException)
