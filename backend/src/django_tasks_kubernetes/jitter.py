"""Random delays, so that not all processes ask at the same time."""

import random
from typing import Final

# Apart from the generator that all of the process share: a task that seeds that one gets the numbers that it expects,
# whatever threads of this package do meanwhile.
_OWN: Final = random.Random()  # noqa: S311 - no secret


def between(shortest: float, longest: float) -> float:
    """Seconds between these two."""
    return _OWN.uniform(shortest, longest)


def backoff(first: float, tries: int, longest: float) -> float:
    """Seconds until the next try, after so many: of 0 to `first`, then twice as many each time, up to `longest`."""
    return between(0, min(longest, first * 2**tries))
