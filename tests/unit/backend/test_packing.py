"""Packed payloads: exact, only where it pays, and no bombs."""

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_tasks_kubernetes.exceptions import InvalidPayload
from django_tasks_kubernetes.packing import ENCODING, pack, unpack
from djangotasks_api.names import UNPACKED_MAX_BYTES


@given(st.text(st.characters(max_codepoint=127), max_size=200), st.integers(1, 50))
def test_what_is_packed_comes_back_and_is_smaller(text: str, times: int) -> None:
    packed = pack(text * times)
    if packed is not None:
        assert len(packed) < len(text * times)
        assert unpack(packed, ENCODING) == text * times


def test_where_it_does_not_pay() -> None:
    assert pack('{"args":[1],"kwargs":{}}') is None


def test_what_would_not_be_unpacked_is_not_packed() -> None:
    assert pack("0" * UNPACKED_MAX_BYTES) is not None
    assert pack("0" * (UNPACKED_MAX_BYTES + 1)) is None


def packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (packed(zlib.compress(b"0" * (UNPACKED_MAX_BYTES + 1))), "has more than 8,388,608 bytes"),
        (packed(zlib.compress(b"0" * 1000)[:-5]), "is cut"),
        (packed(zlib.compress(b"0") + b"more"), "is cut"),
        (packed(b"no zlib"), "is not zlib"),
        (packed(zlib.compress(b"\xff\xfe")), "is not zlib"),
        ("not base64!", "is not zlib"),
        ("\u00e4", "is not zlib"),
        ("", "is cut"),
    ],
)
def test_what_is_not_packed_so(text: str, problem: str) -> None:
    with pytest.raises(InvalidPayload, match=problem):
        unpack(text, ENCODING)


def test_an_encoding_that_is_not_known() -> None:
    with pytest.raises(InvalidPayload, match="packed as zstd, which is not known here"):
        unpack("x", "zstd")
