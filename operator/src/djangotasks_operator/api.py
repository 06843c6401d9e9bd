"""The one module that calls the API server.

On aiohttp, as kopf is: a PATCH costs 0.2 to 0.4 ms of CPU with it, and 1.3 ms with the generated client. orjson
reads answers and events in little more than half of json's time. It does not write integers of any size, so json does.
Every call may be repeated safely: names are chosen by us, and status patches carry the resource version.
"""

import asyncio
import contextlib
import copy
import json
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any, Self

import aiohttp
import kopf
import orjson

from djangotasks_api.names import API_VERSION, LOG_GONE, QUEUE_PLURAL, TASK_PLURAL

logger = logging.getLogger(__name__)

Object = dict[str, Any]

TASKS = f"/apis/{API_VERSION}", TASK_PLURAL
QUEUES = f"/apis/{API_VERSION}", QUEUE_PLURAL
JOBS = "/apis/batch/v1", "jobs"
PODS = "/api/v1", "pods"
DEPLOYMENTS = "/apis/apps/v1", "deployments"
SERVICES = "/api/v1", "services"
LEASES = "/apis/coordination.k8s.io/v1", "leases"
EVENTS = "/api/v1", "events"
Resource = tuple[str, str]

# What the API server calls a request, and HTTP's word for it. A rehearsal is a create as a dry run.
METHODS = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "rehearse": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
}

# One service account's requests queue in API Priority and Fairness: more than this in flight earns 429.
WRITES_IN_FLIGHT = 32
REQUEST_TIMEOUT = 15.0
THROTTLED_TRIES = 4
PAGE_SIZE = 500
# The server ends a watch after a while, not all at the same time; one that works brings a bookmark each minute.
WATCH_SECONDS = 240, 360
WATCH_SILENCE = 70.0
# Of a log, its last lines, and of these the last bytes: a line may be as long as the log.
LOG_LINES = 500
LOG_BYTES = 64 * 1024
LOG_TIMEOUT = 5.0


class ApiError(Exception):
    """The API server refused. `reason`: its word for it, such as NotFound, AlreadyExists, Conflict, Invalid."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        message = body.get("message")
        if status == 422:
            # The server's words quote the value, which may be the user's. The fields say enough in a log.
            causes = (body.get("details") or {}).get("causes") or ()
            message = ", ".join(f"{cause.get('field')} ({cause.get('reason')})" for cause in causes)
        super().__init__(f"{status} {body.get('reason', '')}: {message or ''}")
        self.status = status
        self.reason: str = body.get("reason") or ""
        self.message: str = body.get("message") or ""

    @property
    def not_found(self) -> bool:
        return self.status == 404

    @property
    def expired(self) -> bool:
        """A watch cannot go on from where it was."""
        return self.status == 410

    @property
    def already_exists(self) -> bool:
        return self.status == 409 and self.reason == "AlreadyExists"

    @property
    def conflict(self) -> bool:
        return self.status == 409 and self.reason == "Conflict"

    @property
    def outdated(self) -> bool:
        """The object is not as it was seen: it has changed, or is gone."""
        return self.conflict or self.not_found


def is_refusal(error: Exception) -> bool:
    """The API server is there, and does not want it. Otherwise it did not answer, or only that it cannot."""
    return isinstance(error, ApiError) and error.status < 500


class Api:
    """One session for one cluster. Use as an async context manager.

    `login`: gives the credentials, and again when they are refused: the tokens of service accounts expire.
    `answered`: is told of each request: verb, resource, HTTP status or "error", seconds."""

    def __init__(
        self,
        login: Callable[[], kopf.ConnectionInfo],
        answered: Callable[[str, str, str, float], None] = lambda *_: None,
    ) -> None:
        self._login = login
        self._answered = answered
        connection = login()
        self._server = connection.server.rstrip("/")
        # Shared with every fenced copy, and changed in place when the credentials are renewed.
        self._headers = connection.as_http_headers()
        self._tls = connection.as_ssl_context()
        self._session: aiohttp.ClientSession | None = None
        self._writes = asyncio.Semaphore(WRITES_IN_FLIGHT)
        self._fence: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            # No limit: each watch holds a connection for itself.
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0),
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    def fenced(self, check: Callable[[], None]) -> Self:
        """The same session, for which `check` is called right before each write, and may raise."""
        fenced = copy.copy(self)
        fenced._fence = check
        return fenced

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        return await self._request("get", resource[1], _path(resource, namespace, name))

    async def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        """`dry_run`: all that a create does, admission included, but to store it."""
        path = _path(resource, namespace)
        if dry_run:
            return await self._write("rehearse", resource[1], path, body, {"dryRun": "All"})
        return await self._write("create", resource[1], path, body)

    async def replace(self, resource: Resource, namespace: str, name: str, body: Object) -> Object:
        """A PUT, refused with a conflict when the body's resource version is not the current one."""
        return await self._write("update", resource[1], _path(resource, namespace, name), body)

    async def patch(self, resource: Resource, namespace: str, name: str, change: Object) -> Object:
        """A merge patch."""
        return await self._write("patch", resource[1], _path(resource, namespace, name), change)

    async def patch_status(self, resource: Resource, namespace: str, name: str, version: str, status: Object) -> Object:
        """A merge patch of the status, refused with a conflict when the object is not at `version`."""
        body = {"metadata": {"resourceVersion": version}, "status": status}
        return await self._write("patch", resource[1] + "/status", _path(resource, namespace, name) + "/status", body)

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str, version: str | None = None) -> None:
        """Deletes the object, unless it is another of the same name. One that is gone already is no error.

        `version`: refused with a conflict when the object is not at it, as what was decided on has changed.
        """
        preconditions = {"uid": uid} if version is None else {"uid": uid, "resourceVersion": version}
        body = {"preconditions": preconditions, "propagationPolicy": "Background"}
        try:
            await self._write("delete", resource[1], _path(resource, namespace, name), body)
        except ApiError as error:
            if not (error.not_found or (error.conflict and version is None)):
                raise

    async def list(
        self, resource: Resource, namespace: str | None, selector: str = ""
    ) -> AsyncIterator[tuple[list[Object], str]]:
        """Pages of objects, each with the version of the whole list, from which a watch goes on."""
        params = {"limit": str(PAGE_SIZE)}
        if selector:
            params["labelSelector"] = selector
        while True:
            page = await self._request("list", resource[1], _path(resource, namespace), params=params)
            yield page["items"], page["metadata"]["resourceVersion"]
            if not (token := page["metadata"].get("continue")):
                return
            params["continue"] = token

    async def watch(
        self, resource: Resource, namespace: str | None, selector: str, version: str
    ) -> AsyncGenerator[Object]:
        """The events after `version`, bookmarks among them, until the server ends the watch.

        Raises ApiError (expired when the server knows nothing of that version any more), OSError or TimeoutError."""
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(random.randint(*WATCH_SECONDS)),  # noqa: S311 - no secret
        }
        if selector:
            params["labelSelector"] = selector
        limits = aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_TIMEOUT, sock_read=WATCH_SILENCE)
        async with self._send("watch", resource[1], _path(resource, namespace), params=params, limits=limits) as sent:
            if not sent.ok:
                raise ApiError(sent.status, _status(await sent.read()))
            async for line in _lines(sent.content):
                event: Object = orjson.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(event["object"].get("code", 500), event["object"])
                yield event

    async def log_end(self, namespace: str, pod: str, container: str) -> bytes:
        """The last lines that a container of a pod wrote, within a few seconds.

        Without limitBytes, which would keep the first of them. A node writes logs of 10 MiB at most by default."""
        params = {"container": container, "tailLines": str(LOG_LINES)}
        limits = aiohttp.ClientTimeout(total=LOG_TIMEOUT)
        path = _path(PODS, namespace, pod) + "/log"
        end = b""
        async with self._send("get", "pods/log", path, params=params, limits=limits) as sent:
            if not sent.ok:
                raise ApiError(sent.status, _status(await sent.read()))
            async for chunk in sent.content.iter_any():
                end = (end + chunk)[-LOG_BYTES:]
        if end.startswith(LOG_GONE.encode()) and b"\n" not in end:
            raise ApiError(404, {"reason": "NotFound", "message": end.decode(errors="replace")})
        return end

    async def _write(
        self, verb: str, resource: str, path: str, body: Object, params: Mapping[str, str] | None = None
    ) -> Object:
        async with self._writes:
            self._fence()
            return await self._request(verb, resource, path, body, params)

    async def _request(
        self,
        verb: str,
        resource: str,
        path: str,
        body: Object | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Object:
        """`resource`: with its subresource, for who counts."""
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        for remaining in reversed(range(THROTTLED_TRIES)):
            async with self._send(verb, resource, path, data, params) as response:
                text = await response.read()
            if response.ok:
                result: Object = orjson.loads(text)
                return result
            if response.status == 429:
                delay = min(float(response.headers.get("Retry-After", "1")), 10.0)
                logger.info("the API server asks to wait for %.0f s", delay)
                # After the last try, too: who called will begin anew.
                await asyncio.sleep(delay)
            if response.status != 429 or not remaining:
                raise ApiError(response.status, _status(text))
            self._fence()
        raise AssertionError("unreachable")

    @contextlib.asynccontextmanager
    async def _send(
        self,
        verb: str,
        resource: str,
        path: str,
        data: bytes | None = None,
        params: Mapping[str, str] | None = None,
        limits: aiohttp.ClientTimeout | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request, and another with fresh credentials where the first one's are refused."""
        assert self._session is not None, "use the Api as a context manager"  # noqa: S101
        kind = "merge-patch+json" if verb == "patch" else "json"
        own = {"Content-Type": f"application/{kind}", "Accept": "application/json"}
        for last in (False, True):
            code, began = "error", time.perf_counter()
            try:
                async with self._session.request(
                    METHODS[verb],
                    self._server + path,
                    data=data,
                    headers=self._headers | own,
                    params=params,
                    timeout=limits or self._session.timeout,
                ) as response:
                    code = str(response.status)
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
            self._headers.update(self._login().as_http_headers())


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Of any length: a task with its result takes up to a megabyte."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line


def _path(resource: Resource, namespace: str | None, name: str | None = None) -> str:
    prefix, plural = resource
    path = f"{prefix}/{plural}" if namespace is None else f"{prefix}/namespaces/{namespace}/{plural}"
    return path if name is None else f"{path}/{name}"


def _status(text: bytes) -> Mapping[str, Any]:
    try:
        body = orjson.loads(text)
    except ValueError:
        return {"message": text[:200].decode(errors="replace")}
    return body if isinstance(body, dict) else {}
