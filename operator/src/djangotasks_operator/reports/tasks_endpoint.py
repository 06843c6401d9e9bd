"""The part of the endpoint over which task pods enqueue, read, follow and cancel tasks and workflows.

It answers as the API server does, with resources, lists, watches and Statuses, so that a pod's client
is that of a web app. Lists and watches are passed on as they come.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import ClientError, ClientResponse, web

from djangotasks_api.refusals import Refusal
from djangotasks_operator.reports.answering import Handler, answering
from djangotasks_operator.reports.authentication import LABEL, PATH, AttemptRef, Authentication
from djangotasks_operator.reports.intake import ReportLimits, announced_size, read_body
from djangotasks_operator.reports.requested import Requested
from djangotasks_operator.reports.task_limits import TaskLimits
from djangotasks_operator.reports.task_requests import AlreadyExists, TaskRequests
from djangotasks_operator.reports.task_rules import Refused, parse_body
from djangotasks_operator.runtime.http_server import abort
from djangotasks_operator.runtime.transport import JSON, METADATA

logger = logging.getLogger(__name__)

STRICT = {"fieldValidation": "Strict"}
PAGE_MAX = 500
# Shorter than connections may be open: the pod opens the next one.
WATCH_SECONDS = 20
# How often to look whether the pod is still there, while a watch brings nothing.
LOOK_SECONDS = 2.0
CANCEL_MAX_BYTES = 16 * 1024
NUMBER = re.compile("[0-9]{1,20}")


class TasksEndpoint:
    """The routes below PATH for tasks, or for workflows."""

    def __init__(
        self,
        kind: Requested,
        tasks: TaskRequests,
        authentication: Authentication,
        limits: TaskLimits,
        report_limits: ReportLimits,
    ) -> None:
        """`limits`: of both kinds. `report_limits`: share the memory for bodies with reports."""
        self._kind = kind
        self._tasks = tasks
        self._authentication = authentication
        self._limits = limits
        self._report_limits = report_limits

    def add_to(self, app: web.Application) -> None:
        every = self._kind.path
        one = f"{every}/{{name:{LABEL}}}"
        for name, method, path, handler in (
            (self._kind.enqueue, "POST", every, self._enqueue),
            ("list", "GET", every, self._list_or_watch),
            ("read", "GET", one, self._read),
            ("cancel", "PATCH", one, self._cancel),
        ):
            # Routes have names of their own, which the metric of requests goes by: `kind_of`.
            route = f"{every}.{name}"
            answering = self._answering(name, handler)
            app.router.add_route(method, PATH + path, answering, name=route, expect_handler=self._expect)

    def _answering(self, name: str, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        def kind_of(request: web.Request) -> str:
            return "watch" if _is_watch(request) else name

        return answering(handler, kind_of, self._kind.resource.plural, self._authentication, self._limits)

    async def _enqueue(self, request: web.Request, attempt: AttemptRef) -> web.StreamResponse:
        _check_query(request, STRICT)
        size = announced_size(request, self._kind.max_bytes)
        with self._report_limits.held(attempt.task.namespace, size):
            body = parse_body(await read_body(request, self._kind.max_bytes))
            try:
                created = await self._tasks.enqueue(attempt, body, self._kind)
            except AlreadyExists as found:
                return web.json_response(found.body, status=409)
        short = {"kind": created["kind"], "metadata": {"name": created["metadata"]["name"]}}
        return web.json_response(short, status=201)

    async def _read(self, request: web.Request, attempt: AttemptRef) -> web.StreamResponse:
        _check_query(request, {})
        return web.json_response(await self._tasks.read(attempt, request.match_info["name"], self._kind))

    async def _cancel(self, request: web.Request, attempt: AttemptRef) -> web.StreamResponse:
        _check_query(request, STRICT)
        announced_size(request, CANCEL_MAX_BYTES)
        body = parse_body(await read_body(request, CANCEL_MAX_BYTES))
        return web.json_response(await self._tasks.cancel(attempt, request.match_info["name"], body, self._kind))

    async def _list_or_watch(self, request: web.Request, attempt: AttemptRef) -> web.StreamResponse:
        verb, params = ("watch", _watch_params(request)) if _is_watch(request) else ("list", _list_params(request))
        accept = METADATA if request.headers.get("Accept") == METADATA else JSON
        asked = request.query.get("fieldSelector", "")
        if selector := await self._tasks.selector(attempt, asked):
            params["fieldSelector"] = selector
        warning = self._tasks.warning(attempt, asked, self._kind) if verb == "watch" else None
        # As the API server warns.
        headers = {} if warning is None else {"Warning": f'299 - "{warning}"'}
        async with self._tasks.api.opened(verb, self._kind.resource, attempt.task.namespace, params, accept) as found:
            return await _passed_on(request, found, headers)

    async def _expect(self, request: web.Request) -> None:
        """Ask nobody for a body who has no token."""
        if self._authentication.attempt_of(request) is None:
            raise web.HTTPUnauthorized
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def kind_of(request: web.Request) -> str | None:
    """Of a request to the endpoint: the name of its route without its kind of resource; None where there is none."""
    name = request.match_info.route.name
    return None if name is None else name.rpartition(".")[2]


def _is_watch(request: web.Request) -> bool:
    return request.query.get("watch") == "true"


def _watch_params(request: web.Request) -> dict[str, str]:
    version = request.query.get("resourceVersion", "")
    if not NUMBER.fullmatch(version):
        raise Refused(422, Refusal.INVALID, "A watch needs the resourceVersion of a list.")
    fixed = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(WATCH_SECONDS)}
    return fixed | {"resourceVersion": version}


def _list_params(request: web.Request) -> dict[str, str]:
    limit = request.query.get("limit", "")
    params = {"limit": str(min(int(limit), PAGE_MAX) if NUMBER.fullmatch(limit) else PAGE_MAX)}
    return params | {name: value for name, value in request.query.items() if name == "continue"}


async def _passed_on(request: web.Request, found: ClientResponse, headers: Mapping[str, str]) -> web.StreamResponse:
    """Answer with what the API server sends, as it comes."""
    response = web.StreamResponse(status=found.status, headers={"Content-Type": found.content_type, **headers})
    await response.prepare(request)
    reading: asyncio.Task[bytes] | None = None
    try:
        while not (request.transport is None or request.transport.is_closing()):
            reading = reading or asyncio.create_task(found.content.readany())
            done, _ = await asyncio.wait({reading}, timeout=LOOK_SECONDS)
            if not done:
                continue
            if not (chunk := reading.result()):
                break
            reading = None
            await response.write(chunk)
    except (ClientError, OSError) as error:
        # The pod is gone, or the API server: what was cut must not look like a whole.
        logger.debug("a list or a watch was cut: %s", error)
        abort(request.protocol)
    finally:
        if reading is not None:
            reading.cancel()
    return response


def _check_query(request: web.Request, allowed: Mapping[str, str]) -> None:
    """Refuse what would change the meaning of a request to the API server, such as dryRun, and is not done here."""
    if unknown := [name for name, value in request.query.items() if allowed.get(name) != value]:
        raise Refused(422, Refusal.INVALID, f"Not for a task's pod: {', '.join(sorted(unknown))}.")
