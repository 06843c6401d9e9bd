"""The HTTP endpoint that task pods report to."""

import logging
import math
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from djangotasks_api.outcome import (
    PROGRESS_REPORT_MAX_BYTES,
    REPORT_MAX_BYTES,
    InvalidReport,
    Outcome,
    ProgressReport,
    Started,
)
from djangotasks_operator.api import ApiError
from djangotasks_operator.bucket import Buckets
from djangotasks_operator.reports import Reports, Stale
from djangotasks_operator.store import Key
from djangotasks_operator.tokens import verify

logger = logging.getLogger(__name__)

# Names of resources and nothing else: they become part of the path of a request to the API server.
LABEL = "[a-z0-9][-a-z0-9]{0,62}"
PATH = f"/v1/attempts/{{namespace:{LABEL}}}/{{task:{LABEL}}}/{{uid:{LABEL}}}/{{attempt:[0-9]{{1,5}}}}/"
BEARER = "Bearer "
# An attempt reports its start once, and its outcome until it is taken: at most every 10 s in the long run. More often
# is a defect, or meant badly, and each report may cost a request to the API server.
BURST, PER_SECOND = 30, 2.0
# Progress comes once a second, and has a measure of its own: whatever an attempt says of it, its outcome is taken.
PROGRESS_BURST, PROGRESS_PER_SECOND = 10, 2.0
REMEMBERED_MAX = 4096
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def reports_app(
    reports: Reports, keys: Sequence[bytes], answered: Callable[[str, int], None] = lambda *_: None
) -> web.Application:
    """What task pods call. `keys`: one of them has signed their tokens. `answered`: is told of each report: its kind,
    and the HTTP status it got."""

    few = Buckets[tuple[str, int]](BURST, PER_SECOND, REMEMBERED_MAX)
    steady = Buckets[tuple[str, int]](PROGRESS_BURST, PROGRESS_PER_SECOND, REMEMBERED_MAX)

    def authenticated(request: web.Request, buckets: Buckets[tuple[str, int]] = few) -> tuple[Key, str, int]:
        task, uid, attempt = _authenticated(request, keys)
        if wait := buckets.wait((uid, attempt)):
            headers = {"Retry-After": str(math.ceil(wait))}
            raise web.HTTPTooManyRequests(headers=headers, text="this attempt reports too often\n")
        return task, uid, attempt

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        kind = request.match_info.route.name
        if kind is None:
            return await handler(request)
        # An answer that cannot be given is one too: the pod has closed the connection, or there is a defect.
        status = 500
        try:
            response = await handler(request)
            status = response.status
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            answered(kind, status)
        return response

    async def started(request: web.Request) -> web.Response:
        task, uid, attempt = authenticated(request)
        reports.started(task, uid, attempt, Started.from_json(await request.read()))
        return web.Response(status=202)

    async def progress(request: web.Request) -> web.Response:
        task, uid, attempt = authenticated(request, steady)
        if (size := request.content_length or 0) > PROGRESS_REPORT_MAX_BYTES:
            raise web.HTTPRequestEntityTooLarge(max_size=PROGRESS_REPORT_MAX_BYTES, actual_size=size)
        await reports.progress(task, uid, attempt, ProgressReport.from_json(await request.read()))
        return web.Response(status=202)

    async def outcome(request: web.Request) -> web.Response:
        task, uid, attempt = authenticated(request)
        report = Outcome.from_json(await request.read())
        if report.result_ref is not None and not report.result_ref.belongs_to(*task):
            raise InvalidReport("resultRef must name a file of this task")
        await reports.outcome(task, uid, attempt, report)
        return web.Response(status=200)

    app = web.Application(client_max_size=REPORT_MAX_BYTES, middlewares=[count, _errors])
    app.router.add_post(PATH + "started", started, name="started")
    app.router.add_post(PATH + "progress", progress, name="progress")
    app.router.add_post(PATH + "outcome", outcome, name="outcome")
    return app


def _authenticated(request: web.Request, keys: Sequence[bytes]) -> tuple[Key, str, int]:
    """The attempt that the caller may report for. Anything else is a 403 without a reason."""
    info = request.match_info
    uid, attempt = info["uid"], int(info["attempt"])
    header = request.headers.get("Authorization", "")
    token = header.removeprefix(BEARER)
    if not (header.startswith(BEARER) and verify(keys, token, info["namespace"], uid, attempt)):
        raise web.HTTPForbidden(text="the token is not this attempt's\n")
    return Key(info["namespace"], info["task"]), uid, attempt


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Says what the runner must know: 4xx is final (403 after a while), 503 is to be sent again."""
    try:
        return await handler(request)
    except InvalidReport as error:
        return web.Response(status=400, text=f"{error}\n")
    except Stale as error:
        return web.Response(status=409, text=f"{error}\n")
    except (ApiError, OSError, TimeoutError) as error:
        logger.warning("a report could not be stored, the pod will send it again: %s", error)
        return web.Response(status=503, headers={"Retry-After": "1"}, text="the API server is not available\n")
