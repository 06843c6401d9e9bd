"""What tenants write is decoded, however deep or odd: one object that cannot be read costs itself alone."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from djangotasks_operator.runtime.decoding import UnreadableAnswer, decode, decode_event, decode_list

# The API server stores up to 10,000 levels.
STORED_LEVELS = 9_900
TOO_DEEP = 40_000


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


def item(name: str, spec: str = "{}") -> str:
    return f'{{"metadata":{{"name":"{name}","uid":"uid-{name}"}},"spec":{spec}}}'


def page(*items: str, order: str = "items first", continue_: str = "token") -> bytes:
    meta = f'"metadata":{{"continue":"{continue_}","resourceVersion":"9","remainingItemCount":3}}'
    parts = [f'"items":[{",".join(items)}]', '"kind":"List"', meta]
    return ("{" + ",".join(parts if order == "items first" else parts[::-1]) + "}").encode()


@pytest.mark.parametrize("levels", [1, 400, 1_030, STORED_LEVELS])
def test_an_object_as_deep_as_the_api_server_stores_is_decoded(levels: int) -> None:
    assert set(decode(nested(levels).encode())) == {"a"}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>a proxy's page</html>",
        b"[1]",
        b"null",
        b'"text"',
        b'{"a":',
        b'{"a":"\xff"}',
        nested(TOO_DEEP).encode(),
        b"[" * TOO_DEEP,
    ],
    ids=lambda text: text[:20].decode(errors="replace"),
)
def test_an_answer_that_is_no_object_is_an_error_of_the_connection(text: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        decode(text)
    assert issubclass(UnreadableAnswer, OSError), "who asks, asks again"


@pytest.mark.thorough
@pytest.mark.parametrize("order", ["items first", "metadata first"])
def test_a_list_without_the_object_that_cannot_be_read(order: str, caplog: pytest.LogCaptureFixture) -> None:
    text = page(item("a"), item("deep", nested(TOO_DEEP)), item("b", '{"t":"}] \\" {["}'), order=order)
    found = decode_list(text)
    assert [body["metadata"]["name"] for body in found.objects] == ["a", "b"]
    assert (found.resource_version, found.continue_) == ("9", "token")
    assert [b"uid-deep" in text for text in found.unreadable] == [True]
    assert "cannot be read, and is left out" in caplog.text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (page(), []),
        (page(item("a")), ["a"]),
        (b'{"metadata":{"resourceVersion":"9"},"items":null}', []),
        (b'{"metadata":{"resourceVersion":"9"}}', []),
        (page(item("a"), item("b", nested(STORED_LEVELS))), ["a", "b"]),
        (page(item("a"), "7", item("b")), ["a", "b"]),
    ],
    ids=["empty", "one", "null", "no items", "as deep as is stored", "no object"],
)
def test_lists(text: bytes, names: list[str]) -> None:
    assert [body["metadata"]["name"] for body in decode_list(text).objects] == names


@pytest.mark.parametrize("text", [b"{}", b'{"items":[]}', b'{"items":7,"metadata":{}}', b"[]", b"<html>", b""])
def test_an_answer_that_is_no_list_is_an_error_of_the_connection(text: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        decode_list(text)


def test_a_lists_objects_are_in_memory_one_at_a_time() -> None:
    """A character beyond Latin-1 makes a text four times as large in memory as on the wire."""
    text = page(*(item(f"t{n}", json.dumps({"payload": "\N{SNOWMAN}" + "x" * 100_000})) for n in range(50)))
    alive: list[Any] = []
    sizes = []
    for body in decode_list(text).objects:
        alive[:] = [body]
        sizes.append(sys.getsizeof(body["spec"]["payload"]))
    assert len(sizes) == 50
    assert min(sizes) > 200_000


@pytest.mark.parametrize(
    "line",
    [b"{}", b'{"type":"ADDED"}', b'{"type":1,"object":{}}', b'{"type":"ADDED","object":[]}', nested(TOO_DEEP).encode()],
    ids=["empty", "no object", "no type", "no map", "deep"],
)
def test_an_event_without_a_type_or_an_object_cannot_be_read(line: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        decode_event(line)
    assert decode_event(b'{"type":"ADDED","object":{"a":1}}') == {"type": "ADDED", "object": {"a": 1}}
