"""What the command line says of how much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """`runs`: how many of each, None for a benchmark's own number. `long`: also what takes a quarter of an hour.
    `minutes`: of the soak. `quick`: small ones, to see that a benchmark runs; its figures say nothing."""

    runs: int | None = None
    long: bool = False
    minutes: float = 3.0
    quick: bool = False
