"""Packed payloads: exact, only where it pays, and no bombs."""

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_tasks_kubernetes.codec.compression import ENCODING, compress, decompress
from django_tasks_kubernetes.exceptions import InvalidPayload
from djangotasks_api.bounds import UNPACKED_MAX_BYTES


@given(st.text(st.characters(max_codepoint=127), max_size=200), st.integers(1, 50))
def test_compressed_text_is_shorter_and_comes_back(text: str, times: int) -> None:
    compressed = compress(text * times)
    if compressed is not None:
        assert len(compressed) < len(text * times)
        assert decompress(compressed, ENCODING) == text * times


def test_compress_refuses_what_would_not_be_shorter() -> None:
    assert compress('{"args":[1],"kwargs":{}}') is None


def test_compress_refuses_what_decompress_would_refuse() -> None:
    assert compress("0" * UNPACKED_MAX_BYTES) is not None
    assert compress("0" * (UNPACKED_MAX_BYTES + 1)) is None


def compressed(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (compressed(zlib.compress(b"0" * (UNPACKED_MAX_BYTES + 1))), "has more than 8,388,608 bytes"),
        (compressed(zlib.compress(b"0" * 1000)[:-5]), "is cut"),
        (compressed(zlib.compress(b"0") + b"more"), "is cut"),
        (compressed(b"no zlib"), "is not zlib"),
        (compressed(zlib.compress(b"\xff\xfe")), "is not zlib"),
        ("not base64!", "is not zlib"),
        ("\u00e4", "is not zlib"),
        ("", "is cut"),
    ],
)
def test_decompress_refuses_other_data(text: str, problem: str) -> None:
    with pytest.raises(InvalidPayload, match=problem):
        decompress(text, ENCODING)


def test_decompress_refuses_an_unknown_encoding() -> None:
    with pytest.raises(InvalidPayload, match="compressed as zstd, which is not known here"):
        decompress("x", "zstd")
