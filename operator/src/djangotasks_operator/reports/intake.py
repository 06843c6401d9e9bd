"""Take in the bodies of reports, within bounds: any pod may send, as much, as often and as slowly as it likes.

| bound | why |
|---|---|
| one report of a kind in flight for an attempt | the runner never has more; each holds its body until it is stored |
| a number of reports, by their size (`rate_limit`) | each costs CPU, and a request to the API server |
| the bytes of all large bodies, and of those of a namespace | together they must fit into the operator's memory |
| seconds for a body | what comes drop by drop holds its share of the bytes |
"""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import Iterator

from aiohttp import web

from djangotasks_operator.reports.authentication import REMEMBERED_MAX, AttemptRef, SignedAttempt
from djangotasks_operator.runtime.rate_limit import TokenBuckets

# A start and an outcome until it is taken: an outcome at most every 10 s in the long run.
BURST, PER_SECOND = 30, 2.0
# Progress comes once a second, and has a measure of its own: whatever an attempt says of it, its outcome is taken.
PROGRESS_BURST, PROGRESS_PER_SECOND = 10, 2.0
# A report counts once more for each of these: to parse 1 MB that is made for it takes 70 ms.
CHARGED_BYTES = 128 * 1024
# Smaller ones are taken in any case: a neighbour's ordinary outcome must get through whatever others send.
SMALL_BYTES = 16 * 1024
BODIES_MAX_BYTES = 64 * 1024 * 1024
NAMESPACE_MAX_BYTES = BODIES_MAX_BYTES // 2
# The runner gives a report up, and sends it again, after as many.
BODY_SECONDS = 10.0


class ReportLimits:
    """What is on its way in. One instance a process."""

    def __init__(self) -> None:
        self._in_flight: set[tuple[str, SignedAttempt]] = set()
        self._bytes: Counter[str] = Counter()
        self._rates = {
            "progress": TokenBuckets[SignedAttempt](PROGRESS_BURST, PROGRESS_PER_SECOND, REMEMBERED_MAX),
            "": TokenBuckets[SignedAttempt](BURST, PER_SECOND, REMEMBERED_MAX),
        }

    @contextlib.contextmanager
    def admit(self, kind: str, attempt: AttemptRef, size: int) -> Iterator[None]:
        """Hold a place for a report of so many bytes. Raises HTTPTooManyRequests or HTTPServiceUnavailable."""
        rates, namespace = self._rates.get(kind, self._rates[""]), attempt.task.namespace
        if wait := rates.reserve(attempt.signed, 1 + size // CHARGED_BYTES):
            raise too_many("this attempt reports too often\n", wait)
        key = kind, attempt.signed
        if key in self._in_flight:
            raise too_many("another report of this attempt is being taken\n", 1)
        self._in_flight.add(key)
        try:
            with self.held(namespace, size):
                yield
        finally:
            self._in_flight.discard(key)

    @contextlib.contextmanager
    def held(self, namespace: str, size: int) -> Iterator[None]:
        """Hold so many bytes of a namespace. Raises HTTPServiceUnavailable where there is no room."""
        counted = size if size > SMALL_BYTES else 0
        if counted and (
            self._bytes.total() + counted > BODIES_MAX_BYTES or self._bytes[namespace] + counted > NAMESPACE_MAX_BYTES
        ):
            headers = {"Retry-After": "1"}
            raise web.HTTPServiceUnavailable(headers=headers, text="too many large reports at once\n")
        self._bytes[namespace] += counted
        try:
            yield
        finally:
            self._bytes[namespace] -= counted
            if not self._bytes[namespace]:
                del self._bytes[namespace]


def announced_size(request: web.Request, most: int) -> int:
    """How many bytes a body may have: what its headers say, or else the most. Raises HTTPRequestEntityTooLarge."""
    size = most if request.content_length is None else request.content_length
    if size > most:
        raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=size)
    return size


async def read_body(request: web.Request, most: int) -> bytes:
    """The body, of at most so many bytes, whatever the headers say. Raises an HTTPException where it is longer, is cut,
    or does not come in time."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > most:
                    raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=len(body))
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the body did not come in time\n") from None
    except (OSError, web.RequestPayloadError):
        # The attempt is gone, or talks no HTTP: no fault of the API server's, and nothing to log.
        raise web.HTTPBadRequest(text="the body was cut\n") from None
    return bytes(body)


def too_many(text: str, wait: float) -> web.HTTPTooManyRequests:
    """For a request that may come again after so many seconds."""
    return web.HTTPTooManyRequests(headers={"Retry-After": str(math.ceil(wait))}, text=text)
