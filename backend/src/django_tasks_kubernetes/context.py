"""What a task is given that takes its context: Django's TaskContext, and how it says how far it is.

    @task(takes_context=True)
    def build(context: KubernetesTaskContext, orders: list[int]) -> None:
        for number, order in enumerate(orders):
            context.progress(number, len(orders), "reading orders")

Light, since task pods import it. None of it waits for anything: what is said is kept, and sent beside the task.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from numbers import Real
from typing import Any, Final

from django.tasks import TaskContext
from django.utils.functional import Promise

from djangotasks_api.names import PROGRESS_MESSAGE_MAX_CHARS
from djangotasks_api.outcome import ProgressReport

type Amount = float | Decimal
NUMBERS: Final = (Real, Decimal)


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesTaskContext(TaskContext):  # type: ignore[type-arg, misc]  # generic, and not frozen, for the stubs alone
    """Given to tasks with `takes_context=True`, as their first argument."""

    _attempt: "AttemptProgress" = field(repr=False, compare=False)

    def progress(self, done: Amount | None = None, total: Amount | None = None, message: str | None = None) -> None:
        """Says how far the task is: so much is `done`, of so much in `total`, and a `message` for people.

        Each call replaces all that the one before said. It takes microseconds, never waits and never fails for a
        reason outside the task: what is said last is sent, at most once a second. A message is cut to 256 characters.
        From any thread, and from async code; not from child processes.

        More `done` than there is in `total` is no error: a total is often an estimate. Raises TypeError or ValueError
        for what is no number, below zero or not finite, and where nothing is said.
        """
        self._attempt.say(*checked(done, total, message))

    async def aprogress(
        self, done: Amount | None = None, total: Amount | None = None, message: str | None = None
    ) -> None:
        """See progress(), which does not wait either."""
        self.progress(done, total, message)

    def heartbeat(self) -> None:
        """A sign of life, without news: for tasks with a `heartbeat_timeout`. progress() is one as well."""
        self._attempt.beat()

    async def aheartbeat(self) -> None:
        """See heartbeat(), which does not wait either."""
        self.heartbeat()


class AttemptProgress:
    """What one attempt has said. `tell`: takes each report, and must be quick."""

    def __init__(self, started_at: str, tell: Callable[[ProgressReport], None]) -> None:
        self._tell = tell
        self._started_at = started_at
        self.last: ProgressReport | None = None

    def say(self, done: float | None, total: float | None, message: str | None) -> None:
        self.last = report = ProgressReport(started_at=self._started_at, done=done, total=total, message=message)
        self._tell(report)

    def beat(self) -> None:
        """The same once more."""
        self._tell(self.last or ProgressReport(started_at=self._started_at))


def checked(done: Any, total: Any, message: Any) -> tuple[float | None, float | None, str | None]:
    """The arguments of progress() as a report has them. Raises TypeError or ValueError."""
    if done is None and message is None:
        raise TypeError("progress() needs done or message. For a sign of life alone there is heartbeat().")
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
