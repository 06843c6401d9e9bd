"""An exception as text, which any JSON parser takes. The standard library alone."""

from dataclasses import dataclass, replace
from typing import Any, Self

from djangotasks_api.text import headline, shorten


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReport:
    """An exception: its class's dotted path, the formatted traceback, and a line for people.

    `message`: the class and the first line of what it says. None from a runner that is older.
    """

    type: str
    traceback: str
    message: str | None = None

    @property
    def headline(self) -> str:
        return self.message or headline(self.traceback)

    def within(self, chars: int) -> Self:
        """The same with so much of the traceback, and little more."""
        message = self.message and self.message[:100]
        return replace(self, type=self.type[:200], traceback=shorten(self.traceback, chars), message=message)

    def to_data(self) -> dict[str, str]:
        data = {"type": self.type, "traceback": self.traceback, "message": self.message}
        return {name: value for name, value in data.items() if value is not None}

    @classmethod
    def from_data(cls, data: Any) -> Self:
        """Raises ValueError. What it does not know, it drops."""
        match data:
            case {"type": str(type_), "traceback": str(traceback), **rest}:
                message = rest.get("message")
                return cls(type=type_, traceback=traceback, message=message if isinstance(message, str) else None)
            case _:
                raise ValueError("error must have a type and a traceback")
