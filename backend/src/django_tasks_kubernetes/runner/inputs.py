"""A task's inputs that are not in its payload: results of other steps of its workflow, which the operator passes on, or
names the files of. Imported for tasks that have such inputs alone."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django_tasks_kubernetes.exceptions import InputTooLarge, InputUnavailable, StorageFailed
from django_tasks_kubernetes.runner.asking import ListExpired, ask, fail
from django_tasks_kubernetes.runner.cannot_run import CannotRun
from django_tasks_kubernetes.runner.endpoint import Endpoint
from django_tasks_kubernetes.runner.files import READ_SECONDS, files_of
from django_tasks_kubernetes.runner.limits import may_pass
from django_tasks_kubernetes.runner.report import LARGE_RESULT_REPORT_SECONDS
from djangotasks_api.assignment import Assignment
from djangotasks_api.input_pages import INPUTS, InputPage
from djangotasks_api.phases import Reason
from djangotasks_api.stored import TextRef
from djangotasks_api.workflow import json_text
from djangotasks_api.workflow.inputs import InputError, part
from djangotasks_api.workflow.json_text import InvalidText
from djangotasks_api.workflow.ranges import Indexes

# As long as for an outcome that would be lost: longer than any restart of the operator.
WAIT_SECONDS: Final = LARGE_RESULT_REPORT_SECONDS


def fill(assignment: Assignment, alias: str) -> str:
    """The payload with all inputs in their places, exact to the character. `alias`: of the task's backend. Raises
    CannotRun."""
    return _Inputs(assignment, alias).fill()


class _Inputs:
    def __init__(self, assignment: Assignment, alias: str) -> None:
        self._assignment = assignment
        self._endpoint = Endpoint(assignment)
        try:
            self._files = files_of(alias)
        except StorageFailed as error:
            fail(f"The results that the task takes have no bound here. {error}")
        self._left = self._files.max_bytes
        self._deadline = time.monotonic() + WAIT_SECONDS

    def fill(self) -> str:
        inputs = _inputs_of(self._get(INPUTS))
        texts: dict[str | None, str] = {}
        parts: dict[str, str] = {}
        for number, found in enumerate(inputs):
            source = found.get("step")
            if source not in texts:
                texts[source] = self._read(number)
            parts[found["into"]] = _part(texts[source], found.get("pointer") or "", source)
        try:
            return json_text.replaced(self._assignment.payload, parts)
        except InvalidText as error:
            fail(f"The inputs have no place in the arguments: {error}.")

    def _read(self, number: int) -> str:
        """The text of one input, without its pointer."""
        left = self._left
        while True:
            self._left = left
            try:
                return self._read_pages(number)
            except ListExpired:
                continue

    def _read_pages(self, number: int) -> str:
        texts: dict[int, str] = {}
        following: str | None = None
        while True:
            page = self._page(number, following)
            for index, result in page.results.items():
                texts |= _results(page, index, self._text(result))
            if (following := page.following) is not None:
                continue
            if page.width is not None:
                indexes = range(page.first, page.first + page.width)
                return f"[{','.join(texts.get(index, 'null') for index in indexes)}]"
            text = texts.get(0, "null")
            return text if page.item is None else _item(text, page.item, page.count)

    def _page(self, number: int, begin: str | None) -> InputPage:
        from urllib.parse import urlencode

        query = "" if begin is None else "?" + urlencode({"continue": begin})
        try:
            return InputPage.parse(self._get(f"{INPUTS}/{number}{query}"))
        except ValueError as error:
            fail(f"The operator's answer cannot be read: {error}.")

    def _text(self, result: str | TextRef) -> str:
        """The text of one result. It is one JSON value: else, put between others, it could be more than that."""
        self._left -= result.size if isinstance(result, TextRef) else len(result)
        if self._left < 0:
            problem = InputTooLarge(
                f"The results that the task takes have more than {self._files.max_bytes:,} bytes together: "
                "OPTIONS['STORAGE_MAX_BYTES']. Return less, or the name of a file."
            )
            raise CannotRun(Reason.INPUT_TOO_LARGE, retryable=False) from problem
        text = self._stored(result) if isinstance(result, TextRef) else result
        try:
            json_text.check(text)
        except InvalidText as error:
            fail(f"A result that the task takes cannot be read: {error}.")
        return text

    def _stored(self, ref: TextRef) -> str:
        from django_tasks_kubernetes.storage.files import retry_storage

        try:
            return retry_storage(lambda: self._files.read(ref), READ_SECONDS)
        except StorageFailed as error:
            problem = InputUnavailable(f"A result that the task takes is in a storage. {error}")
            problem.__cause__ = error
            raise CannotRun(Reason.INPUT_UNAVAILABLE, retryable=may_pass(problem)) from problem

    def _get(self, kind: str) -> bytes:
        return ask(self._endpoint, kind, self._deadline, WAIT_SECONDS)


def _inputs_of(answer: bytes) -> Sequence[Mapping[str, Any]]:
    try:
        found: Sequence[Mapping[str, Any]] = json.loads(answer)["inputs"]
    except (ValueError, KeyError, TypeError):
        fail("The operator's answer cannot be read.")
    return found


def _part(text: str, pointer: str, source: str | None) -> str:
    try:
        return part(text, pointer, source)
    except InputError as error:
        fail(str(error))


def _results(page: InputPage, index: int, text: str) -> dict[int, str]:
    """The results that the result of a task has, by index: one, or of a chunk those of its items."""
    if page.chunk is None:
        return {index: text}
    wanted, first = Indexes.parse(page.indexes), index * page.chunk
    items = json_text.items(text) or ()
    return {first + place: found for place, found in enumerate(items) if first + place in wanted}


def _item(text: str, number: int, count: int | None) -> str:
    """An item of a list, or so many from there on."""
    items = json_text.items(text) or ()
    if number >= len(items):
        fail(f"The list has no item {number} any more.")
    return items[number] if count is None else f"[{','.join(items[number : number + count])}]"
