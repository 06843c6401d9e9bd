"""File descriptors that are kept for the outcome: a task may leave none, and both ways of the outcome need one."""

import os
from contextlib import suppress


class Spare:
    """A descriptor of a file, from now until release(). None where it cannot be opened."""

    def __init__(self, path: str | os.PathLike[str], flags: int) -> None:
        self._number = -1
        with suppress(OSError):
            self._number = os.open(path, flags)
            self._kept = os.fstat(self._number)

    @property
    def number(self) -> int | None:
        """None where the task has closed it, as what starts a daemon closes all: then the number may be another's."""
        with suppress(OSError):
            if self._number >= 0 and os.path.samestat(os.fstat(self._number), self._kept):
                return self._number
        return None

    def release(self) -> None:
        if (number := self.number) is not None:
            self._number = -1
            os.close(number)
