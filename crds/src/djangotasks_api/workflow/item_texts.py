"""The texts of a list's items, in little more memory than the list itself: there may be 100,000 of them."""

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, batched, islice
from typing import Any, Final, overload

# Lone surrogates are no UTF-8, and may come as well.
_ENCODING: Final = ("utf-8", "surrogatepass")
# Of texts that are taken in together.
_BATCH: Final = 1000


class ItemTexts(Sequence[str]):
    """They are kept one behind the other, with the places where they end: as texts of their own, short ones would take
    ten times as much."""

    __slots__ = ("_ends", "_text")

    def __init__(self, texts: Iterable[str]) -> None:
        joined, self._ends = bytearray(), array("I")
        for batch in batched(texts, _BATCH):
            text = "".join(batch)
            lengths = map(len, batch if text.isascii() else (each.encode(*_ENCODING) for each in batch))
            self._ends.extend(islice(accumulate(lengths, initial=len(joined)), 1, None))
            joined += text.encode(*_ENCODING)
        self._text = bytes(joined)

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[index] for index in range(*at.indices(len(self)))]
        end = self._ends[at]
        at = range(len(self))[at]
        return self._text[self._ends[at - 1] if at else 0 : end].decode(*_ENCODING)

    @property
    def bytes(self) -> int:
        """How much memory they take."""
        return len(self._text) + self._ends.itemsize * len(self._ends)
