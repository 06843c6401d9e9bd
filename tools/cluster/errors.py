"""Failures a person has to act on: which step, what its log said last, and where the rest is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LOG_LINES = 15


class ProviderError(Exception):
    """Shown to the user as it is: the message says what to do."""


def last_lines(text: str, count: int = LOG_LINES) -> str:
    """Return the last non-empty lines of a log, indented to stand out under a message."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(f"    {line[:400]}" for line in lines[-count:])


def with_log(message: str, log: Path) -> str:
    """Add the end of a component's log, and its path, to a message."""
    try:
        tail = last_lines(log.read_text(errors="replace"))
    except OSError:
        return f"{message}\n  (no log at {log})"
    return f"{message}\n  last lines of {log}:\n{tail}"
