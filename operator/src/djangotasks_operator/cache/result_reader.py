"""Read the results of a workflow's tasks: one, or those of a map page by page, in the order of their indexes.

Any number of any size, in bounded memory: a page has as many tasks as fit into so many bytes, and nothing is decoded of
them but what is asked for.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import msgspec

from djangotasks_api.names import STEP_LABEL, WORKFLOW_LABEL, step_task_name
from djangotasks_api.phases import TERMINAL_PHASES, Phase
from djangotasks_api.stored import TextRef
from djangotasks_api.workflow.inputs import InputError
from djangotasks_api.workflow.records import StepReason
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.kinds import TASKS
from djangotasks_operator.pods.views import Body
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.decoding import ListMeta, UnreadableAnswer
from djangotasks_operator.runtime.errors import unless_missing

# Tasks of a page, and its bytes. One task has at most 1.5 MiB, and is read in any case.
PAGE_MAX = 500
PAGE_MAX_BYTES = 4 * 1024 * 1024
# A page that is too large is read again with so many times fewer tasks, and so are those that follow it.
SHRINK = 4

type Stored = str | TextRef
"""A result as JSON text, or the file that has it."""


class ResultUnavailable(InputError):
    """A result is not there. The message says which."""

    def __init__(self, message: str) -> None:
        super().__init__(StepReason.INPUT_UNAVAILABLE, message)


class ResultPage(NamedTuple):
    """The results of some of a map's tasks, by index."""

    results: Mapping[int, Stored]
    token: str
    """Where the next page begins; empty on the last one."""


class ResultReader:
    """Methods raise what the client raises: ApiError, OSError, TimeoutError."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def one(self, task: Key, uid: str) -> Stored:
        """The result of a task that is over. `uid`: of its workflow. Raises ResultUnavailable."""
        body = await unless_missing(self._api.get(TASKS, *task))
        if body is None:
            raise ResultUnavailable(gone(task.name))
        return _result_of(body, uid)

    async def page(self, workflow: Key, uid: str, step: str, token: str = "") -> ResultPage:
        """Some results of a map's tasks that are over. `token`: of the page before."""
        selector = f"{WORKFLOW_LABEL}={workflow.name},{STEP_LABEL}={step}"
        limit, _, begin = token.partition(".")
        size = min(int(limit), PAGE_MAX) if limit.isdecimal() and int(limit) > 0 else PAGE_MAX
        while True:
            most = PAGE_MAX_BYTES if size > 1 else None
            text = await self._api.list_page(TASKS, workflow.namespace, selector, size, begin, most)
            if text is not None:
                break
            size = max(size // SHRINK, 1)
        page = _decoded(text)
        found = {
            part.index: result
            for task in page.items or ()
            if (part := task.spec.workflow) is not None
            and (part.uid, part.step) == (uid, step)
            and part.index is not None
            # Another one may say so.
            and task.metadata.name == step_task_name(workflow.name, step, part.index)
            and (result := task.result) is not None
        }
        following = page.metadata.continue_
        return ResultPage(found, f"{size}.{following}" if following else "")

    async def pages(self, workflow: Key, uid: str, step: str) -> AsyncIterator[Mapping[int, Stored]]:
        """All of them."""
        token = ""
        while True:
            results, token = await self.page(workflow, uid, step, token)
            yield results
            if not token:
                return


def gone(task: str) -> str:
    """What is said of a task that was deleted."""
    return f"The task {task} was deleted, and its result is needed."


class _Metadata(msgspec.Struct):
    name: str


class _Part(msgspec.Struct):
    uid: str
    step: str
    index: int | None = None


class _Spec(msgspec.Struct):
    workflow: _Part | None = None


class _Status(msgspec.Struct, rename="camel"):
    phase: str | None = None
    result: str | None = None
    result_ref: dict[str, Any] | None = None
    items: dict[str, Any] | None = None


class _Task(msgspec.Struct):
    """What is decoded of a DjangoTask."""

    metadata: _Metadata
    spec: _Spec
    status: _Status | None = None

    @property
    def result(self) -> Stored | None:
        """None where it has none."""
        status = self.status
        if status is None or not _has_result(status.phase, status.items):
            return None
        return _stored(status.result, status.result_ref)


class _Page(msgspec.Struct):
    metadata: ListMeta
    items: list[_Task] | None = None


def _decoded(text: bytes) -> _Page:
    try:
        return msgspec.json.decode(text, type=_Page)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableAnswer(str(error)) from error


def _result_of(body: Body, uid: str) -> Stored:
    name, status = body["metadata"]["name"], body.get("status") or {}
    if (body["spec"].get("workflow") or {}).get("uid") != uid:
        raise ResultUnavailable(gone(name))
    result = None
    if _has_result(status.get("phase"), status.get("items")):
        result = _stored(status.get("result"), status.get("resultRef"))
    if result is None:
        raise ResultUnavailable(f"The task {name} has no result.")
    return result


def _has_result(phase: str | None, items: Body | None) -> bool:
    """Whether the result will not change: a chunk that failed has those of some items."""
    return phase == Phase.SUCCEEDED or (items is not None and phase in TERMINAL_PHASES)


def _stored(result: str | None, ref: Body | None) -> Stored | None:
    if ref is None:
        return result
    try:
        return TextRef.from_data(ref)
    except ValueError:
        return None
