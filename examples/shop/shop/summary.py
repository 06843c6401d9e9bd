"""Revenue per country and month from an export of orders, read line by line.

The export is CSV: `order,date,country,amount`, amounts in euro with a point and at most two decimals.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

HEADER = ["order", "date", "country", "amount"]
PROBLEMS_SHOWN = 10

_COUNTRY = re.compile(r"[A-Z]{2}")
# Decimal would also take NaN, 1E+999999 and amounts finer than a cent.
_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,2})?")


@dataclass
class Summary:
    """`problems` has the first bad rows' lines and what is wrong with them; `bad_rows` counts all of them."""

    rows: int = 0
    bad_rows: int = 0
    problems: list[str] = field(default_factory=list)
    revenue: dict[str, dict[str, Decimal]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Decimal)))

    def as_json(self) -> dict[str, Any]:
        """Amounts as text: a JSON number would lose cents."""
        revenue = {
            country: {month: f"{amount:.2f}" for month, amount in sorted(months.items())}
            for country, months in sorted(self.revenue.items())
        }
        return {"rows": self.rows, "bad_rows": self.bad_rows, "problems": self.problems, "revenue": revenue}


def summarise(lines: Iterable[str]) -> Summary:
    """Adds up the good rows, counts and names the bad ones. Raises ValueError when it is no export at all."""
    reader = csv.reader(lines)
    if (header := next(reader, None)) != HEADER:
        raise ValueError(f"not an export of orders: the header is {header}, expected {HEADER}")
    summary = Summary()
    for row in _rows(reader):
        summary.rows += 1
        try:
            if isinstance(row, csv.Error):
                raise row
            country, month, amount = _parse(row)
        except (ValueError, csv.Error) as error:
            summary.bad_rows += 1
            if len(summary.problems) < PROBLEMS_SHOWN:
                summary.problems.append(f"line {reader.line_num}: {error}")
        else:
            summary.revenue[country][month] += amount
    return summary


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str] | csv.Error]:
    """The rows, with the error in the place of a row that is not CSV: a `for` over the reader would end there."""
    while True:
        try:
            yield next(reader)
        except csv.Error as error:
            yield error
        except StopIteration:
            return


def _parse(row: list[str]) -> tuple[str, str, Decimal]:
    if len(row) != len(HEADER):
        raise ValueError(f"{len(row)} columns instead of {len(HEADER)}")
    _, day, country, amount = row
    if not _COUNTRY.fullmatch(country):
        raise ValueError(f"country {country[:20]!r}")
    if not _AMOUNT.fullmatch(amount):
        raise ValueError(f"amount {amount[:20]!r}")
    try:
        month = date.fromisoformat(day)
    except ValueError:
        raise ValueError(f"date {day[:20]!r}") from None
    return country, f"{month:%Y-%m}", Decimal(amount)
