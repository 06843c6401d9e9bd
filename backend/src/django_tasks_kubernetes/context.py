"""What a task is given that takes its context: Django's TaskContext, and how it says how far it is.

    @task(takes_context=True)
    def build(context: KubernetesTaskContext, orders: list[int]) -> None:
        for number, order in enumerate(orders):
            context.progress(number, len(orders), "reading orders")

Light, since task pods import it. Nothing in it waits: a report is kept, and sent beside the task.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from numbers import Real
from typing import Any, Final

from django.tasks import TaskContext
from django.utils.functional import Promise

from djangotasks_api.bounds import PROGRESS_MESSAGE_MAX_CHARS
from djangotasks_api.reports import ProgressReport

type Amount = float | Decimal
NUMBERS: Final = (Real, Decimal)


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesTaskContext(TaskContext):  # type: ignore[type-arg, misc]  # generic, and not frozen, for the stubs alone
    """Given to tasks with `takes_context=True`, as their first argument."""

    _attempt: "AttemptProgress" = field(repr=False, compare=False)

    @property
    def scheduled_for(self) -> datetime | None:
        """The time of its schedule that the task was created for, in UTC, also where it runs late; None where the task
        was enqueued otherwise. Its day: `django.utils.timezone.localdate(at, zone)` with the schedule's zone."""
        result: Any = self.task_result
        at: datetime | None = result.scheduled_for
        return at

    def progress(self, done: Amount | None = None, total: Amount | None = None, message: str | None = None) -> None:
        """Report how far the task is: `done` of `total`, and a `message` for people.

        Each call replaces all values of the one before. It takes microseconds, never waits, and never fails for a
        reason outside the task: the newest report is sent, at most once a second. A message is cut to 256 characters.
        From any thread, and from async code; not from child processes.

        `done` may be more than `total`, which is often an estimate. Raises TypeError or ValueError for a value that is
        not a number, is below zero or not finite, and where neither `done` nor `message` is given.
        """
        self._attempt.report(*checked(done, total, message))

    async def aprogress(
        self, done: Amount | None = None, total: Amount | None = None, message: str | None = None
    ) -> None:
        """See progress(), which does not wait either."""
        self.progress(done, total, message)

    def heartbeat(self) -> None:
        """Report that the task is alive, for a `heartbeat_timeout`. progress() is a heartbeat too."""
        self._attempt.heartbeat()

    async def aheartbeat(self) -> None:
        """See heartbeat(), which does not wait either."""
        self.heartbeat()


class AttemptProgress:
    """The progress of one attempt."""

    def __init__(self, started_at: str, submit: Callable[[ProgressReport], None]) -> None:
        """`submit`: takes each report, and must be quick."""
        self._submit = submit
        self._started_at = started_at
        self.last: ProgressReport | None = None
        """The newest report; None before the first."""

    def report(self, done: float | None, total: float | None, message: str | None) -> None:
        self.last = report = ProgressReport(started_at=self._started_at, done=done, total=total, message=message)
        self._submit(report)

    def heartbeat(self) -> None:
        """Submits the last report again."""
        self._submit(self.last or ProgressReport(started_at=self._started_at))


def checked(done: Any, total: Any, message: Any) -> tuple[float | None, float | None, str | None]:
    """The arguments of progress() as a report has them. Raises TypeError or ValueError."""
    if done is None and message is None:
        raise TypeError("progress() needs done or message. To report only that the task is alive, call heartbeat().")
    return _amount("done", done), _amount("total", total), _text(message)


def _amount(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if type(value) is not int:
        if isinstance(value, bool) or not isinstance(value, NUMBERS):
            raise TypeError(f"progress({name}=…) must be a number, not {value!r}.")
        value = float(value)
    if not (value >= 0 and _is_finite(value)):
        raise ValueError(f"progress({name}=…) must be a finite number from 0 on, not {value!r}.")
    number: float = value
    return number


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int that no float can hold
        return False


def _text(value: Any) -> str | None:
    """Cut, and with lone surrogates, which file names can hold, as escapes."""
    if value is None:
        return None
    if not isinstance(value, (str, Promise)):
        raise TypeError(f"progress(message=…) must be a string, not {value!r}.")
    text = str(value)
    if len(text) > PROGRESS_MESSAGE_MAX_CHARS:
        text = text[: PROGRESS_MESSAGE_MAX_CHARS - 1] + "…"
    if text.isascii():
        return text
    clean = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return clean[:PROGRESS_MESSAGE_MAX_CHARS]
