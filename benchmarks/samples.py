"""Statistics of samples, and the order in which they are taken. Pure."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def median(samples: Sequence[float]) -> float:
    return statistics.median(samples)


def percentile(samples: Sequence[float], percent: int) -> float:
    """The value that `percent` (1 to 99) of the samples do not exceed, interpolated between the two nearest."""
    if len(samples) == 1:
        return samples[0]
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]


def interleaved[A, B](
    pairs: int, first: Callable[[], A], second: Callable[[], B], *, before: Callable[[], None] = lambda: None
) -> tuple[list[A], list[B]]:
    """Calls both so often, in turn: ABBAABBA…, so that neither always comes after the other. `before` each pair."""
    a: list[A] = []
    b: list[B] = []
    for number in range(pairs):
        before()
        if number % 2 == 0:
            a.append(first())
            b.append(second())
        else:
            b.append(second())
            a.append(first())
    return a, b


def in_turn[T](
    rounds: int, calls: Sequence[Callable[[], T]], *, before: Callable[[], None] = lambda: None
) -> list[list[T]]:
    """The same for any number: ABCCBAABC… What each of them gave."""
    samples: list[list[T]] = [[] for _ in calls]
    for number in range(rounds):
        before()
        for index in range(len(calls)) if number % 2 == 0 else reversed(range(len(calls))):
            samples[index].append(calls[index]())
    return samples
