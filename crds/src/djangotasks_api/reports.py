"""What a task pod reports before its outcome: that the task started, and how far it is.

Reports are JSON objects that the pod sends to the operator's endpoint. `outcome` has the last one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from djangotasks_api.bounds import PROGRESS_MESSAGE_MAX_CHARS
from djangotasks_api.report_fields import InvalidReport, amount, load, timestamp


def report_path(namespace: str, task: str, uid: str, attempt: int, kind: str) -> str:
    """The endpoint's path for one attempt. `kind`: "started", "progress" or "outcome"."""
    return f"/v1/attempts/{namespace}/{task}/{uid}/{attempt}/{kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The task's function is about to be called."""

    started_at: str
    """RFC 3339, UTC."""

    def to_json(self) -> str:
        return json.dumps({"startedAt": self.started_at})

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Parse and check a report. Raises InvalidReport with the field that is wrong."""
        return cls(started_at=timestamp(load(text), "startedAt"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressReport:
    """How far the task is. An unchanged report is a heartbeat and nothing else."""

    started_at: str
    """As in Started, for an operator that did not receive that report."""

    done: float | None = None
    """How much is done; None where the task left it out, as in the other fields."""

    total: float | None = None
    message: str | None = None

    def to_data(self) -> dict[str, Any]:
        data = {"startedAt": self.started_at, "done": self.done, "total": self.total, "message": self.message}
        return {name: value for name, value in data.items() if value is not None}

    def to_json(self) -> str:
        return json.dumps(self.to_data(), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Parse and check a report. Raises InvalidReport with the field that is wrong."""
        return cls.from_data(load(text))

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        message = data.get("message")
        if not (message is None or (isinstance(message, str) and len(message) <= PROGRESS_MESSAGE_MAX_CHARS)):
            raise InvalidReport(f"message must be a string of at most {PROGRESS_MESSAGE_MAX_CHARS} characters")
        return cls(
            started_at=timestamp(data, "startedAt"),
            done=amount(data, "done"),
            total=amount(data, "total"),
            message=message,
        )
