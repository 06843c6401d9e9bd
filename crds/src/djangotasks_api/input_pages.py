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

    item: int | None = None
    """The item of that one which the input is; None for the whole."""

    following: str | None = None
    """What to ask for the next page with. None on the last one."""

    def lines(self) -> Iterator[bytes]:
        """The page as it is sent. The last line says that nothing was cut."""
        yield _line({"width": self.width, "item": self.item})
        for index, result in self.results.items():
            value = {"resultRef": result.to_data()} if isinstance(result, TextRef) else {"result": result}
            yield _line({"index": index, **value})
        yield _line({"end": True, "continue": self.following})

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Raises ValueError where it is no whole page."""
        try:
            head, *found, last = map(json.loads, text.splitlines())
            if last["end"] is not True:
                raise ValueError("it is cut")
            return cls(
                results={line["index"]: _result(line) for line in found},
                width=head["width"],
                item=head["item"],
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
