"""How an attempt ended, and how that travels: to the operator's endpoint, or in the pod's termination message.

An outcome is a JSON object. The result inside is JSON *text*, so that it arrives exact to the byte.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

from djangotasks_api.bounds import STORED_SIZE, TERMINATION_MESSAGE_MAX_BYTES, UNREPORTED_MAX_CHARS
from djangotasks_api.failure import ErrorReport
from djangotasks_api.phases import REPORTED, Reason
from djangotasks_api.report_fields import InvalidReport, flag, load, name, result_ref, retry_after, timestamp
from djangotasks_api.reports import ProgressReport
from djangotasks_api.signing import SIGNATURE_CHARS, is_signed, signature
from djangotasks_api.stored import TextRef
from djangotasks_api.usage import Usage

if TYPE_CHECKING:
    # Of chunks alone.
    from djangotasks_api.items import ItemsReport

# What a termination message has room for beside the signature.
BODY_MAX_BYTES: Final = TERMINATION_MESSAGE_MAX_BYTES - SIGNATURE_CHARS - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended. Success has a `result`, `result_ref` or `workflow`, failure a `reason` and an `error`."""

    started_at: str | None
    finished_at: str

    result: str | None = None
    """The return value as JSON text."""

    result_ref: TextRef | None = None
    """The file that holds the return value instead."""

    length: int | None = None
    """How many items the return value has, where it is a list: nobody else need read it to know."""

    workflow: str | None = None
    """The name of the workflow that was returned, and whose result is to be the task's."""

    reason: Reason | None = None
    error: ErrorReport | None = None

    retryable: bool = True
    """False for a failure that would repeat: a path that does not import, a result that is too large."""

    truncated: bool = False
    """Whether the text was shortened to fit a termination message. A result is never shortened, so a truncated
    success has none."""

    retry_after: float | None = None
    """The seconds to wait that the task asked for."""

    progress: ProgressReport | None = None
    """The task's last report, so that it is not lost; left out of a shortened text."""

    usage: Usage | None = None
    """What the attempt has used."""

    items: "ItemsReport | None" = None
    """What became of the items of a chunk, where it failed."""

    unreported: str | None = None
    """What kept the runner from reporting it: in a termination message alone."""

    @property
    def succeeded(self) -> bool:
        return self.reason is None

    def to_json(self) -> str:
        data: dict[str, Any] = {"startedAt": self.started_at, "finishedAt": self.finished_at}
        if self.result_ref is not None:
            data["resultRef"] = self.result_ref.to_data()
        elif self.workflow is not None:
            data["workflow"] = self.workflow
        elif self.succeeded:
            data["result"] = self.result
        else:
            data["reason"] = self.reason
            data["retryable"] = self.retryable
            if self.error is not None:
                data["error"] = self.error.to_data()
            if self.retry_after is not None:
                data["retryAfterSeconds"] = self.retry_after
            if self.items is not None:
                data["items"] = self.items.to_data()
        if self.length is not None:
            data["length"] = self.length
        if self.progress is not None:
            data["progress"] = self.progress.to_data()
        if self.usage is not None:
            data["usage"] = self.usage.to_data()
        if self.truncated:
            data["truncated"] = True
        if self.unreported is not None:
            data["unreported"] = self.unreported[:UNREPORTED_MAX_CHARS]
        return json.dumps(data, separators=(",", ":"))

    def within(self, max_bytes: int) -> Self:
        """The same in so many bytes of JSON: a long result is left out, a long traceback shortened."""
        size = len(self.to_json())
        if size <= max_bytes:
            return self
        if self.unreported is not None:
            return replace(self, unreported=None).within(max_bytes)
        if self.progress is not None:
            return replace(self, progress=None).within(max_bytes)
        if self.usage is not None:
            return replace(self, usage=None).within(max_bytes)
        if self.items is not None:
            return replace(self, items=None).within(max_bytes)
        if self.error is None:
            return replace(self, result=None, result_ref=None, length=None, truncated=True)
        # JSON escapes make the text longer than the traceback: take away what is over until it fits.
        keep, found = len(self.error.traceback), self
        while size > max_bytes and keep > 0:
            keep = max(min(keep - 1, keep * max_bytes // size), 0)
            found = replace(self, error=self.error.within(keep), truncated=True)
            size = len(found.to_json())
        return found

    @property
    def fits_termination_message(self) -> bool:
        """Whether nothing of a result is left out there. A traceback may be shortened."""
        kept = self.within(BODY_MAX_BYTES)
        return kept.items == self.items and not (self.succeeded and kept.truncated)

    def to_termination_message(self, token: str) -> str:
        """The report in at most 4,096 bytes, signed: what else a process prints or writes is not taken for it."""
        body = self.within(BODY_MAX_BYTES).to_json()
        return f"{signature(body, token)} {body}"

    @classmethod
    def from_termination_message(cls, text: str, tokens: Iterable[str]) -> Self:
        """Raises InvalidReport, also where none of the tokens signed it."""
        given, _, body = text.partition(" ")
        if not is_signed(body, given, tokens):
            raise InvalidReport("not signed by the attempt's runner")
        return cls.from_json(body)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Parse and check an outcome. Raises InvalidReport with the field that is wrong."""
        data = load(text)
        truncated = flag(data, "truncated", default=False)
        outcome = cls(
            started_at=None if data.get("startedAt") is None else timestamp(data, "startedAt"),
            finished_at=timestamp(data, "finishedAt"),
            truncated=truncated,
            progress=_progress(data.get("progress")),
            usage=Usage.from_data(data.get("usage")),
            unreported=_words(data.get("unreported")),
        )
        if data.get("reason") is None:
            if data.get("workflow") is not None:
                return replace(outcome, workflow=name(data, "workflow"))
            result, ref = _result(data, truncated=truncated)
            return replace(outcome, result=result, result_ref=ref, length=_length(data.get("length")))
        return replace(
            outcome,
            reason=_reason(data["reason"]),
            error=_error(data.get("error")),
            retryable=flag(data, "retryable", default=True),
            retry_after=retry_after(data),
            items=_items(data.get("items")),
        )


def _result(data: Mapping[str, Any], *, truncated: bool) -> tuple[str | None, TextRef | None]:
    result, ref = data.get("result"), result_ref(data)
    if ref is None and not (isinstance(result, str) or (truncated and result is None)):
        raise InvalidReport("result must be a string that holds JSON")
    if ref is not None and result is not None:
        raise InvalidReport("result and resultRef cannot both be given")
    return result, ref


def _length(value: Any) -> int | None:
    """None for what is no length: a result must not be lost over it."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value in STORED_SIZE else None


def _reason(value: Any) -> Reason:
    if not isinstance(value, str):
        raise InvalidReport("reason must be a string")
    # Another one is a newer runner's, or not for a pod to say. That it failed is what counts; the traceback has the
    # details.
    return Reason(value) if value in REPORTED else Reason.TASK_ERROR


def _error(value: Any) -> ErrorReport | None:
    try:
        return None if value is None else ErrorReport.from_data(value)
    except ValueError as error:
        raise InvalidReport(str(error)) from None


def _items(value: Any) -> "ItemsReport | None":
    """None for what is wrong: that the attempt failed counts all the same, and its items run again."""
    if value is None:
        return None
    from djangotasks_api.items import ItemsReport

    try:
        return ItemsReport.from_data(value)
    except InvalidReport:
        return None


def _words(value: Any) -> str | None:
    return value[:UNREPORTED_MAX_CHARS] if isinstance(value, str) else None


def _progress(value: Any) -> ProgressReport | None:
    """The progress, or None where it cannot be parsed: a result must not be lost over it."""
    try:
        return ProgressReport.from_data(value) if isinstance(value, dict) else None
    except InvalidReport:
        return None
