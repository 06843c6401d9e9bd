"""Texts and times as people read them. Pure."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any, Final

# Of a payload or a result. The whole is in the resource.
DATA_MAX_CHARS: Final = 10_000
AGE_PART: Final = re.compile("([0-9]{1,6})([ydhms])")
AGE: Final = re.compile(f"({AGE_PART.pattern})+")
# A zone is less than a day from UTC.
FIRST: Final = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
LAST: Final = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
UNITS: Final = {
    "y": timedelta(days=365),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}


def cut(text: str) -> str:
    """The beginning of a long payload or result."""
    return text if len(text) <= DATA_MAX_CHARS else text[:DATA_MAX_CHARS] + "…"


def shortened(text: str, size: int) -> str:
    """At most so many characters."""
    return text if len(text) <= size else text[: size - 1] + "…"


def mebibytes(number: int) -> str:
    """An amount of memory."""
    return f"{number / 2**20:,.0f} MiB"


def moment(text: Any) -> datetime | None:
    """An RFC 3339 time; None where it is not one. One that some zone's calendar does not have, as that of a task that
    is never due, is the last that all have."""
    try:
        return min(max(datetime.fromisoformat(text).astimezone(UTC), FIRST), LAST)
    except (TypeError, ValueError, OverflowError):
        return None


def age(then: datetime | None, now: datetime | None) -> str:
    """The time between two moments as kubectl writes it: 5s, 3m20s, 2h, 4d. Empty where one is not known."""
    return "".join(f"{number}{unit}" for unit, number in age_parts(then, now).items())


def age_parts(then: datetime | None, now: datetime | None) -> dict[str, int]:
    """The same as numbers by their units."""
    if then is None or now is None:
        return {}
    seconds = max(int((now - then) / timedelta(seconds=1)), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return {"s": seconds}
    if minutes < 10:
        return {"m": minutes} | ({"s": seconds % 60} if seconds % 60 else {})
    if hours < 3:
        return {"m": minutes}
    if hours < 8:
        return {"h": hours} | ({"m": minutes % 60} if minutes % 60 else {})
    return {"h": hours} if hours < 48 else {"d": days}


def before(now: datetime, age: Any) -> datetime | None:
    """The moment that was so long ago, as kubectl writes it; None where that is no age."""
    length = span(age)
    return None if length is None else now - length


def span(text: Any) -> timedelta | None:
    """A length of time as kubectl writes it, such as 1h30m; None where that is none."""
    if not isinstance(text, str) or not AGE.fullmatch(text):
        return None
    return sum((int(number) * UNITS[unit] for number, unit in AGE_PART.findall(text)), timedelta())


def safe(text: str, *, lines: bool = False) -> str:
    """Escapes characters that could move a terminal's cursor or look like another text, as Python writes them.

    `lines`: keeps line breaks and tabs.
    """
    if text.isprintable():
        return text
    keep = "\n\t" if lines else ""
    return "".join(
        char if char.isprintable() or char in keep or unicodedata.category(char) == "Zs" else _escaped(char)
        for char in text
    )


def one_line(text: str) -> str:
    """What somebody entered, as one line that can be kept anywhere: a database may refuse NUL."""
    return safe(" ".join(text.split()))


def message_of(error: BaseException, most: int) -> str:
    """What an exception says, up to so many characters, as any database takes it: without NUL, and with half of a
    surrogate pair, as names of files may have, escaped."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - one whose own code fails must not take the place of what it says
        text = "its message cannot be shown"
    return text[:most].replace("\0", "").encode("utf-8", "backslashreplace").decode()[:most]


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
