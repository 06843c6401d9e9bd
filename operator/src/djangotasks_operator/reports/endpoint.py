"""The HTTP endpoint that task pods report to. `tasks_endpoint` and `inputs_endpoint` have what they ask for."""

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from djangotasks_api.bounds import PROGRESS_REPORT_MAX_BYTES, REPORT_MAX_BYTES
from djangotasks_api.items import ITEMS, ItemsReport
from djangotasks_api.outcome import Outcome
from djangotasks_api.report_fields import InvalidReport
from djangotasks_api.reports import ProgressReport, Started
from djangotasks_api.stored import TextRef
from djangotasks_operator.cache.waiting_standbys import WaitingStandbys
from djangotasks_operator.reports.authentication import PATH, AttemptRef, Authentication
from djangotasks_operator.reports.input_requests import InputRequests
from djangotasks_operator.reports.inputs_endpoint import InputsEndpoint
from djangotasks_operator.reports.intake import ReportLimits, announced_size, read_body
from djangotasks_operator.reports.recorder import ReportRecorder, Stale
from djangotasks_operator.reports.requested import TASK, WORKFLOW
from djangotasks_operator.reports.standbys_endpoint import StandbysEndpoint
from djangotasks_operator.reports.statuses import trouble
from djangotasks_operator.reports.task_limits import TaskLimits
from djangotasks_operator.reports.task_requests import TaskRequests
from djangotasks_operator.reports.tasks_endpoint import TasksEndpoint, kind_of
from djangotasks_operator.runtime.errors import REQUEST_ERRORS, ApiError

logger = logging.getLogger(__name__)

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def reports_app(
    recorder: ReportRecorder,
    tasks: TaskRequests,
    inputs: InputRequests,
    authentication: Authentication,
    answered: Callable[[str, int], None] = lambda *_: None,
    standbys: StandbysEndpoint | None = None,
) -> web.Application:
    """The application that task pods call. `tasks`, `inputs`, `standbys`: do what they ask for. `answered`: called
    after each request with its kind and the HTTP status of the answer."""

    limits = ReportLimits()

    @contextlib.asynccontextmanager
    async def taken_in(request: web.Request, most: int) -> AsyncIterator[tuple[AttemptRef, bytes]]:
        """A report of an attempt, which holds its place until it is answered."""
        attempt = _authenticated(request, authentication)
        with limits.admit(kind_of(request) or "", attempt, announced_size(request, most)):
            yield attempt, await read_body(request, most)

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        kind = kind_of(request)
        if kind is None:
            return await handler(request)
        # What stays where no answer can be given: the pod has closed the connection, or there is a defect.
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
        async with taken_in(request, PROGRESS_REPORT_MAX_BYTES) as (attempt, body):
            recorder.started(attempt, Started.from_json(body))
        return web.Response(status=202)

    async def progress(request: web.Request) -> web.Response:
        async with taken_in(request, PROGRESS_REPORT_MAX_BYTES) as (attempt, body):
            await recorder.progress(attempt, ProgressReport.from_json(body))
        return web.Response(status=202)

    async def outcome(request: web.Request) -> web.Response:
        async with taken_in(request, REPORT_MAX_BYTES) as (attempt, body):
            report = Outcome.from_json(body)
            _check_own(report.items.result_ref if report.items else report.result_ref, attempt)
            await recorder.outcome(attempt, report)
        return web.Response(status=200)

    async def items(request: web.Request) -> web.Response:
        async with taken_in(request, REPORT_MAX_BYTES) as (attempt, body):
            report = ItemsReport.from_json(body)
            _check_own(report.result_ref, attempt)
            await recorder.items(attempt, report)
        return web.Response(status=200)

    async def expect(request: web.Request) -> None:
        """Ask nobody for a body who has no token."""
        _authenticated(request, authentication)
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    app = web.Application(middlewares=[count, _errors])
    for kind, handler in (("started", started), ("progress", progress), (ITEMS, items), ("outcome", outcome)):
        app.router.add_post(PATH + kind, handler, name=kind, expect_handler=expect)
    task_limits = TaskLimits()
    for each in (TASK, WORKFLOW):
        TasksEndpoint(each, tasks, authentication, task_limits, limits).add_to(app)
    InputsEndpoint(inputs, authentication, task_limits, limits).add_to(app)
    (standbys or StandbysEndpoint(WaitingStandbys(), ())).add_to(app)
    return app


def _check_own(ref: TextRef | None, attempt: AttemptRef) -> None:
    """Raises InvalidReport where a file is of another task."""
    if ref is not None and not ref.belongs_to(*attempt.task):
        raise InvalidReport("resultRef must name a file of this task")


def _authenticated(request: web.Request, authentication: Authentication) -> AttemptRef:
    """The attempt that the token is of. Answers 403 without a reason where it is not the one of the URL."""
    attempt = authentication.attempt_of(request)
    if attempt is None:
        raise web.HTTPForbidden(text="the token is not this attempt's\n")
    return attempt


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer errors as the runner needs it: 4xx is final (403 after a while), 503 is to be sent again."""
    try:
        return await handler(request)
    except InvalidReport as error:
        return web.Response(status=400, text=f"{error}\n")
    except Stale as error:
        return web.Response(status=409, text=f"{error}\n")
    except REQUEST_ERRORS as error:
        # By name, since what repeats in the log is limited by what it is about.
        task = "/".join(request.match_info.get(part, "") for part in ("namespace", "task"))
        if isinstance(error, ApiError) and error.invalid:
            # No other try would end otherwise: the pod is not to wait for that.
            logger.warning("%s: a report can never be stored: %s", task, error)
            return web.Response(status=422, text=f"the API server does not store it: {error}\n")
        logger.warning("%s: a report could not be stored, the pod will send it again: %s", task, error)
        return web.Response(status=503, headers={"Retry-After": "1"}, text=f"{trouble(error)}\n")
