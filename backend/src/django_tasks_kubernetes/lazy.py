"""Values that are read when somebody looks at them."""

from collections.abc import Callable
from typing import Any


class LazyValue:
    """A value that is elsewhere, read on first access. Copies and pickles hold the value."""

    __slots__ = ("_read", "_value", "_where")

    def __init__(self, read: Callable[[], Any], where: str = "in a storage") -> None:
        self._read: Callable[[], Any] | None = read
        self._value: Any = None
        self._where = where

    @property
    def value(self) -> Any:
        """Raises what reading raises, each time it is tried."""
        # Once: another thread may read it meanwhile, and take it away.
        if (read := self._read) is not None:
            self._value, self._read = read(), None
        return self._value

    def __repr__(self) -> str:
        return f"<{self._where}>" if self._read is not None else repr(self._value)

    def __deepcopy__(self, memo: Any) -> Any:
        from copy import deepcopy

        return deepcopy(self.value, memo)

    def __reduce__(self) -> Any:
        return _itself, (self.value,)


def _itself(value: Any) -> Any:
    return value


def value_of(value: Any) -> Any:
    return value.value if isinstance(value, LazyValue) else value
