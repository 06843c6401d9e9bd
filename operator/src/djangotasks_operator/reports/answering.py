"""How task pods are answered: who asks is proved first, then limits hold, and what goes wrong is a Status."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from djangotasks_operator.reports.authentication import AttemptRef, Authentication
from djangotasks_operator.reports.statuses import api_error_answer, http_error_answer, status_answer
from djangotasks_operator.reports.task_limits import TaskLimits
from djangotasks_operator.reports.task_rules import Refused
from djangotasks_operator.runtime.errors import REQUEST_ERRORS
from djangotasks_operator.runtime.http_server import abort

logger = logging.getLogger(__name__)

# How long a pod may take to read its answer, which is held in memory meanwhile. As long as a report's body may take.
SENDING_SECONDS = 10.0

type Handler = Callable[[web.Request, AttemptRef], Awaitable[web.StreamResponse]]


def answering(
    handler: Handler,
    kind_of: Callable[[web.Request], str],
    plural: str,
    authentication: Authentication,
    limits: TaskLimits,
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Make the handler of a route. `kind_of`: the kind of a request, for its limits. `plural`: of what it is about."""

    async def handle(request: web.Request) -> web.StreamResponse:
        attempt = authentication.attempt_of(request)
        if attempt is None:
            return status_answer(401, "Unauthorized", "the token is not this attempt's")
        try:
            async with limits.admit(kind_of(request), attempt):
                return await _sent(request, await handler(request, attempt))
        except Refused as error:
            return status_answer(error.status, error.reason, str(error))
        except web.HTTPException as error:
            return http_error_answer(error)
        except REQUEST_ERRORS as error:
            return api_error_answer(error, attempt.task, plural, request.match_info.get("name"))

    return handle


async def _sent(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Send the answer while its request is counted: a task has a megabyte, and who asks for hundreds need not read
    them. What comes in parts is sent already."""
    try:
        async with asyncio.timeout(SENDING_SECONDS):
            await response.prepare(request)
            await response.write_eof()
    except OSError as error:
        logger.debug("a pod does not read its answer, or is gone: %s", error)
        abort(request.protocol)
    if isinstance(response, web.Response):
        # aiohttp keeps an answer until the connection has its next request.
        response.body = None
    return response
