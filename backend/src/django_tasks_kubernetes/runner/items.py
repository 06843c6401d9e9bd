"""What earlier attempts at a chunk have left, and what this one leaves where it is ended. Imported for these alone."""

import time
from typing import Final

from django_tasks_kubernetes.chunk import Chunk
from django_tasks_kubernetes.exceptions import InputUnavailable, StorageFailed
from django_tasks_kubernetes.runner.asking import ask, fail
from django_tasks_kubernetes.runner.cannot_run import CannotRun
from django_tasks_kubernetes.runner.endpoint import Endpoint, http_errors
from django_tasks_kubernetes.runner.files import READ_SECONDS, files_of
from django_tasks_kubernetes.runner.limits import may_pass
from django_tasks_kubernetes.runner.log import logger
from django_tasks_kubernetes.runner.report import LARGE_RESULT_REPORT_SECONDS
from djangotasks_api.assignment import Assignment
from djangotasks_api.items import ITEMS, ItemsReport
from djangotasks_api.phases import Reason
from djangotasks_api.report_fields import InvalidReport
from djangotasks_api.stored import TextRef
from djangotasks_api.workflow.ranges import Indexes

# As long as for an outcome that would be lost: longer than any restart of the operator.
WAIT_SECONDS: Final = LARGE_RESULT_REPORT_SECONDS
# The pod is being ended: it has its grace period, and the task may need it for itself.
LEAVE_SECONDS: Final = 5.0


def earlier_items(assignment: Assignment, alias: str, size: int, to_run: Indexes) -> Chunk:
    """The chunk with what earlier attempts have left. `alias`: of the task's backend. Raises CannotRun."""
    answer = ask(Endpoint(assignment), ITEMS, time.monotonic() + WAIT_SECONDS, WAIT_SECONDS)
    try:
        items = ItemsReport.from_json(answer)
    except InvalidReport as error:
        fail(f"What earlier attempts have left cannot be read: {error}.")
    done = {*Indexes.parse(items.completed), *Indexes.parse(items.failed)}
    wanted = str(Indexes(sorted({*to_run, *done})))
    text = items.result if items.result_ref is None else _stored(alias, items.result_ref)
    return Chunk(size=size, only=wanted, items=items, text=text)


def leave_items(assignment: Assignment, items: ItemsReport) -> None:
    """Leaves to the next attempt what the items have returned so far. Tried once: without it, they run again."""
    try:
        status, words = Endpoint(assignment).post(ITEMS, items.to_json(), LEAVE_SECONDS)
    except http_errors() as error:
        status, words = 0, f"{type(error).__name__}: {error}"
    if status >= 300 or not status:
        logger.warning("What the items have returned so far is not kept, and they run again: %s %s", status, words)


def _stored(alias: str, ref: TextRef) -> str:
    from django_tasks_kubernetes.storage.files import retry_storage

    try:
        files = files_of(alias)
        return retry_storage(lambda: files.read(ref), READ_SECONDS)
    except StorageFailed as error:
        problem = InputUnavailable(f"What earlier attempts have left is in a storage. {error}")
        problem.__cause__ = error
        raise CannotRun(Reason.INPUT_UNAVAILABLE, retryable=may_pass(problem)) from problem
