"""What of a log is kept in the status."""

from __future__ import annotations

import pytest

from djangotasks_api.bounds import LOG_TAIL_MAX_BYTES
from djangotasks_api.models import LogTail
from djangotasks_api.text import stored_bytes
from djangotasks_operator.status.log_text import STORED_MAX_BYTES, tail_text

TEXTS: list[tuple[str, bytes, str]] = [
    ("nothing", b"", ""),
    ("lines", b"one\ntwo\n", "one\ntwo"),
    ("no newline at the end", b"one\ntwo", "one\ntwo"),
    ("blank lines at the end", b"one\n\ntwo\n\n \n", "one\n\ntwo"),
    ("not UTF-8", b"caf\xe9\n", "caf\N{REPLACEMENT CHARACTER}"),
    ("NULs and bells", b"a\x00b\x07\tc\n", "a\ufffdb\ufffd\tc"),
    ("colours", b"\x1b[1;31mERROR\x1b[0m no\x1b]0;title\x07pe\n", "ERROR nope"),
    ("a lone escape", b"a\x1b\n", "a\ufffd"),
    ("Windows' newlines", b"one\r\ntwo\r\n", "one\ntwo"),
    ("a progress bar", b" 10%|#\r 50%|###\r100%|######\ndone\n", "100%|######\ndone"),
]


@pytest.mark.parametrize(("log", "text"), [case[1:] for case in TEXTS], ids=[case[0] for case in TEXTS])
def test_any_log_becomes_plain_text(log: bytes, text: str) -> None:
    assert tail_text(log) == text


def test_the_end_of_a_long_log_is_kept_in_whole_lines() -> None:
    log = b"".join(b"line %d of many, and \xc3\xa9\n" % number for number in range(5000))
    text = tail_text(log)
    assert LOG_TAIL_MAX_BYTES - 100 < len(text.encode()) <= LOG_TAIL_MAX_BYTES
    lines = text.split("\n")
    assert lines[-1] == "line 4999 of many, and é"
    assert lines[0].startswith("line ")


@pytest.mark.parametrize("size", [LOG_TAIL_MAX_BYTES, LOG_TAIL_MAX_BYTES + 1, 200_000])
def test_the_end_of_one_endless_line_is_kept(size: int) -> None:
    text = tail_text("é".encode() * size + b"end\n")
    assert text.endswith("éend")
    assert LOG_TAIL_MAX_BYTES - 2 <= len(text.encode()) <= LOG_TAIL_MAX_BYTES


def test_a_kept_log_fits_into_the_schema() -> None:
    LogTail(attempt=1, text=tail_text(b"\xff" * 100_000))


@pytest.mark.thorough
@pytest.mark.parametrize("log", [b"<" * 200_000, b"<\n" * 100_000, b'"\\' * 100_000, b"a line of <b>HTML</b>\n" * 5000])
def test_a_log_is_bounded_as_it_is_stored(log: bytes) -> None:
    """The API server writes <, > and & as six bytes."""
    text = tail_text(log)
    assert 5000 < stored_bytes(text) <= STORED_MAX_BYTES
