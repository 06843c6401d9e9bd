"""Watch events, from the lines that the API server sends. Pure.

A line holds a whole DjangoTask, up to 700 KB, and most are of tasks that nobody here waits for. So only the metadata
is parsed, until the rest is needed.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from django_tasks_kubernetes.codec.resource import Resource

DELETED: Final = "DELETED"
BOOKMARK: Final = "BOOKMARK"
ERROR: Final = "ERROR"

TYPE: Final = b'{"type":"'
METADATA: Final = b'"metadata":'
# Longer metadata is parsed together with the rest.
HEAD_BYTES: Final = 16 * 1024
_decoder: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Event:
    """A change of one task, a bookmark, or an error."""

    type: str
    """ADDED, MODIFIED, DELETED, BOOKMARK or ERROR."""

    name: str
    """The task's; empty for a bookmark or an error."""

    version: str
    """The resourceVersion from which a watch continues after this event."""

    line: bytes

    @property
    def resource(self) -> Resource:
        """The DjangoTask after the change; its last state where it is deleted. Each call parses the line."""
        resource: Resource = json.loads(self.line)["object"]
        return resource

    @property
    def expired(self) -> bool:
        """Whether the server no longer has the changes since the version (410)."""
        return self.type == ERROR and self.resource.get("code") == HTTPStatus.GONE


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The whole lines of a stream. A rest without a newline was cut off, and is dropped."""
    parts: list[bytes] = []
    for chunk in chunks:
        head, *more = chunk.split(b"\n")
        parts.append(head)
        for piece in more:
            yield b"".join(parts)
            parts = [piece]


def parse(line: bytes) -> Event:
    """Raises ValueError where the line is not an event."""
    try:
        # Keys are sorted: an object's own metadata comes before anything that a user may have written into it. Inside
        # a string the quotes would be escaped.
        type_ = line[len(TYPE) : line.index(b'"', len(TYPE))].decode() if line.startswith(TYPE) else ""
        start = line.index(METADATA) + len(METADATA)
        metadata, _ = _decoder.raw_decode(line[start : start + HEAD_BYTES].decode(errors="replace"))
        if type_ and type_ != ERROR:
            return _event(type_, metadata, line)
    except (ValueError, KeyError, TypeError):
        pass
    try:
        event = json.loads(line)
        return _event(event["type"], event["object"].get("metadata", {}), line)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"not an event of a watch: {error!r}") from None


def _event(type_: str, metadata: Any, line: bytes) -> Event:
    if type_ == ERROR:
        return Event(type_, "", "", line)
    name = "" if type_ == BOOKMARK else metadata["name"]
    return Event(type_, name, metadata["resourceVersion"], line)
