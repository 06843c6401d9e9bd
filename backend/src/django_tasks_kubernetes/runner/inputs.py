"""A task's inputs that are not in its payload: results of other steps of its workflow, which the operator passes on, or
names the files of. Imported for tasks that have such inputs alone."""

import json
import random
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, NoReturn

from django_tasks_kubernetes.exceptions import InputTooLarge, InputUnavailable, StorageFailed
from django_tasks_kubernetes.runner.cannot_run import CannotRun
from django_tasks_kubernetes.runner.endpoint import Endpoint, http_errors, words_of
from django_tasks_kubernetes.runner.files import files_of
from django_tasks_kubernetes.runner.limits import may_pass
from django_tasks_kubernetes.runner.log import logger
from django_tasks_kubernetes.runner.report import (
    BACKOFF_MAX_SECONDS,
    BACKOFF_SECONDS,
    FORBIDDEN_SECONDS,
    LARGE_RESULT_REPORT_SECONDS,
    TRANSIENT_STATUSES,
)
from djangotasks_api.assignment import Assignment
from djangotasks_api.input_pages import INPUTS, InputPage
from djangotasks_api.phases import Reason
from djangotasks_api.stored import TextRef
from djangotasks_api.workflow import json_text
from djangotasks_api.workflow.inputs import InputError, part
from djangotasks_api.workflow.json_text import InvalidText

# As long as for an outcome that would be lost: longer than any restart of the operator.
WAIT_SECONDS: Final = LARGE_RESULT_REPORT_SECONDS
# Of one request: a page of a list takes the API server some seconds where it is busy.
TIMEOUT_SECONDS: Final = 30.0
# While the operator is upgraded, or its key is changed, one of its replicas may be an older one.
OLDER: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND})


def fill(assignment: Assignment, alias: str) -> str:
    """The payload with all inputs in their places, exact to the character. `alias`: of the task's backend. Raises
    CannotRun."""
    return _Inputs(assignment, alias).fill()


class _ListExpired(Exception):
    """The list is to be read from its start."""


class _Inputs:
    def __init__(self, assignment: Assignment, alias: str) -> None:
        self._assignment = assignment
        self._endpoint = Endpoint(assignment)
        try:
            self._files = files_of(alias)
        except StorageFailed as error:
            _fail(f"The results that the task takes have no bound here. {error}")
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
            _fail(f"The inputs have no place in the arguments: {error}.")

    def _read(self, number: int) -> str:
        """The text of one input, without its pointer."""
        left = self._left
        while True:
            self._left = left
            try:
                return self._read_pages(number)
            except _ListExpired:
                continue

    def _read_pages(self, number: int) -> str:
        texts: dict[int, str] = {}
        following: str | None = None
        while True:
            page = self._page(number, following)
            texts |= {index: self._text(result) for index, result in page.results.items()}
            if (following := page.following) is not None:
                continue
            if page.width is not None:
                return f"[{','.join(texts.get(index, 'null') for index in range(page.width))}]"
            return texts.get(0, "null") if page.item is None else _item(texts.get(0, "null"), page.item)

    def _page(self, number: int, begin: str | None) -> InputPage:
        from urllib.parse import urlencode

        query = "" if begin is None else "?" + urlencode({"continue": begin})
        try:
            return InputPage.parse(self._get(f"{INPUTS}/{number}{query}"))
        except ValueError as error:
            _fail(f"The operator's answer cannot be read: {error}.")

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
            _fail(f"A result that the task takes cannot be read: {error}.")
        return text

    def _stored(self, ref: TextRef) -> str:
        from django_tasks_kubernetes.storage.files import retry_storage

        try:
            return retry_storage(lambda: self._files.read(ref))
        except StorageFailed as error:
            problem = InputUnavailable(f"A result that the task takes is in a storage. {error}")
            problem.__cause__ = error
            raise CannotRun(Reason.INPUT_UNAVAILABLE, retryable=may_pass(problem)) from problem

    def _get(self, kind: str) -> bytes:
        """What the operator answers, once it does. Exponential backoff with full jitter:
        https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/"""
        began, tries = time.monotonic(), 0
        while True:
            try:
                status, answer = self._endpoint.get(kind, TIMEOUT_SECONDS)
            except http_errors() as error:
                problem = f"{type(error).__name__}: {error}"
            else:
                match status:
                    case HTTPStatus.OK:
                        return answer
                    case HTTPStatus.CONFLICT if "?" in kind:
                        raise _ListExpired
                    case _ if status in OLDER and time.monotonic() < began + FORBIDDEN_SECONDS:
                        pass
                    case _ if status < 500 and status not in TRANSIENT_STATUSES:
                        _fail(words_of(answer))
                problem = f"{status} {words_of(answer)}"
            delay = random.uniform(0, min(BACKOFF_MAX_SECONDS, BACKOFF_SECONDS * 2**tries))  # noqa: S311 - no secret
            if time.monotonic() + delay >= self._deadline:
                _fail(f"The operator did not answer in {WAIT_SECONDS:.0f} s: {problem}.", retryable=True)
            if tries == 0:
                logger.warning("The operator does not pass on the task's inputs yet: %s. Trying again.", problem)
            tries += 1
            time.sleep(delay)


def _inputs_of(answer: bytes) -> Sequence[Mapping[str, Any]]:
    try:
        found: Sequence[Mapping[str, Any]] = json.loads(answer)["inputs"]
    except (ValueError, KeyError, TypeError):
        _fail("The operator's answer cannot be read.")
    return found


def _part(text: str, pointer: str, source: str | None) -> str:
    try:
        return part(text, pointer, source)
    except InputError as error:
        _fail(str(error))


def _item(text: str, number: int) -> str:
    found = json_text.part(text, f"/{number}") if text.lstrip().startswith("[") else None
    if found is None:
        _fail(f"The list has no item {number} any more.")
    return found


def _fail(message: str, *, retryable: bool = False) -> NoReturn:
    raise CannotRun(Reason.INPUT_UNAVAILABLE, retryable=retryable) from InputUnavailable(message)
