"""What a chart consists of, before it is SVG. Pure.

Coordinates are texts: Django writes numbers as the reader's language does, and SVG knows no "1,5".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# Of a mark, beside its colour: what does not succeed is hatched, and what is on its way is dotted.
PATTERNS: Final = {"failed": "hatched", "cancelled": "dotted", "starting": "dotted"}


def coordinate(number: float) -> str:
    """As SVG reads it, of a tenth of a pixel."""
    return f"{number:.1f}".removesuffix(".0")


@dataclass(frozen=True, slots=True)
class Mark:
    """A rectangle."""

    x: str
    y: str
    width: str
    height: str
    kind: str
    title: str = ""

    @property
    def pattern(self) -> str:
        return PATTERNS.get(self.kind, "")


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points."""

    points: str
    kind: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """A text beside an axis."""

    x: str
    y: str
    text: str
    anchor: str = "middle"
    title: str = ""


@dataclass(frozen=True, slots=True)
class Legend:
    kind: str
    text: str

    @property
    def pattern(self) -> str:
        return PATTERNS.get(self.kind, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """All of a picture, and its numbers."""

    id: str
    """Unique in the page."""

    title: str
    """All that it shows in one sentence, for those who do not see it."""

    width: int
    height: int
    marks: Sequence[Mark] = ()
    lines: Sequence[Line] = ()
    labels: Sequence[Label] = ()
    legend: Sequence[Legend] = ()
    caption: str = ""
    headings: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    """The same as a table."""

    nothing: str = ""
    """What is said in place of it, where there is nothing to show."""

    @property
    def patterns(self) -> list[str]:
        """Those of its marks."""
        kinds = {one.kind for one in self.marks} | {one.kind for one in self.legend}
        return sorted({PATTERNS[kind] for kind in kinds if kind in PATTERNS})


def mark(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> Mark:
    return Mark(coordinate(x), coordinate(y), coordinate(width), coordinate(height), kind, title)


def line(points: Sequence[tuple[float, float]], kind: str, title: str = "") -> Line:
    return Line(" ".join(f"{coordinate(x)},{coordinate(y)}" for x, y in points), kind, title)


def label(x: float, y: float, text: str, anchor: str = "middle", title: str = "") -> Label:
    return Label(coordinate(x), coordinate(y), text, anchor, title)
