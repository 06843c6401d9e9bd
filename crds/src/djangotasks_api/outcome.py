"""What the runner reports of an attempt, and how it travels: to the operator's endpoint, or in the
pod's termination message.

Reports are JSON objects. The result inside is JSON *text*, so that it arrives exact to the byte.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Self

from djangotasks_api.names import (
    PROGRESS_MESSAGE_MAX_CHARS,
    RESULT_MAX_BYTES,
    SECONDS_PER_YEAR,
    TERMINATION_MESSAGE_MAX_BYTES,
)
from djangotasks_api.phases import Reason
from djangotasks_api.stored import TextRef

# A report is the result, the traceback and a little around them; JSON escapes may double the text.
REPORT_MAX_BYTES: Final = 2 * RESULT_MAX_BYTES + 64 * 1024
# Three numbers, a time, and a message of which each character may be escaped as twelve.
PROGRESS_REPORT_MAX_BYTES: Final = 12 * PROGRESS_MESSAGE_MAX_CHARS + 1024
# A pod's clock may be wrong, or lie: sums with times beyond these would be more than a datetime can hold.
YEARS: Final = range(1970, 3000)
# More is infinite, for a float.
AMOUNT_MAX: Final = sys.float_info.max
CUT: Final = "\n[… cut …]\n"


class InvalidReport(ValueError):
    """The bytes are not a report of this API."""


def report_path(namespace: str, task: str, uid: str, attempt: int, kind: str) -> str:
    """The endpoint's path for one attempt. `kind`: "started", "progress" or "outcome"."""
    return f"/v1/attempts/{namespace}/{task}/{uid}/{attempt}/{kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The task function is about to be called. `started_at`: RFC 3339, UTC."""

    started_at: str

    def to_json(self) -> str:
        return json.dumps({"startedAt": self.started_at})

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        data = _loads(text)
        return cls(started_at=_timestamp(data, "startedAt"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressReport:
    """All that the task has said of how far it is: the same again is a sign of life, and nothing else.

    `started_at`: as in Started, for the operator that has not heard of it. The rest is None where the task left it out.
    """

    started_at: str
    done: float | None = None
    total: float | None = None
    message: str | None = None

    def to_data(self) -> dict[str, Any]:
        data = {"startedAt": self.started_at, "done": self.done, "total": self.total, "message": self.message}
        return {name: value for name, value in data.items() if value is not None}

    def to_json(self) -> str:
        return json.dumps(self.to_data(), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Parses and checks a report. Raises InvalidReport with the field that is wrong."""
        return cls.from_data(_loads(text))

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        message = data.get("message")
        if not (message is None or (isinstance(message, str) and len(message) <= PROGRESS_MESSAGE_MAX_CHARS)):
            raise InvalidReport(f"message must be a string of at most {PROGRESS_MESSAGE_MAX_CHARS} characters")
        return cls(
            started_at=_timestamp(data, "startedAt"),
            done=_amount(data, "done"),
            total=_amount(data, "total"),
            message=message,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReport:
    """An exception: its class's dotted path, and the formatted traceback."""

    type: str
    traceback: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended. Success has a `result` (JSON text) or a `result_ref`, failure a `reason` and an `error`.

    `retryable` is False for what fails the same way each time: a path that does not import, a result that
    is too large. `truncated` says that the text was shortened to fit a termination message; a result is
    never shortened, so a truncated success has none. `retry_after`: seconds that the task asked to wait.
    `progress`: the last that the task said, so that it is not lost; left out of a shortened text.
    """

    started_at: str | None
    finished_at: str
    result: str | None = None
    result_ref: TextRef | None = None
    reason: Reason | None = None
    error: ErrorReport | None = None
    retryable: bool = True
    truncated: bool = False
    retry_after: float | None = None
    progress: ProgressReport | None = None

    @property
    def succeeded(self) -> bool:
        return self.reason is None

    def to_json(self) -> str:
        data: dict[str, Any] = {"startedAt": self.started_at, "finishedAt": self.finished_at}
        if self.result_ref is not None:
            data["resultRef"] = self.result_ref.to_data()
        elif self.succeeded:
            data["result"] = self.result
        else:
            data["reason"] = self.reason
            data["retryable"] = self.retryable
            if self.error is not None:
                data["error"] = {"type": self.error.type, "traceback": self.error.traceback}
            if self.retry_after is not None:
                data["retryAfterSeconds"] = self.retry_after
        if self.progress is not None:
            data["progress"] = self.progress.to_data()
        if self.truncated:
            data["truncated"] = True
        return json.dumps(data, separators=(",", ":"))

    def to_termination_message(self) -> str:
        """The report in at most 4,096 bytes: a long result is left out, a long traceback shortened."""
        text = self.to_json()
        if len(text) <= TERMINATION_MESSAGE_MAX_BYTES:
            return text
        if self.progress is not None:
            return replace(self, progress=None).to_termination_message()
        if self.error is None:
            return Outcome(started_at=self.started_at, finished_at=self.finished_at, truncated=True).to_json()
        # JSON escapes make the text longer than the traceback: take away what is over until it fits.
        keep = len(self.error.traceback)
        while len(text) > TERMINATION_MESSAGE_MAX_BYTES:
            keep = min(keep - 1, keep * TERMINATION_MESSAGE_MAX_BYTES // len(text))
            error = ErrorReport(type=self.error.type[:200], traceback=shorten(self.error.traceback, max(keep, 0)))
            text = Outcome(
                started_at=self.started_at,
                finished_at=self.finished_at,
                reason=self.reason,
                error=error,
                retryable=self.retryable,
                truncated=True,
                retry_after=self.retry_after,
            ).to_json()
            if keep <= 0:
                break
        return text

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Parses and checks a report. Raises InvalidReport with the field that is wrong."""
        data = _loads(text)
        truncated = data.get("truncated", False)
        if not isinstance(truncated, bool):
            raise InvalidReport("truncated must be true or false")
        started_at = None if data.get("startedAt") is None else _timestamp(data, "startedAt")
        finished_at = _timestamp(data, "finishedAt")
        progress = _progress(data.get("progress"))
        if data.get("reason") is None:
            result, ref = data.get("result"), _ref(data.get("resultRef"))
            if ref is None and not (isinstance(result, str) or (truncated and result is None)):
                raise InvalidReport("result must be a string that holds JSON")
            if ref is not None and result is not None:
                raise InvalidReport("result and resultRef cannot both be given")
            return cls(
                started_at=started_at,
                finished_at=finished_at,
                result=result,
                result_ref=ref,
                truncated=truncated,
                progress=progress,
            )
        if not isinstance(data["reason"], str):
            raise InvalidReport("reason must be a string")
        try:
            reason = Reason(data["reason"])
        except ValueError:
            # A newer runner's word. The failure is what counts; its traceback says the rest.
            reason = Reason.TASK_ERROR
        retryable = data.get("retryable", True)
        if not isinstance(retryable, bool):
            raise InvalidReport("retryable must be true or false")
        return cls(
            started_at=started_at,
            finished_at=finished_at,
            reason=reason,
            error=_error(data.get("error")),
            retryable=retryable,
            truncated=truncated,
            retry_after=_seconds(data.get("retryAfterSeconds")),
            progress=progress,
        )


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters and the mark of the cut: a third of the start, the rest from the end."""
    if len(text) <= limit:
        return text
    head = limit // 3
    return text[:head] + CUT + (text[len(text) - (limit - head) :] if limit > head else "")


def _loads(text: str | bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(text)
        # Escapes can make halves of characters (lone surrogates), which nothing can store.
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise InvalidReport("not JSON") from None
    if not isinstance(data, dict):
        raise InvalidReport("not a JSON object")
    return data


def _timestamp(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    try:
        if not isinstance(value, str):
            raise ValueError
        time = datetime.fromisoformat(value)
        if time.tzinfo is None or time.year not in YEARS:
            raise ValueError
    except ValueError:
        raise InvalidReport(f"{key} must be a time of our age with its zone, in RFC 3339") from None
    return value


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= SECONDS_PER_YEAR:
        raise InvalidReport("retryAfterSeconds must be a number of seconds of at most a year")
    return float(value)


def _amount(data: Mapping[str, Any], key: str) -> float | None:
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= AMOUNT_MAX:
        raise InvalidReport(f"{key} must be a number, and not below 0")
    return value


def _progress(value: Any) -> ProgressReport | None:
    """None also where it cannot be read: a result must not be lost over it."""
    try:
        return ProgressReport.from_data(value) if isinstance(value, dict) else None
    except InvalidReport:
        return None


def _ref(value: Any) -> TextRef | None:
    try:
        return None if value is None else TextRef.from_data(value)
    except ValueError as error:
        raise InvalidReport(f"resultRef: {error}") from None


def _error(value: Any) -> ErrorReport | None:
    match value:
        case None:
            return None
        case {"type": str(type_), "traceback": str(traceback)}:
            return ErrorReport(type=type_, traceback=traceback)
        case _:
            raise InvalidReport("error must have a type and a traceback")
