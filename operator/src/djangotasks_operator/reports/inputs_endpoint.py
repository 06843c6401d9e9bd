"""The part of the endpoint from which task pods read results that are arguments of their tasks: the list of what is not
in the payload, and then each, page by page, a line of JSON a result. And what earlier attempts at a chunk have left."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import batched

from aiohttp import web

from djangotasks_api.bounds import RESULT_STORED_MAX_BYTES
from djangotasks_api.input_pages import INPUTS, InputPage
from djangotasks_api.items import ITEMS
from djangotasks_api.names import TASK_PLURAL
from djangotasks_operator.reports.answering import SENDING_SECONDS, Handler, answering
from djangotasks_operator.reports.authentication import PATH, AttemptRef, Authentication
from djangotasks_operator.reports.input_requests import START, Cursor, InputRequests
from djangotasks_operator.reports.intake import ReportLimits
from djangotasks_operator.reports.statuses import status_answer
from djangotasks_operator.reports.task_limits import TaskLimits
from djangotasks_operator.runtime.errors import ApiError

logger = logging.getLogger(__name__)

NDJSON = "application/x-ndjson"
LINES_A_WRITE = 16
# An input's number.
NUMBER = "[0-9]{1,6}"


class InputsEndpoint:
    """The routes below PATH for inputs."""

    def __init__(
        self, inputs: InputRequests, authentication: Authentication, limits: TaskLimits, report_limits: ReportLimits
    ) -> None:
        """`report_limits`: share the memory for bodies with reports."""
        self._inputs = inputs
        self._authentication = authentication
        self._limits = limits
        self._report_limits = report_limits

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(PATH + INPUTS, self._answering(self._list), name=INPUTS)
        app.router.add_get(f"{PATH}{INPUTS}/{{number:{NUMBER}}}", self._answering(self._read), name="input")
        app.router.add_get(PATH + ITEMS, self._answering(self._items), name="earlier-items")

    def _answering(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        return answering(handler, lambda request: "input", TASK_PLURAL, self._authentication, self._limits)

    async def _list(self, request: web.Request, attempt: AttemptRef) -> web.StreamResponse:
        return web.json_response({"inputs": await self._inputs.inputs(attempt)})

    async def _items(self, request: web.Request, attempt: AttemptRef) -> web.StreamResponse:
        with self._report_limits.held(attempt.task.namespace, RESULT_STORED_MAX_BYTES):
            return web.json_response(text=(await self._inputs.items(attempt)).to_json())

    async def _read(self, request: web.Request, attempt: AttemptRef) -> web.StreamResponse:
        asked = request.query.get("continue")
        begin = START if asked is None else Cursor.parse(asked)
        found = await self._inputs.find(attempt, int(request.match_info["number"]))
        with self._report_limits.held(attempt.task.namespace, found.bytes):
            try:
                page = await self._inputs.page(found, begin)
            except ApiError as error:
                if begin is START or not (error.version_expired or error.status == 400):
                    raise
                return status_answer(409, "Expired", "the list is to be read from its start")
            return await _sent(request, page)


async def _sent(request: web.Request, page: InputPage) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": NDJSON})
    try:
        async with asyncio.timeout(SENDING_SECONDS):
            await response.prepare(request)
            # Each write is a system call, and a chunk for the pod to read.
            for lines in batched(page.lines(), LINES_A_WRITE):
                await response.write(b"".join(lines))
    except OSError as error:
        # The pod is gone, or does not read. What was cut is no page: its last line says so.
        logger.debug("a page of results was cut: %s", error)
        request.protocol.force_close()
    return response
