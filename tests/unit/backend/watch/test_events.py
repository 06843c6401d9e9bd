"""The lines of a watch, as tables."""

import json
from typing import Any

import pytest

from django_tasks_kubernetes.watch.events import Event, lines, parse

METADATA = {"managedFields": [{"manager": "x", "fieldsV1": {"f:metadata": {}}}], "name": "t1", "resourceVersion": "7"}
TASK = {"apiVersion": "djangotasks.dev/v1alpha1", "kind": "DjangoTask", "metadata": METADATA, "spec": {"payload": "{}"}}


def line(type_: str, object_: dict[str, Any]) -> bytes:
    return json.dumps({"type": type_, "object": object_}, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("chunks", "whole"),
    [
        ([], []),
        ([b"a\nb\n"], [b"a", b"b"]),
        ([b"a", b"b", b"c\nd", b"\n"], [b"abc", b"d"]),
        ([b"a\n", b"cut off"], [b"a"]),
        ([b"\n\n"], [b"", b""]),
    ],
)
def test_lines_of_a_stream_are_whole(chunks: list[bytes], whole: list[bytes]) -> None:
    assert list(lines(chunks)) == whole


@pytest.mark.parametrize("type_", ["ADDED", "MODIFIED", "DELETED"])
def test_event_is_parsed(type_: str) -> None:
    event = parse(line(type_, TASK))
    assert (event.type, event.name, event.version, event.expired) == (type_, "t1", "7", False)
    assert event.resource == TASK


@pytest.mark.parametrize(
    "object_",
    [
        pytest.param(
            TASK | {"spec": {"payload": '"metadata":{"name":"other","resourceVersion":"9"}'}}, id="in a string"
        ),
        pytest.param(TASK | {"spec": {"metadata": {"name": "other", "resourceVersion": "9"}}}, id="another one"),
        pytest.param(TASK | {"metadata": {"labels": {"name": "a", "resourceVersion": "9"}, **METADATA}}, id="labels"),
        pytest.param(TASK | {"metadata": {"annotations": {"a": "ü" * 20_000}, **METADATA}}, id="long"),
        pytest.param(TASK | {"metadata": {"annotations": {"a": '}"\\'}, **METADATA}}, id="quotes"),
    ],
)
def test_event_takes_only_the_objects_own_metadata(object_: dict[str, Any]) -> None:
    event = parse(line("ADDED", object_))
    assert (event.name, event.version) == ("t1", "7")


def test_bookmark_has_only_a_version() -> None:
    assert parse(line("BOOKMARK", {"kind": "DjangoTask", "metadata": {"resourceVersion": "8"}})).version == "8"


@pytest.mark.parametrize(("code", "expired"), [(410, True), (500, False)])
def test_error_event_is_expired_for_410_alone(code: int, expired: bool) -> None:
    event = parse(line("ERROR", {"kind": "Status", "metadata": {}, "code": code}))
    assert (event.type, event.expired) == ("ERROR", expired)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b'{"type":"ADDED"}', b'{"type":"ADDED","object":{}}', b"\xff"]
)
def test_parse_refuses_what_is_no_event(text: bytes) -> None:
    with pytest.raises(ValueError, match="not an event"):
        parse(text)


def test_event_name_is_found_without_parsing_a_long_result(monkeypatch: pytest.MonkeyPatch) -> None:
    text = line("MODIFIED", TASK | {"status": {"result": "x" * 500_000}})
    with monkeypatch.context() as patch:
        patch.setattr(json, "loads", lambda _: pytest.fail("parsed"))
        event = parse(text)
    assert isinstance(event, Event)
    assert len(event.resource["status"]["result"]) == 500_000
