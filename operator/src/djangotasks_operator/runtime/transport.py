"""HTTP requests to the API server: connection, credentials, throttling."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import aiohttp
import kopf

from djangotasks_operator.runtime.decoding import UnreadableAnswer, decode
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.resources import Object
from djangotasks_operator.runtime.server_clock import ServerClock

logger = logging.getLogger(__name__)

# The forms of an answer: whole objects, and a list of their metadata alone.
JSON = "application/json"
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

# What the API server calls a request, and HTTP's method for it. `dry_run` is a create with dryRun=All.
METHODS = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "dry_run": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "json_patch": "PATCH",
    "delete": "DELETE",
}
# What a body is that is not an object.
CONTENT = {"patch": "merge-patch+json", "json_patch": "json-patch+json"}
# An API server that works answers within a second; one that is overloaded gives up on a request after 60 s, which is
# longer than the lease, so this process must not wait for it.
REQUEST_TIMEOUT = 15.0
# For a create the API server may ask one webhook after the other, each for up to 30 s, before it goes on without their
# answers, or says within its own 60 s which one did not give any. Who gave up earlier would create nothing, ever.
CREATE_LIMITS = aiohttp.ClientTimeout(total=65.0, sock_connect=REQUEST_TIMEOUT)
# Tries of a request that is answered with 429. Each waits for as long as the server asks, so the last one comes after
# a few seconds; then the caller's own backoff goes on.
THROTTLED_TRIES = 4
RETRY_AFTER_MAX = 10.0

# Called after each request: verb, resource, HTTP status or "error", seconds.
type Answered = Callable[[str, str, str, float], None]


class AnswerTooLong(Exception):
    """The answer has more bytes than the caller takes."""


class Transport:
    """One HTTP session for one API server. Open and close it with `open` and `close`."""

    def __init__(self, login: Callable[[], kopf.ConnectionInfo], answered: Answered, clock: ServerClock) -> None:
        """`login`: called for the credentials, and again when they are refused: tokens of service accounts expire."""
        self._login = login
        self._answered = answered
        self._clock = clock
        connection = login()
        self._server = connection.server.rstrip("/")
        self._headers = connection.as_http_headers()
        # To make one reads all certificates of the system.
        self._tls = connection.as_ssl_context() if self._server.startswith("https:") else True
        # The kubeconfig's (proxy-url). Proxies in the environment are for the world outside the cluster.
        self._proxy = connection.proxy_url
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            # No limit: each watch holds a connection for itself.
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0),
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT),
            proxy=self._proxy,
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        verb: str,
        resource: str,
        path: str,
        body: Object | Sequence[Object] | None = None,
        params: Mapping[str, str] | None = None,
        limits: aiohttp.ClientTimeout | None = None,
        *,
        accept: str = JSON,
        max_bytes: int | None = None,
        tries: int = THROTTLED_TRIES,
        before_retry: Callable[[], None] = lambda: None,
    ) -> bytes:
        """Send a request, again where the server asks to wait, and return the answer.

        `resource`: its plural name, with its subresource. `before_retry`: may raise, and so end the tries. Raises
        ApiError, OSError or TimeoutError, and AnswerTooLong where there are more than `max_bytes`.
        """
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        for remaining in reversed(range(tries)):
            async with self.send(verb, resource, path, data, params, limits, accept=accept) as response:
                text = await read(response, max_bytes)
            if response.ok:
                return text
            if response.status == 429 and tries > 1:
                delay = _retry_after(response.headers.get("Retry-After"))
                logger.info("the API server asks to wait for %.0f s", delay)
                # After the last try, too: the caller will begin again.
                await asyncio.sleep(delay)
            if response.status != 429 or not remaining:
                raise ApiError(response.status, error_body(text))
            before_retry()
        raise AssertionError("unreachable")

    @contextlib.asynccontextmanager
    async def send(
        self,
        verb: str,
        resource: str,
        path: str,
        data: bytes | None = None,
        params: Mapping[str, str] | None = None,
        limits: aiohttp.ClientTimeout | None = None,
        *,
        accept: str = JSON,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request, and another with fresh credentials where the first one's are refused."""
        assert self._session is not None, "use the Api as a context manager"  # noqa: S101 - a mistake of the caller
        own = {"Content-Type": f"application/{CONTENT.get(verb, 'json')}", "Accept": accept}
        for last in (False, True):
            code, began, asked_at = "error", time.perf_counter(), self._clock.own()
            try:
                async with self._session.request(
                    METHODS[verb],
                    self._server + path,
                    data=data,
                    headers=self._headers | own,
                    params=params,
                    timeout=limits or (CREATE_LIMITS if METHODS[verb] == "POST" else self._session.timeout),
                ) as response:
                    code = str(response.status)
                    self._clock.observe(response.headers.get("Date"), asked_at)
                    self._answered(verb, resource, code, time.perf_counter() - began)
                    if last or response.status != 401:
                        yield response
                        return
            except aiohttp.ClientError as error:
                # Some are OSErrors, and some are not: that the server closed the connection, for one.
                raise ConnectionError(str(error) or type(error).__name__) from error
            finally:
                if code == "error":
                    self._answered(verb, resource, code, time.perf_counter() - began)
            self._headers = self._login().as_http_headers()


def no_longer_than(silence: float) -> aiohttp.ClientTimeout:
    """For an answer that may take as long as it likes, as long as something comes."""
    return aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_TIMEOUT, sock_read=silence)


async def read(response: aiohttp.ClientResponse, max_bytes: int | None) -> bytes:
    """The body. Raises AnswerTooLong as soon as more than `max_bytes` have come, and reads no more of it."""
    if max_bytes is None:
        return await response.read()
    text = bytearray()
    async for chunk in response.content.iter_any():
        text += chunk
        if len(text) > max_bytes:
            raise AnswerTooLong
    return bytes(text)


async def lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The lines of a stream, of any length: a task with its result takes up to a megabyte."""
    rest = b""
    async for chunk in content.iter_any():
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            yield line


def error_body(text: bytes) -> Mapping[str, Any]:
    """The Status object of an answer, or one that quotes what else it was."""
    try:
        return decode(text)
    except UnreadableAnswer:
        return {"message": text[:200].decode(errors="replace")}


def _retry_after(header: str | None) -> float:
    """The seconds that an API server asks to wait. A proxy may give a date, which is not worth the parsing."""
    return min(float(header), RETRY_AFTER_MAX) if header is not None and header.isdecimal() else 1.0
