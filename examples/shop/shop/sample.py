"""Orders to try the shop with: the same ones each time."""

import random
from collections.abc import Iterator

from .summary import HEADER

COUNTRIES = ["AT", "CH", "DE", "FR", "IT", "NL", "PL"]
# One row in this many is bad, each in its way.
BAD_EVERY = 1000
BAD_ROWS = [
    "{number},2026-02-30,DE,10.00",
    "{number},2026-01-01,DE,ten",
    "{number},2026-01-01",
    "{number},2026-01-01,,1.00",
]


def orders_csv(rows: int) -> Iterator[str]:
    """The lines of an export: a header and `rows` orders."""
    chance = random.Random(2026)
    yield ",".join(HEADER) + "\n"
    for n in range(1, rows + 1):
        number = f"A{n:08}"
        if n % BAD_EVERY == 0:
            yield BAD_ROWS[n // BAD_EVERY % len(BAD_ROWS)].format(number=number) + "\n"
            continue
        day = f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        yield f"{number},{day},{chance.choice(COUNTRIES)},{chance.randint(1, 50_000) / 100:.2f}\n"
