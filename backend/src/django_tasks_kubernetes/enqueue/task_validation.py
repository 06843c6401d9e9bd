"""Whether a task's options make sense, by themselves and together."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.tasks.exceptions import InvalidTask

from django_tasks_kubernetes.codec.task_options import to_spec
from django_tasks_kubernetes.codec.times import clock_change, time_problem
from django_tasks_kubernetes.task import is_workflow, options_of
from djangotasks_api.bounds import PRIORITY

logger = logging.getLogger(__name__)


def validate_options(task: Any) -> None:
    """Raises InvalidTask. Called when the module with the task is imported, and by enqueue()."""
    options = options_of(task)
    problem = policy_problem(options) or time_problem("run_after", task.run_after)
    if problem is None and "heartbeat_timeout" in options and not task.takes_context:
        problem = (
            "heartbeat_timeout needs takes_context=True, since the task sends its heartbeats by progress() or "
            "heartbeat() of its context. To limit how long it runs there is timeout."
        )
    if problem:
        raise InvalidTask(f"Task {task.func.__qualname__}: {problem}")


def validate_types(task: Any) -> None:
    """Raises InvalidTask for what Django compares without a look at its type."""
    if is_workflow(task.func):
        path = task.func.module_path
        raise InvalidTask(f"{path} is a workflow, and no function of a task: take the @task above @workflow away.")
    problem = None
    if not isinstance(task.priority, (int, float)):
        problem = f"priority must be a whole number {PRIORITY}, not {task.priority!r}."
    elif task.run_after is not None and not isinstance(task.run_after, datetime):
        problem = (
            f"run_after must be a datetime, such as timezone.now() + timedelta(minutes=10), not {task.run_after!r}."
        )
    if problem:
        raise InvalidTask(f"Task {task.func.__name__}: {problem}")


def policy_problem(options: Mapping[str, Any]) -> str | None:
    """What is wrong with a task's options, if anything."""
    if isinstance(expires := options.get("expires"), datetime) and (problem := time_problem("expires", expires)):
        return problem
    try:
        to_spec(options, datetime.now().astimezone())
    except (TypeError, ValueError) as error:
        return str(error)
    return None


def note_clock_changes(task: Any) -> None:
    """Logs what a time of the task stands for where that is not plain: on the days on which the clock changes."""
    for name, moment in (("run_after", task.run_after), ("expires", options_of(task).get("expires"))):
        if isinstance(moment, datetime) and (note := clock_change(moment)):
            logger.warning("Task %s: %s=%s.", task.module_path, name, note)
