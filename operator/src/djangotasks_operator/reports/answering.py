"""How task pods are answered: who asks is proved first, then limits hold, and what goes wrong is a Status."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from djangotasks_operator.reports.authentication import AttemptRef, Authentication
from djangotasks_operator.reports.statuses import api_error_answer, http_error_answer, status_answer
from djangotasks_operator.reports.task_limits import TaskLimits
from djangotasks_operator.reports.task_rules import Refused
from djangotasks_operator.runtime.errors import REQUEST_ERRORS

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
                return await handler(request, attempt)
        except Refused as error:
            return status_answer(error.status, error.reason, str(error))
        except web.HTTPException as error:
            return http_error_answer(error)
        except REQUEST_ERRORS as error:
            return api_error_answer(error, attempt.task, plural, request.match_info.get("name"))

    return handle
