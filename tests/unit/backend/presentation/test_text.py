"""Ages, and texts that cannot move a cursor."""

from datetime import UTC, datetime, timedelta

import pytest

from django_tasks_kubernetes.presentation.text import age, before, message_of, safe

NOW = datetime(2026, 11, 23, 12, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (200, "3m20s"), (600, "10m"), (3 * 3600, "3h"),
     (3 * 3600 + 60, "3h1m"), (9 * 3600 + 60, "9h"), (48 * 3600, "2d"), (400 * 86400, "400d")],
)  # fmt: skip
def test_age_is_written_as_by_kubectl(seconds: int, text: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == text
    assert age(None, NOW) == ""


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("0s", timedelta()),
        ("3m20s", timedelta(minutes=3, seconds=20)),
        ("7h59m", timedelta(hours=7, minutes=59)),
        ("3d4h", timedelta(days=3, hours=4)),
        ("2y17d", timedelta(days=747)),
        ("<unknown>", None),
        ("<invalid>", None),
        ("", None),
        ("2026-11-23T12:00:00Z", None),
        ("99999999d", None),
        (None, None),
        (5, None),
    ],
)
def test_an_age_is_read_as_kubectl_writes_it(text: object, ago: timedelta | None) -> None:
    assert before(NOW, text) == (None if ago is None else NOW - ago)


@pytest.mark.parametrize(
    ("text", "lines", "shown"),
    [
        ("plain é 名前 🎉", False, "plain é 名前 🎉"),
        ("\x1b[31mred\x07", False, "\\x1b[31mred\\x07"),
        ("one\ntwo\tx", False, "one\\ntwo\\tx"),
        ("one\ntwo\tx\r", True, "one\ntwo\tx\\r"),
        ("\u202eevil\u2028", True, "\\u202eevil\\u2028"),
        ("non-breaking\u00a0space", False, "non-breaking\u00a0space"),
    ],
)
def test_safe_escapes_what_moves_a_cursor(text: str, lines: bool, shown: str) -> None:
    assert safe(text, lines=lines) == shown


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("no\0 more"), "no mo"),
        (ValueError("ü \udcff.csv"), "ü \\udc"),
        (Mute(), "its me"),
    ],
)
def test_what_an_exception_says_can_be_kept_anywhere(error: Exception, message: str) -> None:
    found = message_of(error, 6)
    assert found == message
    assert found.encode()
