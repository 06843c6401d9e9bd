"""Values that are known only when a workflow runs. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Never

from djangotasks_api.workflow.json_text import pointer

# What has no parts, by its class alone: a list may have 100,000 of them.
PLAIN: Final = frozenset((str, int, float, bool, type(None)))
WORDS: Final = (
    "is known only when the workflow runs. Let a task read it, or map over it with each(); or enqueue another "
    "workflow when it is known"
)


class Later:
    """The result of a step, or a part of it. Statically it has the type of the result."""

    __slots__ = ("home", "is_map", "step", "way")

    def __init__(self, step: str, *, is_map: bool, home: object = None, way: tuple[str | int, ...] = ()) -> None:
        """`home`: the drawing that has the step."""
        self.home = home
        self.step = step
        self.is_map = is_map
        self.way = way

    def __repr__(self) -> str:
        return f"<the result of {self.step}{''.join(f'[{key!r}]' for key in self.way)}>"

    def __getitem__(self, key: str | int) -> "Later":
        if isinstance(key, bool) or not isinstance(key, (str, int)):
            raise TypeError(f"{self!r}: a part of it is taken by a key or a position, not by {key!r}.")
        if isinstance(key, int) and key < 0:
            raise TypeError(f"{self!r} has no position {key}: its length {WORDS}.")
        return Later(self.step, is_map=self.is_map, home=self.home, way=(*self.way, key))

    def check_home(self, drawing: object) -> None:
        """Raises ValueError where its step is one of another workflow, which may well have a step of the same name."""
        if self.home is not drawing:
            raise ValueError(
                f"{self!r} is of another workflow than the one that is drawn. To pass it to a workflow, call that "
                "within this one, without enqueue(); and keep no result of a step for the next time."
            )

    def as_input(self, into: str) -> dict[str, str]:
        """The input that puts it there."""
        return {"into": into, "step": self.step} | ({"pointer": pointer(self.way)} if self.way else {})

    def _unknown(self, *_: object) -> Never:
        raise TypeError(f"{self!r} {WORDS}.")

    # What would silently be wrong, or fail in words that do not help.
    __bool__ = __iter__ = __len__ = __contains__ = __str__ = __format__ = __int__ = __float__ = __index__ = _unknown
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _unknown
    __floordiv__ = __rfloordiv__ = __pow__ = __rpow__ = __mod__ = __rmod__ = __divmod__ = __rdivmod__ = _unknown
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __lshift__ = __rshift__ = _unknown
    __neg__ = __pos__ = __abs__ = __invert__ = __round__ = __complex__ = __bytes__ = __reversed__ = _unknown
    __lt__ = __le__ = __gt__ = __ge__ = _unknown
    __eq__ = __ne__ = _unknown  # a comparison would always say no
    __hash__ = _unknown
    __call__ = __await__ = __aiter__ = __enter__ = __exit__ = __setitem__ = __delitem__ = _unknown

    def __getattr__(self, name: str) -> Never:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"{self!r} {WORDS}. A part of it is taken by its key: [{name!r}].")


def extracted(value: Any, name: str, drawing: object = None) -> tuple[Any, list[dict[str, str]]]:
    """The value with None in the place of each Later, and the inputs that put them there. `name`: what an error calls
    it. `drawing`: where the value is used. Raises ValueError for what is nested too deep, and for a Later of another
    drawing."""
    inputs: list[dict[str, str]] = []

    def walk(part: Any, way: tuple[str | int, ...]) -> Any:
        if isinstance(part, Later):
            part.check_home(drawing)
            inputs.append(part.as_input(pointer(way)))
            return None
        if isinstance(part, Mapping):
            return {key: walk(item, (*way, key)) for key, item in part.items()}
        if isinstance(part, (list, tuple)):
            return [walk(item, (*way, number)) for number, item in enumerate(part)]
        return part

    try:
        return walk(value, ()), inputs
    except RecursionError:
        raise ValueError(f"{name}: it is nested too deep for JSON, or contains itself.") from None


def found_in(value: Any) -> Iterator[Later]:
    """Each Later in a structure."""
    if isinstance(value, Later):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from found_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            if type(item) not in PLAIN:
                yield from found_in(item)
