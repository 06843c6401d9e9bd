"""Streams as they come: a terminal, a pipe that nobody reads any more, and what a program puts in their place, which
may have write() and nothing else."""

import io
import os
from typing import TextIO


def tolerant(stream: TextIO | None) -> TextIO:
    """The stream, which from now on escapes characters that its encoding does not have, as stderr always does. Where
    the process has none, one that leads nowhere."""
    if stream is None:
        return io.StringIO()
    if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
        stream.reconfigure(errors="backslashreplace")
    return stream


def put(stream: TextIO, text: str) -> None:
    """Writes at once. Raises BrokenPipeError."""
    stream.write(text)
    if (flush := getattr(stream, "flush", None)) is not None:
        flush()


def is_interactive(stream: TextIO | None) -> bool:
    """Whether somebody sits at its other end."""
    isatty = getattr(stream, "isatty", None)
    return isatty is not None and bool(isatty())


def drop(stream: TextIO) -> None:
    """What is still to be written to a pipe that its reader has closed goes nowhere, also at the end of the process."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)
    except (AttributeError, OSError):
        return  # It is no file.
