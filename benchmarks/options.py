"""What the command line says of how much is measured."""

from __future__ import annotations

from dataclasses import dataclass

import click


@dataclass(frozen=True, slots=True)
class Options:
    """`runs`: how many of each, None for a benchmark's own number. `long`: also what takes a quarter of an hour.
    `minutes`: of the soak. `results`: bytes of each result of a backlog of finished tasks, 0 for the backlog of waiting
    ones. `quick`: small ones, to see that a benchmark runs; its figures say nothing."""

    runs: int | None = None
    long: bool = False
    minutes: float = 3.0
    quick: bool = False
    results: int = 0


class Size(click.ParamType[int]):
    """A number of bytes: 1000, 256KiB or 1MiB."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        number, unit = (text.removesuffix("KiB"), 1024) if text.endswith("KiB") else (text.removesuffix("MiB"), 1024**2)
        if not number.isdecimal():
            self.fail(f"{text!r} is no size, such as 256KiB", param, ctx)
        return int(number) * (unit if number != text else 1)
