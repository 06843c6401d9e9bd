"""Decode what the API server answers. Tenants write most of it, so no object may harm more than itself.

msgspec, because it is as fast as any other decoder, reads as many levels as the API server stores (nearly 10,000), and
hands out a list's objects undecoded: one after the other is then decoded, and only one is in memory.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from djangotasks_operator.runtime.resources import Object

logger = logging.getLogger(__name__)

# A string, or what opens or closes a level. Strings come first: a bracket in one means nothing.
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
# The list is the first level, its array of items the second: it has no other array there.
ITEM_DEPTH = 3


class UnreadableAnswer(ConnectionError):
    """The answer is not the JSON object that the API server would send: a proxy's page, a cut answer, or an object that
    is nested more deeply than this process can hold."""


class ListMeta(msgspec.Struct, rename="camel"):
    """The metadata of a list."""

    resource_version: str
    continue_: str = msgspec.field(name="continue", default="")


class Page(msgspec.Struct):
    """A page of a list, its objects not decoded yet."""

    metadata: ListMeta
    items: list[msgspec.Raw] | None = None
    """Go writes an empty list as null."""


class ObjectList(NamedTuple):
    """A page of a list."""

    objects: Iterable[Object]
    """Decodes one object at a time, and leaves out what cannot be read."""

    resource_version: str
    """The version of the whole list, from which a watch goes on."""

    continue_: str = ""
    """Asks for the next page; empty on the last one."""

    unreadable: Sequence[bytes] = ()
    """What was left out, once all objects were taken."""


def decode(text: bytes | memoryview) -> Object:
    """Decode a JSON object. Raises UnreadableAnswer."""
    return _decode(text, Object)


def decode_list(text: bytes) -> ObjectList:
    """Decode a page of a list, its objects one by one. Raises UnreadableAnswer where it is no list."""
    try:
        page = msgspec.json.decode(text, type=Page)
        raw: list[memoryview] = [memoryview(item) for item in page.items or ()]
    except RecursionError:
        raw, rest = _split(text)
        page = _decode(rest, Page)
    except msgspec.MsgspecError as error:
        raise UnreadableAnswer(str(error)) from error
    unreadable: list[bytes] = []
    return ObjectList(_readable(raw, unreadable), page.metadata.resource_version, page.metadata.continue_, unreadable)


def decode_event(line: bytes) -> Object:
    """Decode an event of a watch: its type, and its object. Raises UnreadableAnswer."""
    event = decode(line)
    if not (isinstance(event.get("type"), str) and isinstance(event.get("object"), dict)):
        raise UnreadableAnswer("an event has a type and an object")
    return event


def _decode[T](text: bytes | memoryview, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableAnswer(str(error)) from error


def _readable(raw: list[memoryview], unreadable: list[bytes]) -> Iterator[Object]:
    for item in raw:
        try:
            decoded = decode(item)
        except UnreadableAnswer as error:
            logger.warning("an object of %d bytes in a list cannot be read, and is left out: %s", len(item), error)
            unreadable.append(bytes(item))
        else:
            yield decoded


def _split(text: bytes) -> tuple[list[memoryview], bytes]:
    """Cut a list's objects out of it without decoding them, however deep they are. Returns them, and the rest."""
    view, items = memoryview(text), list[memoryview]()
    depth = begin = first = last = 0
    in_array = False
    for token in TOKEN.finditer(text):
        if (mark := token.group()) in b"{[":
            depth += 1
            if depth == ITEM_DEPTH - 1:
                in_array = mark == b"["
            elif depth == ITEM_DEPTH and in_array:
                begin = token.start()
                first = first or begin
        elif mark in b"}]":
            if depth == ITEM_DEPTH and in_array:
                last = token.end()
                items.append(view[begin:last])
            depth -= 1
    return items, text[:first] + text[last:]
