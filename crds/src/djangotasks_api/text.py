"""Texts about failures: shortened, and as one line. The standard library alone."""

from typing import Final

CUT: Final = "\n[… cut …]\n"
TRACEBACK: Final = "Traceback (most recent call last):"
GROUP_TRACEBACK: Final = "+ Exception Group Traceback (most recent call last):"
LINE_MAX_CHARS: Final = 512


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters and the mark of the cut: a third of the start, the rest from the end."""
    if len(text) <= limit:
        return text
    head = limit // 3
    return text[:head] + CUT + (text[len(text) - (limit - head) :] if limit > head else "")


def first_line(text: str) -> str:
    """The first line that says something, of a message of several: no line of dashes or stars above it. One that ends
    in a colon has the next one beside it.

    What PostgreSQL adds on lines of their own (DETAIL, CONTEXT) holds values of rows, and is left out like the rest.
    """
    lines = [line for raw in text.splitlines() if (line := raw.strip())]
    lines = [line for line in lines if any(map(str.isalnum, line))] or lines[:1]
    if not lines:
        return ""
    found = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return found if len(found) <= LINE_MAX_CHARS else found[: LINE_MAX_CHARS - 1] + "…"


def headline(traceback: str) -> str:
    """What was raised, and the first line of its message, from a formatted traceback.

    For tracebacks alone: where the exception is at hand, its class and its message are known.
    """
    last, indent = 0, ""
    lines = traceback.splitlines()
    for number, line in enumerate(lines):
        if line.startswith(TRACEBACK):
            last, indent = number + 1, ""
        elif line.strip() == GROUP_TRACEBACK and line.startswith("  +"):
            last, indent = number + 1, "  | "
    for line in lines[last:]:
        if line.startswith(indent) and (rest := line[len(indent) :]) and not rest[0].isspace():
            return first_line(rest)
    return first_line(lines[-1]) if lines else ""


def stored_bytes(text: str) -> int:
    """How many bytes the API server stores for a string of a resource: it writes JSON as Go does, which escapes quotes,
    backslashes, line breaks and tabs by one character, and <, > and & by five. `text`: without other controls."""
    escapes = sum(map(text.count, '"\\\n\t\r')) + 5 * sum(map(text.count, "<>&"))
    return len(text if text.isascii() else text.encode()) + escapes
