"""A task's changes as they happen, for the browser's EventSource. Needs an ASGI server."""

import json
from collections.abc import AsyncIterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.tasks import default_task_backend
from django.tasks.exceptions import TaskResultDoesNotExist
from django.views.decorators.http import require_GET

from .results import as_json

# Proxies cut connections that are silent for long.
REPEAT_SECONDS = 15


@require_GET
async def task_changes(request: HttpRequest, result_id: str) -> HttpResponseBase:
    """The result now and after each change until it is finished, as server-sent events."""
    try:
        await default_task_backend.aget_result(result_id)
    except TaskResultDoesNotExist:
        return JsonResponse({"error": "no such result"}, status=404)
    # No proxy is to collect them.
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(_events(result_id), content_type="text/event-stream", headers=headers)


async def _events(result_id: str) -> AsyncIterator[str]:
    backend: Any = default_task_backend
    async for result in backend.watch(result_id, repeat=REPEAT_SECONDS):
        yield f"data: {json.dumps(as_json(result), cls=DjangoJSONEncoder)}\n\n"
