"""What a part of a page is made of, noted while it is rendered: what was read for it, and until when the clock leaves
it as it is. Pure."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from django_tasks_kubernetes.admin.keeping import AnyAnswer

# Of what the clock changes and nobody notes: the charts move on.
SECONDS_MAX: Final = 60.0
# As long as an age has seconds, and minutes: see presentation.text.age().
WITH_SECONDS, WITH_MINUTES = 600.0, 8 * 3600.0


@dataclass(slots=True)
class Seen:
    reads: list[tuple[Callable[[], AnyAnswer], int]] = field(default_factory=list)
    """Each reads it again, and the version of what was read. The first is what the page is about."""

    seconds: float = SECONDS_MAX
    """So long all texts stay as they are."""


_seen: ContextVar[Seen | None] = ContextVar("djangotasks_seen", default=None)


@contextmanager
def noted(seen: Seen | None) -> Iterator[None]:
    """Notes what is read and shown meanwhile. None: nothing of it."""
    token = _seen.set(seen)
    try:
        yield
    finally:
        _seen.reset(token)


def was_read(again: Callable[[], AnyAnswer], answer: AnyAnswer) -> None:
    """`again`: reads it once more, or gives what is kept."""
    if (seen := _seen.get()) is not None:
        seen.reads.append((again, answer.version))


def was_shown(age: float) -> None:
    """How long ago something was, in seconds; less than zero for what is to come."""
    if (seen := _seen.get()) is not None:
        length = abs(age)
        if length < WITH_SECONDS:
            seen.seconds = 0.0
        elif length < WITH_MINUTES:
            seen.seconds = min(seen.seconds, length % 60 if age < 0 else 60 - length % 60)
