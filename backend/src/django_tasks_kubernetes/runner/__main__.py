"""The order of events in a task pod.

Exit codes: 0 the task succeeded, 1 it failed, 2 the process was not started by the operator, 143 it was ended before
the task returned. The operator goes by the reported outcome, never by a code alone; the codes are for
`kubectl get pods`.
"""

import faulthandler
import io
import os
import sys
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django_tasks_kubernetes.retry import is_retried
from django_tasks_kubernetes.runner.errors import error_report
from django_tasks_kubernetes.runner.log import logger, mark_records
from django_tasks_kubernetes.runner.prepare import CannotRun, prepare
from django_tasks_kubernetes.runner.process import TERMINATED_CODE, Termination, leave
from django_tasks_kubernetes.runner.report import REPORT_SECONDS, Reporter, write_termination_message
from django_tasks_kubernetes.times import to_wire
from djangotasks_api.assignment import ASSIGNMENT_VARIABLE, PAYLOAD_VARIABLE, TOKEN_VARIABLE, Assignment
from djangotasks_api.outcome import Outcome
from djangotasks_api.stored import TextRef

# Where the kubelet reads the termination message, unless the pod template says otherwise.
TERMINATION_LOG_VARIABLE: Final = "DJANGOTASKS_TERMINATION_LOG"
TERMINATION_LOG: Final = "/dev/termination-log"
# For how long the outcome is offered to an operator that is away, in seconds.
REPORT_SECONDS_VARIABLE: Final = "DJANGOTASKS_REPORT_SECONDS"


def main(termination: Termination) -> int:
    """Runs the one task of this process, and returns the exit code."""
    try:
        assignment = take_assignment(os.environ)
    except (LookupError, ValueError, TypeError) as error:
        logger.error("There is no task to run here (%s): pods of tasks are started by the djangotasks operator.", error)
        return 2
    mark_records(assignment)
    reporter = Reporter(assignment, report_seconds=float(os.environ.get(REPORT_SECONDS_VARIABLE, REPORT_SECONDS)))
    message_path = Path(os.environ.get(TERMINATION_LOG_VARIABLE, TERMINATION_LOG))

    def finished(outcome: Outcome) -> None:
        termination.disarm()
        if outcome.error is not None:
            # Django's own log of it shows nowhere with DEBUG off and LOGGING unset.
            logger.error(
                "Task %s (%s) failed: %s\n%s", assignment.id, assignment.task, outcome.reason, outcome.error.traceback
            )
        # First: it must be there even if the process ends while the operator is away.
        write_termination_message(outcome, message_path)
        reporter.outcome(outcome)

    try:
        outcome = run(assignment, termination, reporter, finished)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or not termination.requested:
            raise
        logger.warning("Ended by SIGTERM before the task returned.")
        return TERMINATED_CODE
    finally:
        close_connections()
    return 0 if outcome.succeeded else 1


def take_assignment(environ: MutableMapping[str, str]) -> Assignment:
    """The assignment, taken out of the environment: the task's child processes have no use for the token."""
    assignment = Assignment.from_environ(environ)
    for name in (ASSIGNMENT_VARIABLE, PAYLOAD_VARIABLE, TOKEN_VARIABLE):
        del environ[name]
    return assignment


def run(
    assignment: Assignment, termination: Termination, reporter: Reporter, finished: Callable[[Outcome], None]
) -> Outcome:
    def store(text: str) -> TextRef:
        from django_tasks_kubernetes.runner.files import store_result

        return store_result(result.backend, assignment.namespace, assignment.id, assignment.attempt, text)

    def retried(error: BaseException) -> bool:
        return is_retried(error, assignment.retry_on, assignment.never_retry_on)

    try:
        result = prepare(assignment)
    except CannotRun as problem:
        error = problem.__cause__ or problem
        outcome = Outcome(
            started_at=None,
            finished_at=to_wire(datetime.now(UTC)),
            reason=problem.reason,
            error=error_report(error),
            retryable=problem.retryable and retried(error),
        )
        finished(outcome)
        return outcome
    mark_records(assignment)
    from django.tasks import task_backends

    from django_tasks_kubernetes.runner.execute import execute

    return execute(
        result,
        assignment.worker_id,
        sender=type(task_backends[result.backend]),
        started=reporter.started,
        finished=finished,
        call=termination.call,
        retried=retried,
        interrupted=lambda: termination.requested,
        tell=reporter.progress.tell,
        store=store,
    )


def close_connections() -> None:
    """Database connections, so that the server need not find out that they are gone."""
    if "django.db" in sys.modules:
        from django.db import connections

        try:
            connections.close_all()
        except Exception:  # noqa: BLE001 - the outcome is known; this is only politeness
            logger.exception("A database connection could not be closed.")


if __name__ == "__main__":
    handler = Termination()
    handler.install()
    # A crash of the interpreter leaves a traceback in the log. Of the thread that crashed alone: what the kubelet keeps
    # of the log is short.
    faulthandler.enable(all_threads=False)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What the task prints is in `kubectl logs` at once, and not lost when the process is killed.
        sys.stdout.reconfigure(line_buffering=True)
    leave(main(handler))
