"""Errors of the API server."""

import re
from collections.abc import Awaitable, Mapping
from typing import Any

# A webhook denies an object, or does not answer, and its failurePolicy is Fail; or a policy of the cluster denies it.
# Of the message, what names it: what follows may quote the object.
ADMISSION = re.compile(
    r"""admission[ ]webhook[ ]"[^"]*"|failed[ ](?:calling|to[ ]call)[ ]webhook(?:[ ]"[^"]*")?
    |(?:Validating|Mutating)AdmissionPolicy[ ]'[^']*'(?:[ ]with[ ]binding[ ]'[^']*')?""",
    re.VERBOSE,
)


class ApiError(Exception):
    """The API server answered with an error status."""

    status: int
    """The HTTP status."""
    reason: str
    """The API server's word for it, such as NotFound, AlreadyExists, Conflict, Invalid; may be empty."""
    message: str
    """Its sentence. May quote values of the request, so it is for the object's status, and not for a log."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.reason = body.get("reason") or ""
        self.message = body.get("message") or ""
        fields = [cause for cause in (body.get("details") or {}).get("causes") or () if cause.get("field")]
        # The API server's own verdict names fields, and quotes values, which may have any words.
        self._admission = None if fields else ADMISSION.search(self.message)
        message = self.message
        if status == 422:
            # The server's message quotes the invalid value, which may be the user's. The fields say enough in a log.
            message = ", ".join(f"{cause['field']} ({cause.get('reason')})" for cause in fields)
            if self._admission is not None:
                message = f"denied by {self._admission[0]}"
        super().__init__(f"{status} {self.reason}: {message}")

    @property
    def not_found(self) -> bool:
        """There is no such object. Another 404 is of a server that does not serve the kind yet, or of a proxy, and says
        nothing of objects."""
        return self.status == 404 and self.reason == "NotFound"

    @property
    def version_expired(self) -> bool:
        """A watch cannot go on from its resource version: list again."""
        return self.status == 410

    @property
    def already_exists(self) -> bool:
        return self.status == 409 and self.reason == "AlreadyExists"

    @property
    def conflict(self) -> bool:
        return self.status == 409 and self.reason == "Conflict"

    @property
    def invalid(self) -> bool:
        """The API server will never take the object as it is."""
        return (self.status in (400, 413, 422) and not self.of_admission) or self.too_large

    @property
    def of_admission(self) -> bool:
        """An admission webhook denies the object, with a status that it chooses, or does not answer, which is a 500; or
        a policy of the cluster denies it. They change, and the object may be taken as it is when they have."""
        return self._admission is not None

    @property
    def too_large(self) -> bool:
        """The object is larger than the API server, or etcd behind it, stores. etcd's word for it comes as a 500."""
        return self.status == 413 or (
            self.status >= 500 and any(words in self.message for words in ("too large", "larger than max"))
        )

    @property
    def stale_or_gone(self) -> bool:
        """The cached object is outdated: it has changed, or is gone."""
        return self.conflict or self.not_found


# What a request can fail with: an error status, no connection, no answer in time.
REQUEST_ERRORS = (ApiError, OSError, TimeoutError)


async def unless_missing[T](request: Awaitable[T]) -> T | None:
    """The answer to a request; None where there is no such object."""
    try:
        return await request
    except ApiError as error:
        if not error.not_found:
            raise
        return None


def is_client_error(error: Exception) -> bool:
    """Tell a refusal (4xx) from an API server that is away, or answers that it cannot (5xx)."""
    return isinstance(error, ApiError) and error.status < 500
