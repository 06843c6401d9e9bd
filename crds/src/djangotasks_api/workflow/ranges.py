"""Sets of indexes, written as an Indexed Job writes them: "0-811,813". Both cost by the number of ranges."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, Self

# No leading zeros, so that a set has one text.
_RANGE: Final = re.compile(r"(0|[1-9][0-9]*)(?:-([1-9][0-9]*))?", re.ASCII)


class Indexes:
    """A set of integers from 0 on, as sorted ranges of which no two touch."""

    __slots__ = ("_count", "_firsts", "_lasts")

    def __init__(self, indexes: Iterable[int] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self._count = 0
        for index in indexes:
            self.add(index)

    @classmethod
    def below(cls, width: int) -> Self:
        """Those from 0 to `width`, which is not in."""
        found = cls()
        if width > 0:
            found._firsts, found._lasts, found._count = [0], [width - 1], width
        return found

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "0-811,813". Raises ValueError for anything else, such as ranges out of order."""
        found = cls()
        for part in text.split(",") if text else ():
            if (match := _RANGE.fullmatch(part)) is None:
                raise ValueError(f"{part!r} is no index and no range of indexes")
            first = int(match[1])
            last = first if match[2] is None else int(match[2])
            if last < first or (match[2] is not None and last == first):
                raise ValueError(f"{part!r} is no range: its end must be after its start")
            if found._lasts and first <= found._lasts[-1] + 1:
                raise ValueError(f"{part!r} must begin after the range before it, and a gap")
            found._firsts.append(first)
            found._lasts.append(last)
            found._count += last - first + 1
        return found

    def __str__(self) -> str:
        return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in self.ranges())

    def __repr__(self) -> str:
        return f"Indexes.parse({str(self)!r})"

    def __len__(self) -> int:
        return self._count

    def __contains__(self, index: int) -> bool:
        at = bisect_right(self._firsts, index) - 1
        return at >= 0 and index <= self._lasts[at]

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges():
            yield from range(first, last + 1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Indexes) and self._firsts == other._firsts and self._lasts == other._lasts

    __hash__ = None  # type: ignore[assignment]  # it changes

    def ranges(self) -> Iterator[tuple[int, int]]:
        """The first and the last index of each range, in order."""
        return zip(self._firsts, self._lasts, strict=True)

    def copy(self) -> Self:
        twin = type(self)()
        twin._firsts, twin._lasts, twin._count = [*self._firsts], [*self._lasts], self._count
        return twin

    def without(self, others: Self) -> Self:
        """Those that are not in the other set."""
        found = type(self)()
        for first, last in self.ranges():
            while (first := others.next_absent(first)) <= last:
                at = bisect_right(others._firsts, first)
                end = min(last, others._firsts[at] - 1) if at < len(others._firsts) else last
                found._firsts.append(first)
                found._lasts.append(end)
                found._count += end - first + 1
                first = end + 1
        return found

    def add(self, index: int) -> bool:
        """Add an index. False where it is in."""
        at = bisect_right(self._firsts, index) - 1
        if at >= 0 and index <= self._lasts[at]:
            return False
        joins_left = at >= 0 and self._lasts[at] == index - 1
        joins_right = at + 1 < len(self._firsts) and self._firsts[at + 1] == index + 1
        if joins_left and joins_right:
            self._lasts[at] = self._lasts.pop(at + 1)
            del self._firsts[at + 1]
        elif joins_left:
            self._lasts[at] = index
        elif joins_right:
            self._firsts[at + 1] = index
        else:
            self._firsts.insert(at + 1, index)
            self._lasts.insert(at + 1, index)
        self._count += 1
        return True

    def next_absent(self, index: int) -> int:
        """The first index from this one on that is not in the set."""
        at = bisect_right(self._firsts, index) - 1
        return self._lasts[at] + 1 if at >= 0 and index <= self._lasts[at] else index

    def absent(self, width: int) -> Iterator[int]:
        """The indexes below `width` that are not in the set."""
        index = 0
        while (index := self.next_absent(index)) < width:
            yield index
            index += 1
