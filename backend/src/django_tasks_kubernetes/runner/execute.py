"""Runs one task and says how it ended. Knows nothing of pods, so the testing helpers use it as well."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.dispatch import Signal
from django.tasks import Task, TaskResultStatus
from django.tasks.signals import task_finished, task_started
from django.utils import timezone

from django_tasks_kubernetes.codec import json_text
from django_tasks_kubernetes.codec.task_error import KubernetesTaskError
from django_tasks_kubernetes.codec.times import to_wire
from django_tasks_kubernetes.context import AttemptProgress, KubernetesTaskContext
from django_tasks_kubernetes.exceptions import ItemsFailed, ResultTooLarge
from django_tasks_kubernetes.lazy import LazyValue
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.retry import retry_after
from django_tasks_kubernetes.returned import Made, ReturnedWorkflow
from django_tasks_kubernetes.runner.errors import error_report, exit_code, from_the_task_on, readable
from django_tasks_kubernetes.runner.limits import fits_resource, may_pass, refuse_result, refuse_unawaited
from django_tasks_kubernetes.runner.log import logger
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Reason
from djangotasks_api.reports import ProgressReport
from djangotasks_api.stored import TextRef

if TYPE_CHECKING:
    from django_tasks_kubernetes.runner.chunk import ChunkRun
    from djangotasks_api.items import ItemsReport


def execute(
    result: KubernetesResult,
    worker_id: str,
    *,
    sender: type,
    started: Callable[[str], None],
    finished: Callable[[Outcome], None],
    call: Callable[..., Any] = Task.call,
    check_exit: Callable[[], object] = lambda: None,
    retried: Callable[[BaseException], bool] = lambda error: True,
    is_last: bool = True,
    interrupted: Callable[[], bool] = lambda: False,
    tell: Callable[[ProgressReport], None] = lambda report: None,
    store: Callable[[str, Callable[[], object]], TextRef] = lambda text, alive: refuse_result(text, None),
    create: Callable[[ReturnedWorkflow], str] = lambda returned: returned.create(""),
    leave: "Callable[[ItemsReport], None]" = lambda items: None,
) -> Outcome:
    """Runs the task of a result that is READY, and changes the result as Django's ImmediateBackend does.

    `started` and `finished` are called before the task and as soon as its outcome is known. The signals task_started
    and task_finished follow each, from `sender`; what their receivers raise is logged and changes nothing. After a
    failure that is tried again, task_finished is not sent: `retried` says whether an exception is, and `is_last` that
    no attempt is left for it.
    `call`: calls a task with arguments. `check_exit`: raises where a sys.exit(0) is no return. While `interrupted`, an
    exception is not an outcome and goes on. `tell`: is called with each report of progress, and must not take long; the
    outcome has the last one as well. `store`: takes a return value that is too long for a resource, or raises
    ResultTooLarge; it calls its second argument meanwhile, in place of the task's own heartbeats. `create`: creates a
    workflow that was returned, and returns its name: the task is not over then. `leave`: takes what the items of a
    chunk that is interrupted have returned.
    """
    now = timezone.now()
    _set(result, status=TaskResultStatus.RUNNING, started_at=result.started_at or now, last_attempted_at=now)
    result.worker_ids.append(worker_id)
    started_at = to_wire(now)
    started(started_at)
    _send(task_started, sender, result, interrupted)
    reason, retryable = Reason.TASK_ERROR, True
    progress = AttemptProgress(started_at, tell)
    keep: Callable[[str], TextRef] = lambda text: store(text, progress.heartbeat)  # noqa: E731 - a chunk has another
    run: ChunkRun | None = None
    length: int | None
    try:
        if result.chunk is not None:
            from django_tasks_kubernetes.runner import chunk

            run = chunk.ChunkRun(result, result.chunk, progress, retried, interrupted, check_exit)
            keep = chunk.storing(keep)
            text, length = run.call_all(call), run.size
        else:
            context: tuple[Any, ...] = ()
            if result.task.takes_context:
                context = (KubernetesTaskContext(task_result=result, _attempt=progress),)
            value = _value(call, result, context, interrupted, check_exit)
            if isinstance(value, ReturnedWorkflow):
                workflow = create(value)
                outcome = Outcome(
                    started_at=started_at,
                    finished_at=to_wire(timezone.now()),
                    workflow=workflow,
                    progress=progress.last,
                )
                finished(outcome)
                return outcome
            reason, retryable = Reason.RESULT_NOT_SERIALIZABLE, False
            refuse_unawaited(value)
            # Not exact_keys: keys that are not strings become strings, as in any JSON. The task has had its effects,
            # so that is better than a failure.
            text = json_text.dumps(value, name="The return value", exact_keys=False)
            length = len(value) if text.startswith("[") else None
        ref = None
        if not fits_resource(text):
            reason, retryable = Reason.RESULT_NOT_STORED, True
            ref = keep(text)
        if run is not None:
            reason, retryable = Reason.TASK_ERROR, True
            run.conclude(text, ref)
    except BaseException as error:  # whatever ends a task is its outcome, also SystemExit and KeyboardInterrupt
        if interrupted():
            if run is not None and run.has_run:
                leave(run.left(keep))
            raise
        shown = readable(error)
        if reason == Reason.RESULT_NOT_STORED:
            reason, retryable = _refusal(shown)
        # Not by assignment, which an exception that is a frozen dataclass refuses.
        BaseException.with_traceback(shown, from_the_task_on(shown.__traceback__))
        end = timezone.now()
        _set(result, finished_at=end, status=TaskResultStatus.FAILED)
        report = error_report(shown)
        outcome = Outcome(
            started_at=started_at,
            finished_at=to_wire(end),
            reason=reason,
            error=report,
            retryable=retryable and (shown.retryable if isinstance(shown, ItemsFailed) else retried(shown)),
            retry_after=_retry_after(shown) if retryable else None,
            progress=progress.last,
            items=None if run is None else run.items,
        )
        result.errors.append(
            KubernetesTaskError(exception_class_path=report.type, traceback=report.traceback, message=report.message)
        )
        finished(outcome)
        if is_last or not outcome.retryable:
            # Inside the handler, so that receivers find the exception in sys.exc_info(), as Django's own logger does.
            _send(task_finished, sender, result)
    else:
        end = timezone.now()
        # As a reader gets it. What is large is parsed for a receiver that looks at it alone.
        returned = json.loads(text) if ref is None else LazyValue(lambda: json.loads(text))
        _set(result, finished_at=end, status=TaskResultStatus.SUCCESSFUL, _return_value=returned)
        outcome = Outcome(
            started_at=started_at,
            finished_at=to_wire(end),
            result=text if ref is None else None,
            result_ref=ref,
            length=length,
            progress=progress.last,
        )
        finished(outcome)
        _send(task_finished, sender, result)
    return outcome


def _value(
    call: Callable[..., Any],
    result: KubernetesResult,
    context: tuple[Any, ...],
    interrupted: Callable[[], bool],
    check_exit: Callable[[], object],
) -> Any:
    """What the task returns. sys.exit(0), as management commands end, is a return without a value."""
    try:
        with Made() as drawn:
            value = call(result.task, *context, *result.args, **result.kwargs)
    except SystemExit as error:
        if interrupted() or exit_code(error):
            raise
        check_exit()
        return None
    if drawn and value is None:
        words = "%s.as_result() was called, and the task returned nothing: no workflow is created. Return it."
        logger.warning(words, drawn[-1] or "chain()")
    return value


def _retry_after(error: BaseException) -> float | None:
    return error.after if isinstance(error, ItemsFailed) else retry_after(error)


def _refusal(error: BaseException) -> tuple[Reason, bool]:
    """Why a large return value was not stored, and whether that may be tried again."""
    if isinstance(error, ResultTooLarge):
        return Reason.RESULT_TOO_LARGE, False
    return Reason.RESULT_NOT_STORED, may_pass(error)


def _send(
    signal: Signal, sender: type, result: KubernetesResult, interrupted: Callable[[], bool] = lambda: False
) -> None:
    """To all receivers. They watch the task; what they raise is not its failure."""
    try:
        answers = signal.send_robust(sender, task_result=result)
    except BaseException as error:  # send_robust() catches each Exception
        if interrupted():
            raise
        try:
            logger.error("A receiver of a task signal raised %s. It is ignored.", type(error).__name__, exc_info=error)
        except RecursionError:
            # From the traceback of deeply nested groups, which is the receiver's problem as well.
            logger.error("A receiver of a task signal raised %s. It is ignored.", type(error).__name__)
        return
    for receiver, answer in answers:
        if isinstance(answer, Exception):
            # Django's own log of it shows nowhere with DEBUG off and LOGGING unset.
            logger.error("A receiver of a task signal raised. It is ignored: %r", receiver, exc_info=answer)


def _set(result: KubernetesResult, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(result, name, value)
