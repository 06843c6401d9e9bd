"""The order of events in a task pod.

Exit codes: 0 the task succeeded, 1 it failed, 2 the process was not started by the operator, 143 it was ended before
the task returned. The operator goes by the reported outcome, never by a code alone; the codes are for
`kubectl get pods`.
"""

import faulthandler
import io
import math
import os
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django_tasks_kubernetes.bytecode import REMEDY, SLOW, is_compiled
from django_tasks_kubernetes.codec.times import to_wire
from django_tasks_kubernetes.kube import own_attempt
from django_tasks_kubernetes.retry import is_retried
from django_tasks_kubernetes.runner import collector, usage
from django_tasks_kubernetes.runner.cannot_run import CannotRun
from django_tasks_kubernetes.runner.connections import close_databases
from django_tasks_kubernetes.runner.errors import error_report, readable
from django_tasks_kubernetes.runner.init import fork_from_pid_1
from django_tasks_kubernetes.runner.log import is_shown, log_within, logger, mark_records
from django_tasks_kubernetes.runner.prepare import prepare
from django_tasks_kubernetes.runner.process import TERMINATED_CODE, Terminated, Termination, code_of, leave
from django_tasks_kubernetes.runner.report import Reporter, TerminationMessage
from django_tasks_kubernetes.runner.spare import Spare
from djangotasks_api.assignment import (
    ASSIGNMENT_VARIABLE,
    PAYLOAD_VARIABLE,
    TOKEN_VARIABLE,
    WORKER_VARIABLE,
    Assignment,
)
from djangotasks_api.outcome import Outcome
from djangotasks_api.standby import NO_TASK_CODE, SEAL_VARIABLE, STANDBY_VARIABLE
from djangotasks_api.stored import TextRef

if TYPE_CHECKING:
    from djangotasks_api.items import ItemsReport

# Where the kubelet reads the termination message, unless the pod template says otherwise.
TERMINATION_LOG_VARIABLE: Final = "DJANGOTASKS_TERMINATION_LOG"
TERMINATION_LOG: Final = "/dev/termination-log"
# For how long the outcome is offered to an operator that does not take it, in seconds. Default: see `report`.
REPORT_SECONDS_VARIABLE: Final = "DJANGOTASKS_REPORT_SECONDS"
# How long the log may take before the outcome is reported without it.
LOG_SECONDS: Final = 5.0


def main(termination: Termination) -> int:
    """Runs the one task of this process, and returns the exit code."""
    is_standby = STANDBY_VARIABLE in os.environ
    try:
        assignment, seal = wait_for_assignment() if is_standby else take_assignment(os.environ)
    except (LookupError, ValueError, TypeError) as error:
        logger.error("There is no task to run here (%s): pods of tasks are started by the djangotasks operator.", error)
        return NO_TASK_CODE
    except Terminated:
        # A standby pod that nobody needs any more.
        return 0
    except CannotRun as problem:
        logger.exception("This standby pod cannot run tasks: %s", problem.reason, exc_info=problem.__cause__ or problem)
        return 1
    own_attempt.enter(assignment)
    mark_records(assignment)
    reporter = Reporter(assignment, report_seconds=report_seconds(os.environ))
    spare = Spare(os.devnull, os.O_RDONLY)
    message = TerminationMessage(Path(os.environ.get(TERMINATION_LOG_VARIABLE, TERMINATION_LOG)), seal)

    def finished(outcome: Outcome) -> None:
        termination.disarm()
        termination.end_child()
        spare.release()
        outcome = replace(outcome, usage=usage.measured())
        # First: it must be there even if the process ends while the operator is away.
        kept = message.write(outcome)
        if outcome.error is not None:
            log_within(LOG_SECONDS, lambda: log_failure(assignment, outcome))

        def note(problem: str) -> None:
            if kept:
                message.write(replace(outcome, unreported=problem))

        reporter.outcome(outcome, kept=kept, note=note)

    try:
        outcome = run(assignment, termination, reporter, finished, is_set_up=is_standby)
    except BaseException:
        if not termination.requested:
            raise
        logger.warning("Ended by SIGTERM before the task returned.")
        return TERMINATED_CODE
    finally:
        # So that the server need not find out that they are gone.
        close_databases()
    return 0 if outcome.succeeded else 1


def report_seconds(environ: Mapping[str, str]) -> float | None:
    """None for the default, also where the variable holds no number: a typo must not fail every task of a queue."""
    text = environ.get(REPORT_SECONDS_VARIABLE)
    if text is None:
        return None
    with suppress(ValueError):
        if 0 <= (seconds := float(text)) < math.inf:
            return seconds
    logger.warning("%s must be a number of seconds, not %r.", REPORT_SECONDS_VARIABLE, text)
    return None


def wait_for_assignment() -> tuple[Assignment, str]:
    """What take_assignment() returns, of a standby pod, once it has a task. Raises Terminated where it gets none."""
    from django_tasks_kubernetes.runner import standby

    if (waited := standby.wait(os.environ)) is None:
        raise Terminated
    if waited.is_torn:
        standby.restart(waited)
    return waited.assignment, waited.token


def take_assignment(environ: MutableMapping[str, str]) -> tuple[Assignment, str]:
    """The assignment, and the token that seals the termination message, taken out of the environment: the task's child
    processes have no use for tokens."""
    assignment = Assignment.from_environ(environ)
    seal = environ.pop(SEAL_VARIABLE, assignment.token)
    for name in (ASSIGNMENT_VARIABLE, PAYLOAD_VARIABLE, TOKEN_VARIABLE):
        del environ[name]
    environ[WORKER_VARIABLE] = assignment.worker_id
    return assignment, seal


def run(
    assignment: Assignment,
    termination: Termination,
    reporter: Reporter,
    finished: Callable[[Outcome], None],
    *,
    is_set_up: bool,
) -> Outcome:
    def store(text: str, alive: Callable[[], object]) -> TextRef:
        from django_tasks_kubernetes.runner.files import BRIEF_SECONDS, STORE_SECONDS, store_result

        seconds = BRIEF_SECONDS if termination.requested else min(STORE_SECONDS, reporter.limit)
        names = result.backend, assignment.namespace, assignment.id
        return store_result(*names, assignment.attempt, text, seconds, alive)

    def leave(items: "ItemsReport") -> None:
        from django_tasks_kubernetes.runner.items import leave_items

        leave_items(assignment, items)

    def retried(error: BaseException, reason: str | None = None) -> bool:
        return is_retried(error, assignment.retry_on, assignment.never_retry_on, reason=reason)

    try:
        with collector.paused():
            result = prepare(assignment, is_set_up=is_set_up)
            from django.tasks import task_backends

            from django_tasks_kubernetes.runner.execute import execute
    except CannotRun as problem:
        termination.disarm()
        error = readable(problem.__cause__ or problem)
        outcome = Outcome(
            started_at=None,
            finished_at=to_wire(datetime.now(UTC)),
            reason=problem.reason,
            error=error_report(error),
            retryable=problem.retryable and retried(error, problem.reason),
        )
        finished(outcome)
        return outcome
    mark_records(assignment)
    return execute(
        result,
        assignment.worker_id,
        sender=type(task_backends[result.backend]),
        started=reporter.started,
        finished=finished,
        call=termination.call,
        check_exit=termination.check_exit,
        retried=retried,
        is_last=assignment.is_last,
        interrupted=lambda: termination.requested,
        tell=reporter.progress.submit,
        store=store,
        create=lambda returned: returned.create(assignment.uid),
        leave=leave,
    )


def log_failure(assignment: Assignment, outcome: Outcome) -> None:
    """One line in the container's log, and the traceback, unless Django's own logger is about to write it there."""
    if outcome.error is None:
        return
    line = f"Task {assignment.id} ({assignment.task}) failed: {outcome.reason}: {outcome.error.headline}"
    is_signalled = outcome.started_at is not None and (assignment.is_last or not outcome.retryable)
    if is_signalled and is_shown("django.tasks"):
        logger.error("%s", line)
    else:
        logger.error("%s\n%s", line, outcome.error.traceback)


if __name__ == "__main__":
    # PID 1 waits with its signals blocked, so that none is lost before the handler of its child is there.
    unblock = fork_from_pid_1()
    handler = Termination()
    handler.install()
    unblock()
    # A crash of the interpreter leaves a traceback in the log. Of the thread that crashed alone: what the kubelet keeps
    # of the log is short.
    # By its number: what starts with Python, as instrumentations do, may have put something else in its place.
    faulthandler.enable(2, all_threads=False)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What the task prints is in `kubectl logs` at once, and not lost when the process is killed.
        sys.stdout.reconfigure(line_buffering=True)
    if not is_compiled():
        logger.warning("%s %s", SLOW, REMEDY)
    leave(code_of(main, handler))
