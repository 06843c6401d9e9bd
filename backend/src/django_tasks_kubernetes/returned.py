"""A workflow that a task returns in the place of a value. Light: every task's pod imports it."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

_MADE: Final[ContextVar[list[str] | None]] = ContextVar("made", default=None)


class Made:
    """The paths of the workflows that are made within, to be returned."""

    def __enter__(self) -> list[str]:
        self._token = _MADE.set(found := list[str]())
        return found

    # No contextlib: it sets the traceback of what is raised, which an exception that is a frozen dataclass refuses.
    def __exit__(self, *error: object) -> None:
        _MADE.reset(self._token)


@dataclass(frozen=True, slots=True)
class ReturnedWorkflow:
    """What `as_result()` of a workflow makes: drawn, and to be created when its task has returned it."""

    path: str
    """Of the function that drew it."""
    create: Callable[[str], str]
    """Creates it for the task with this uid, and returns its name. The same for a later attempt of the task."""

    def __post_init__(self) -> None:
        if (found := _MADE.get()) is not None:
            found.append(self.path)

    def __repr__(self) -> str:
        return f"<the workflow {self.path or 'of a chain or a group'}, to be returned by a task>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"{self!r} has no {name}: it is known when the workflow has run. Return it, and no more.")
