"""The results that a task's pod reads from the operator: page by page, a line of JSON each, exact to the byte."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from djangotasks_api.stored import TextRef

# What a pod asks for: the list of its task's inputs; and the results of one of them, by its number in that list.
INPUTS: Final = "inputs"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPage:
    """Some of the results that one input is made of."""

    results: Mapping[int, str | TextRef]
    """By index, each as JSON text, or the file that has it. What no page has is null."""

    width: int | None = None
    """How many items the input has, where it is the list of them all, as of a map. None where it is the one at 0."""

    first: int = 0
    """The index of the first of these items."""

    chunk: int | None = None
    """Where the results are those of chunks: how many items one has. They are then lists, by the numbers of the chunks.
    """

    indexes: str = ""
    """Of the items in chunks those that are meant, such as 0-811,813."""

    item: int | None = None
    """The item of that one which the input is; None for the whole."""

    count: int | None = None
    """From that item on, so many as a list."""

    following: str | None = None
    """What to ask for the next page with. None on the last one."""

    def lines(self) -> Iterator[bytes]:
        """The page as it is sent. The last line says that nothing was cut."""
        more = {"first": self.first, "chunk": self.chunk, "indexes": self.indexes, "count": self.count}
        yield _line({"width": self.width, "item": self.item, **{name: value for name, value in more.items() if value}})
        # An image that does not know chunks fails at the other name.
        number = "index" if self.chunk is None and self.count is None else "chunk"
        for index, result in self.results.items():
            value = {"resultRef": result.to_data()} if isinstance(result, TextRef) else {"result": result}
            yield _line({number: index, **value})
        yield _line({"end": True, "continue": self.following})

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Raises ValueError where it is no whole page."""
        try:
            head, *found, last = map(json.loads, text.splitlines())
            if last["end"] is not True:
                raise ValueError("it is cut")
            chunk, count = head.get("chunk"), head.get("count")
            number = "index" if chunk is None and count is None else "chunk"
            return cls(
                results={line[number]: _result(line) for line in found},
                width=head["width"],
                first=head.get("first", 0),
                chunk=chunk,
                indexes=head.get("indexes", ""),
                item=head["item"],
                count=count,
                following=last["continue"],
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"no page of results: {error!r}") from None


def _line(data: dict[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode("ascii") + b"\n"


def _result(data: dict[str, Any]) -> str | TextRef:
    if (ref := data.get("resultRef")) is not None:
        return TextRef.from_data(ref)
    text: str = data["result"]
    return text
