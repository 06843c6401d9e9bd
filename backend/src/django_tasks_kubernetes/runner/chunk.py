"""Calls a task's function once for each item of a list, and says what became of each. Imported for chunks alone.

An item that fails keeps none of the others from running. No item begins once the attempt is to end, also where the one
before has caught what should have ended it: SIGTERM comes once, and SIGKILL follows. What an attempt leaves (`left`) is
handed to the next one by the operator, so that nothing that succeeded, or failed for good, runs again.
"""

import os
import sys
from collections.abc import Callable
from copy import deepcopy
from inspect import iscoroutinefunction
from typing import Any

from django_tasks_kubernetes.chunk import Chunk
from django_tasks_kubernetes.codec import json_text
from django_tasks_kubernetes.context import AttemptProgress, KubernetesTaskContext
from django_tasks_kubernetes.exceptions import ItemsFailed, ResultTooLarge
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.retry import retry_after
from django_tasks_kubernetes.returned import ReturnedWorkflow
from django_tasks_kubernetes.runner.errors import error_report, exit_code, from_the_task_on, readable
from django_tasks_kubernetes.runner.limits import fits_resource, refuse_unawaited
from django_tasks_kubernetes.runner.log import logger
from django_tasks_kubernetes.runner.process import TERMINATED_CODE, Terminated
from django_tasks_kubernetes.task import replace_unvalidated
from djangotasks_api.bounds import ITEM_MESSAGE_MAX_CHARS
from djangotasks_api.items import ItemError, ItemsReport, kept
from djangotasks_api.stored import TextRef
from djangotasks_api.text import CUT, shorten
from djangotasks_api.workflow.ranges import Indexes


class ChunkRun:
    """One attempt at a chunk."""

    def __init__(
        self,
        result: KubernetesResult,
        chunk: Chunk,
        progress: AttemptProgress,
        retried: Callable[[BaseException], bool],
        interrupted: Callable[[], bool],
        check_exit: Callable[[], object],
    ) -> None:
        """Raises as `Chunk.results` does."""
        self._task = result.task
        self._items, *self._more = result.args
        self._kwargs = result.kwargs
        self._chunk = chunk
        # Read once: it costs by its ranges, and is asked for with each item.
        self._total = len(chunk.wanted)
        self._progress = progress
        self._retried = retried
        self._interrupted = interrupted
        self._check_exit = check_exit
        self._context: tuple[Any, ...] = ()
        if result.task.takes_context:
            self._context = (KubernetesTaskContext(task_result=result, _attempt=_ItemProgress(self)),)
        self._texts = chunk.results()
        self._failed = chunk.failed
        self._again = Indexes()
        self._errors = {error.item: error for error in chunk.errors}
        self._first: tuple[int, BaseException] | None = None
        self._after: float | None = None
        self._pid = os.getpid()
        self.items: ItemsReport | None = None
        """What the next attempt begins with, where items have failed."""

    def call_all(self, call: Callable[..., Any]) -> str:
        """What all items have returned, as the JSON text of a list with null for those that failed. `call`: calls a
        task. Raises what ends the attempt before they have run."""
        function = self._run_async if iscoroutinefunction(self._task.func) else self._run
        call(replace_unvalidated(self._task, func=function))
        return self.text

    @property
    def size(self) -> int:
        return self._chunk.size

    @property
    def text(self) -> str:
        """What the items have returned, as the JSON text of a list with null for the others."""
        return f"[{','.join(self._texts.get(position, 'null') for position in range(self.size))}]"

    def conclude(self, text: str, ref: TextRef | None) -> None:
        """Raises ItemsFailed where some items have failed. `text`: of call_all(); `ref`: where it is stored, if it is
        too long for a resource."""
        if self._failed or self._again:
            self.items = self._report(text, ref)
            raise self._problem()

    def left(self, store: Callable[[str], TextRef]) -> ItemsReport:
        """What the next attempt begins with, where this one is ended. `store`: takes a text that is too long for a
        resource. Where that fails, all items run again."""
        text, ref = self.text, None
        if not fits_resource(text):
            try:
                ref = store(text)
            except Exception as error:  # noqa: BLE001 - whatever a storage raises: they run again
                logger.warning("What the items have returned is not kept, and they run again: %s", error)
                return ItemsReport()
        return self._report(text, ref)

    def _report(self, text: str, ref: TextRef | None) -> ItemsReport:
        return ItemsReport(
            completed=str(Indexes(sorted(self._texts))),
            failed=str(self._failed),
            errors=kept(self._errors.values()),
            result=text if ref is None else None,
            result_ref=ref,
        )

    @property
    def has_run(self) -> bool:
        """Whether this attempt has run any item."""
        known = len(self._chunk.completed) + len(self._chunk.failed)
        return bool(self._again) or len(self._texts) + len(self._failed) > known

    def report(self, message: str | None = None) -> None:
        """Reports how many items are over."""
        over = len(self._texts) + len(self._failed) + len(self._again)
        self._progress.report(min(over, self._total), self._total, message)

    def heartbeat(self) -> None:
        self._progress.heartbeat()

    def _run(self) -> None:
        for position in self._chunk.to_run:
            if self._interrupted():
                raise Terminated(TERMINATED_CODE)
            try:
                more, kwargs = self._arguments()
                value = self._task.func(*self._context, self._items[position], *more, **kwargs)
            except BaseException as error:  # noqa: BLE001 - whatever ends an item is its outcome
                self._raised(position, error)
                _close_broken_connections()
            else:
                self._returned(position, value)

    async def _run_async(self) -> None:
        from asyncio import CancelledError

        from asgiref.sync import sync_to_async

        for position in self._chunk.to_run:
            if self._interrupted():
                raise CancelledError
            try:
                more, kwargs = self._arguments()
                value = await self._task.func(*self._context, self._items[position], *more, **kwargs)
            except BaseException as error:  # noqa: BLE001 - whatever ends an item is its outcome
                self._raised(position, error)
                # In the thread whose connections the items have.
                await sync_to_async(_close_broken_connections)()
            else:
                self._returned(position, value)

    def _arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """Copies for each item: what it does to them is not seen by the next one."""
        return deepcopy(self._more), deepcopy(self._kwargs)

    def _returned(self, position: int, value: Any) -> None:
        if os.getpid() != self._pid:
            # A child process that the item has forked goes no further.
            raise SystemExit
        try:
            if isinstance(value, ReturnedWorkflow):
                raise TypeError("An item of a chunk cannot return a workflow.")
            refuse_unawaited(value)
            self._texts[position] = json_text.dumps(value, name="The return value", exact_keys=False)
        except Exception as error:  # noqa: BLE001 - what is asked for its parts may raise anything
            self._note(position, readable(error), again=False)
        self.report()

    def _raised(self, position: int, error: BaseException) -> None:
        """Notes why an item failed. What ends the whole attempt goes on."""
        if self._interrupted() or os.getpid() != self._pid:
            raise error
        error = readable(error)
        if isinstance(error, SystemExit) and exit_code(error) == 0:
            try:
                self._check_exit()
            except Exception as problem:  # noqa: BLE001 - that of the item
                error = problem
            else:
                self._returned(position, None)
                return
        self._note(position, error, again=self._retried(error))
        self.report()

    def _note(self, position: int, error: BaseException, *, again: bool) -> None:
        (self._again if again else self._failed).add(position)
        report = error_report(error)
        message = shorten(report.headline, ITEM_MESSAGE_MAX_CHARS - len(CUT))
        self._errors[position] = ItemError(item=position, type=report.type, message=message)
        logger.error("Item %d of %d failed: %s\n%s", position, self.size, report.headline, report.traceback)
        if self._first is None:
            self._first = position, BaseException.with_traceback(error, from_the_task_on(error.__traceback__))
        if again and (after := retry_after(error)) is not None:
            self._after = max(after, self._after or 0.0)

    def _problem(self) -> ItemsFailed:
        failed = len(self._failed) + len(self._again)
        position, cause = self._first or (min(self._errors, default=0), None)
        said = self._errors[position].message if position in self._errors else "in an earlier attempt"
        problem = ItemsFailed(f"{failed:,} of {self._total:,} items failed. Item {position}: {said}")
        problem.__cause__, problem.retryable, problem.after = cause, bool(self._again), self._after
        return problem


def storing(store: Callable[[str], TextRef]) -> Callable[[str], TextRef]:
    """A `store` of what all items have returned, which says what helps where that is too much."""

    def stored(text: str) -> TextRef:
        try:
            return store(text)
        except ResultTooLarge as error:
            error.args = (f"{error} Or put fewer items in a chunk: size.",)
            raise

    return stored


class _ItemProgress(AttemptProgress):
    """What the code of an item reports: its message is shown, and the numbers are those of the chunk."""

    def __init__(self, run: ChunkRun) -> None:
        self._run = run

    def report(self, done: float | None, total: float | None, message: str | None) -> None:
        self._run.report(message)

    def heartbeat(self) -> None:
        self._run.heartbeat()


def _close_broken_connections() -> None:
    """Database connections that the item has left broken, so that the next one gets others."""
    if "django.db" in sys.modules:
        from django.db import close_old_connections

        close_old_connections()
