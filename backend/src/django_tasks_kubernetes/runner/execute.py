"""Runs one task and says how it ended. Knows nothing of pods, so the testing helpers use it as well."""

import json
from collections.abc import Callable
from typing import Any, NoReturn

from django.dispatch import Signal
from django.tasks import Task, TaskResultStatus
from django.tasks.base import TaskError
from django.tasks.signals import task_finished, task_started
from django.utils import timezone

from django_tasks_kubernetes import json_text
from django_tasks_kubernetes.context import AttemptProgress, KubernetesTaskContext
from django_tasks_kubernetes.exceptions import ResultTooLarge
from django_tasks_kubernetes.results import Later
from django_tasks_kubernetes.retry import RetryLater
from django_tasks_kubernetes.runner.errors import error_report
from django_tasks_kubernetes.runner.log import logger
from django_tasks_kubernetes.task_types import AnyResult
from django_tasks_kubernetes.times import to_wire
from djangotasks_api.names import RESULT_MAX_BYTES
from djangotasks_api.outcome import Outcome, ProgressReport
from djangotasks_api.phases import Reason
from djangotasks_api.stored import TextRef


def execute(
    result: AnyResult,
    worker_id: str,
    *,
    sender: type,
    started: Callable[[str], None],
    finished: Callable[[Outcome], None],
    call: Callable[..., Any] = Task.call,
    retried: Callable[[BaseException], bool] = lambda error: True,
    interrupted: Callable[[], bool] = lambda: False,
    tell: Callable[[ProgressReport], None] = lambda report: None,
    store: Callable[[str], TextRef] = lambda text: refuse_result(len(text), None),
) -> Outcome:
    """Runs the task of a result that is READY, and changes the result as Django's ImmediateBackend does.

    `started` and `finished` are called before the task and as soon as its outcome is known. The signals task_started
    and task_finished follow each, from `sender`; what their receivers raise is logged and changes nothing.
    `call`: calls a task with arguments. `retried`: whether an exception of it may be tried again. While `interrupted`,
    an exception is not an outcome and goes on, as KeyboardInterrupt always does. `tell`: is called with each report of
    progress, and must not take long; the outcome has the last one as well. `store`: takes a return value that is too
    long for a resource, or raises ResultTooLarge.
    """
    now = timezone.now()
    _set(result, status=TaskResultStatus.RUNNING, started_at=result.started_at or now, last_attempted_at=now)
    result.worker_ids.append(worker_id)
    started_at = to_wire(now)
    started(started_at)
    _send(task_started, sender, result)
    reason, retryable = Reason.TASK_ERROR, True
    progress = AttemptProgress(started_at, tell)
    try:
        context: tuple[Any, ...] = ()
        if result.task.takes_context:
            context = (KubernetesTaskContext(task_result=result, _attempt=progress),)
        value = call(result.task, *context, *result.args, **result.kwargs)
        reason, retryable = Reason.RESULT_NOT_SERIALIZABLE, False
        # Not exact_keys: keys that are not strings become strings, as in any JSON. The task has had its effects,
        # so that is better than a failure.
        text = json_text.dumps(value, name="The return value", exact_keys=False)
        ref = None
        if len(text) > RESULT_MAX_BYTES:
            reason, retryable = Reason.RESULT_NOT_STORED, True
            ref = store(text)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever ends a task is its outcome, also SystemExit
        if interrupted():
            raise
        if reason == Reason.RESULT_NOT_STORED:
            reason, retryable = _refusal(error)
        end = timezone.now()
        _set(result, finished_at=end, status=TaskResultStatus.FAILED)
        report = error_report(error)
        after = error.after if isinstance(error, RetryLater) else None
        result.errors.append(TaskError(exception_class_path=report.type, traceback=report.traceback))
        outcome = Outcome(
            started_at=started_at,
            finished_at=to_wire(end),
            reason=reason,
            error=report,
            retryable=retryable and (after is not None or retried(error)),
            retry_after=after if retryable else None,
            progress=progress.last,
        )
        finished(outcome)
        # Inside the handler, so that receivers find the exception in sys.exc_info(), as Django's own logger does.
        _send(task_finished, sender, result)
    else:
        end = timezone.now()
        # As a reader gets it. What is large is parsed for a receiver that looks at it alone.
        returned = json.loads(text) if ref is None else Later(lambda: json.loads(text))
        _set(result, finished_at=end, status=TaskResultStatus.SUCCESSFUL, _return_value=returned)
        outcome = Outcome(
            started_at=started_at,
            finished_at=to_wire(end),
            result=text if ref is None else None,
            result_ref=ref,
            progress=progress.last,
        )
        finished(outcome)
        _send(task_finished, sender, result)
    return outcome


def _refusal(error: BaseException) -> tuple[Reason, bool]:
    """Why a large return value was not stored, and whether that may be tried again."""
    from django_tasks_kubernetes.runner.files import may_pass

    if isinstance(error, ResultTooLarge):
        return Reason.RESULT_TOO_LARGE, False
    return Reason.RESULT_NOT_STORED, may_pass(error)


def refuse_result(size: int, max_bytes: int | None) -> NoReturn:
    """Raises ResultTooLarge. `max_bytes`: what the storage may take, where there is one."""
    problem = f"The return value takes {size:,} bytes as JSON."
    if max_bytes is None:
        raise ResultTooLarge(
            f"{problem} {RESULT_MAX_BYTES:,} are allowed. Store it, and return its primary key or file name; or let a "
            "storage have what is larger: OPTIONS['STORAGE']."
        )
    raise ResultTooLarge(f"{problem} {max_bytes:,} are allowed in the storage: OPTIONS['STORAGE_MAX_BYTES'].")


def _send(signal: Signal, sender: type, result: AnyResult) -> None:
    """To all receivers. They watch the task; what they raise is not its failure."""
    try:
        answers = signal.send_robust(sender, task_result=result)
    except SystemExit:
        logger.exception("A receiver of a task signal called sys.exit(). It is ignored.")
        return
    for receiver, answer in answers:
        if isinstance(answer, Exception):
            # Django's own log of it shows nowhere with DEBUG off and LOGGING unset.
            logger.error("A receiver of a task signal raised. It is ignored: %r", receiver, exc_info=answer)


def _set(result: AnyResult, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(result, name, value)
