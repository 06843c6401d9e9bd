"""Read for a task's pod the results that are its task's arguments, where they are not in its payload.

Every replica does, leader or not: what is decided on is the task as the API server has it, and what the workflow's
status says of steps that are over, which does not change.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from djangotasks_api.bounds import RESULT_STORED_MAX_BYTES
from djangotasks_api.input_pages import InputPage
from djangotasks_api.items import ItemsReport
from djangotasks_api.names import step_task_name
from djangotasks_api.refusals import Refusal
from djangotasks_api.workflow.records import TakenOver
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.kinds import WORKFLOWS
from djangotasks_operator.cache.result_reader import (
    PAGE_MAX_BYTES,
    ResultPage,
    ResultReader,
    ResultUnavailable,
    Stored,
    gone,
)
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.pods.views import Body
from djangotasks_operator.reports import task_rules
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.reports.input_rules import Child, Gathered, NotRecorded, One, child_of, source_of
from djangotasks_operator.reports.task_rules import Refused
from djangotasks_operator.runtime.errors import unless_missing
from djangotasks_operator.status.items import items_of
from djangotasks_operator.workflows.views import Workflow, parse_workflow

CURSOR = re.compile(r"([0-9]{1,3})[.]([0-9]{1,6})[.](.{0,4096})", re.ASCII)


class Cursor(NamedTuple):
    """Where a page begins."""

    origin: int
    """Among those of the results."""
    first: int
    """The index of its first result."""
    token: str
    """Of the list."""

    def __str__(self) -> str:
        return f"{self.origin}.{self.first}.{self.token}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises Refused."""
        if (match := CURSOR.fullmatch(text)) is None:
            raise Refused(422, Refusal.INPUT_UNAVAILABLE, "That is no place in a list.")
        return cls(int(match[1]), int(match[2]), match[3])


START = Cursor(0, 0, "")


class Request(NamedTuple):
    """What is to be read for a pod."""

    workflow: Workflow
    source: One | Gathered | None

    @property
    def bytes(self) -> int:
        """How much it may take in memory."""
        return 2 * PAGE_MAX_BYTES if isinstance(self.source, Gathered) else RESULT_STORED_MAX_BYTES


class InputRequests:
    """One instance a process."""

    def __init__(self, writer: TaskWriter) -> None:
        self._writer = writer
        self._results = ResultReader(writer.api)

    async def inputs(self, attempt: AttemptRef) -> list[Mapping[str, Any]]:
        """The inputs that the attempt's pod reads. Raises Refused, and what the client raises."""
        return (await self._child(attempt)).inputs

    async def items(self, attempt: AttemptRef) -> ItemsReport:
        """What earlier attempts at the task have left. Raises as `inputs` does."""
        try:
            return items_of((await self._task(attempt)).get("status") or {})
        except ValueError as error:
            raise Refused(422, Refusal.INPUT_UNAVAILABLE, f"The status of the task cannot be read: {error}.") from None

    async def find(self, attempt: AttemptRef, number: int) -> Request:
        """Where an input comes from. Raises as `inputs` does, and TimeoutError where the API server's answer is older
        than the task."""
        child = await self._child(attempt)
        key = Key(attempt.task.namespace, child.part.name)
        workflow = self._writer.store.workflows.get(key)
        if workflow is not None and workflow.uid == child.part.uid:
            try:
                return Request(workflow, source_of(workflow, child, number))
            except NotRecorded:
                pass  # the watch of this process is late
        workflow = await self._workflow(key, child)
        try:
            return Request(workflow, source_of(workflow, child, number))
        except NotRecorded:
            raise TimeoutError(f"{key}: the status is older than the task") from None

    async def page(self, request: Request, begin: Cursor = START) -> InputPage:
        """The results, from `begin` on. Raises Refused where one is gone, and what the client raises."""
        workflow, source = request
        match source:
            case None:
                return InputPage(results={})
            case One(task, uid, item, many):
                try:
                    result = await self._results.one(Key(workflow.metadata.namespace, task), uid)
                except ResultUnavailable as error:
                    raise _gone(str(error)) from None
                return InputPage(results={0: result}, item=item, count=many)
            case Gathered():
                return await self._gathered(workflow.metadata.namespace, source, begin)

    async def _gathered(self, namespace: str, source: Gathered, begin: Cursor) -> InputPage:
        if begin.origin >= len(source.origins):
            return InputPage(results={}, width=source.width, first=source.first)
        origin = source.origins[begin.origin]
        numbers = dict.fromkeys(map(source.task_of, origin.indexes))
        found, token = await self._found(namespace, source, origin, begin.token)
        end = max((number + 1 for number in found), default=begin.first) if token else max(numbers, default=0) + 1
        results: dict[int, Stored] = {}
        for number in numbers:
            if begin.first <= number < end:
                if (result := found.get(number)) is None:
                    raise _gone(gone(step_task_name(origin.workflow, source.step, number)))
                results[number] = result
        following = Cursor(begin.origin, end, token) if token else Cursor(begin.origin + 1, 0, "")
        last = following.origin == len(source.origins)
        return InputPage(
            results=results,
            width=source.width,
            first=source.first,
            chunk=source.chunk,
            indexes="" if source.chunk is None else str(origin.indexes),
            following=None if last else str(following),
        )

    async def _found(self, namespace: str, source: Gathered, origin: TakenOver, token: str) -> ResultPage:
        """Results by the numbers of their tasks."""
        workflow = Key(namespace, origin.workflow)
        if (number := source.number) is None:
            return await self._results.page(workflow, origin.uid, source.step, token)
        task = step_task_name(origin.workflow, source.step, number)
        try:
            return ResultPage({number: await self._results.one(Key(namespace, task), origin.uid)}, "")
        except ResultUnavailable as error:
            raise _gone(str(error)) from None

    async def _child(self, attempt: AttemptRef) -> Child:
        return child_of(await self._task(attempt))

    async def _task(self, attempt: AttemptRef) -> Body:
        """The attempt's task, if it still runs."""
        body = await self._writer.read_task(attempt.task)
        if body is None or task_rules.has_ended(self._writer.store.task(attempt.task), attempt):
            message = f"Attempt {attempt.number} of task {attempt.task.name} has ended, or is being stopped."
            raise Refused(403, Refusal.ATTEMPT_ENDED, message)
        return body

    async def _workflow(self, key: Key, child: Child) -> Workflow:
        deleted = _gone(f"The workflow {key.name} was deleted, and the results of its steps are needed.")
        body = await unless_missing(self._writer.api.get(WORKFLOWS, *key))
        if body is None or (workflow := parse_workflow(body)).uid != child.part.uid:
            raise deleted
        self._writer.store.workflows.put(workflow)
        return workflow


def _gone(message: str) -> Refused:
    return Refused(410, Refusal.INPUT_UNAVAILABLE, message)
