"""A TaskResult as JSON, for the web part and for the command line."""

from typing import Any

from django.tasks import TaskResult, TaskResultStatus


def as_json(result: "TaskResult[..., Any]") -> dict[str, Any]:
    succeeded = result.status == TaskResultStatus.SUCCESSFUL
    progress = getattr(result, "progress", None)
    return {
        "id": result.id,
        "task": result.task.module_path,
        "status": result.status,
        "enqueued_at": result.enqueued_at,
        "started_at": result.started_at,
        "finished_at": result.finished_at,
        "attempts": result.attempts,
        "percent": None if progress is None else progress.percent,
        "return_value": result.return_value if succeeded else None,
        "errors": [{"type": e.exception_class_path, "traceback": e.traceback} for e in result.errors],
    }
