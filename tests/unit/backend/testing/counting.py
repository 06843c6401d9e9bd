"""A store that counts what is read of it."""

from collections.abc import Iterator
from typing import Any


class Counting(dict[str, Any]):
    """How many of its names were read."""

    read = 0

    def items(self) -> Any:
        return self

    def __reversed__(self) -> Iterator[Any]:
        for item in reversed(super().items()):
            self.read += 1
            yield item
