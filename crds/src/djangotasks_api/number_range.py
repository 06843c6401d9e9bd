"""A range of numbers, as bounds are."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers from `least` to `most`, both included."""

    least: int
    most: int

    def __contains__(self, number: float) -> bool:
        return self.least <= number <= self.most

    def __str__(self) -> str:
        return f"from {self.least:,} to {self.most:,}"
