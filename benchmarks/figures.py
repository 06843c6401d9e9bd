"""A measured figure, beside its baseline and its target, as a line of JSON and as a row of the table. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COLUMNS = ("figure", "value", "unit", "baseline", "ratio", "target", "", "more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`target`: what the value, or the ratio to the baseline, should not exceed, or with the bound ≥ should reach.
    `extra`: what else is worth saying."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    target: float
    target_of: Literal["value", "ratio"] = "ratio"
    bound: Literal["≤", "≥"] = "≤"
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        return self.value / self.baseline if self.baseline else None

    @property
    def met(self) -> bool:
        held = self.value if self.target_of == "value" else self.ratio
        return held is not None and (held <= self.target if self.bound == "≤" else held >= self.target)

    def to_json(self) -> str:
        named = {
            "figure": self.name,
            "value": _rounded(self.value),
            "unit": self.unit,
            "baseline": _rounded(self.baseline),
            "ratio": _rounded(self.ratio),
            "target": self.target,
            "target_of": self.target_of,
            "bound": self.bound,
            "met": self.met,
        }
        return json.dumps(named | {key: _rounded(value) for key, value in self.extra.items()}, ensure_ascii=False)

    def row(self) -> tuple[str, ...]:
        return (
            self.name,
            _text(self.value),
            self.unit,
            _text(self.baseline),
            _text(self.ratio),
            f"{self.target_of} {self.bound} {_text(self.target)}",
            "met" if self.met else "MISSED",
            ", ".join(f"{key} {_text(value)}" for key, value in self.extra.items()),
        )


def table(figures: Iterable[Figure]) -> str:
    """Rows in columns; what a figure has to say beside them comes last, as wide as it is."""
    rows = [COLUMNS, *(figure.row() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return value


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={_text(item)}" for key, item in value.items())
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return "-" if value is None else str(value)
