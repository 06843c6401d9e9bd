"""The report's arithmetic: exact, whatever is in the file, and without holding the file."""

import tracemalloc
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop.sample import BAD_EVERY, orders_csv
from shop.summary import PROBLEMS_SHOWN, Summary, summarise

HEADER = "order,date,country,amount\n"


def summary_of(*rows: str) -> Summary:
    return summarise([HEADER, *(f"{row}\n" for row in rows)])


def test_adds_up_by_country_and_month() -> None:
    summary = summary_of(
        "A1,2026-01-31,DE,0.10", "A2,2026-01-01,DE,0.20", "A3,2026-02-01,DE,5", "A4,2026-01-01,FR,-1.5"
    )
    assert summary.as_json() == {
        "rows": 4,
        "bad_rows": 0,
        "problems": [],
        "revenue": {"DE": {"2026-01": "0.30", "2026-02": "5.00"}, "FR": {"2026-01": "-1.50"}},
    }


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("A1,2026-01-01,DE", "3 columns instead of 4"),
        ("A1,2026-01-01,DE,1.00,", "5 columns instead of 4"),
        ("", "0 columns instead of 4"),
        ("A1,2026-02-30,DE,1.00", "date '2026-02-30'"),
        ("A1,01/02/2026,DE,1.00", "date '01/02/2026'"),
        ("A1,2026-01-01,de,1.00", "country 'de'"),
        ("A1,2026-01-01,,1.00", "country ''"),
        ("A1,2026-01-01,DE,", "amount ''"),
        ("A1,2026-01-01,DE,NaN", "amount 'NaN'"),
        ("A1,2026-01-01,DE,1E+999999", "amount '1E+999999'"),
        ("A1,2026-01-01,DE,0.001", "amount '0.001'"),
        ('A1,2026-01-01,DE,"1,00"', "amount '1,00'"),
        ("A1,2026-01-01,DE,١", "amount '١'"),
        ("A1,2026-01-01,D\ufffd,1.00", "country 'D\ufffd'"),
        (f"A1,2026-01-01,DE,{'9' * 200_000}", "field larger than field limit (131072)"),
    ],
)
def test_a_bad_row_is_counted_and_reported_and_the_rest_still_adds_up(row: str, problem: str) -> None:
    summary = summary_of("A0,2026-01-01,DE,1.00", row, "A2,2026-01-01,DE,2.00")
    assert summary.as_json() == {
        "rows": 3,
        "bad_rows": 1,
        "problems": [f"line 3: {problem}"],
        "revenue": {"DE": {"2026-01": "3.00"}},
    }


def test_only_the_first_problems_are_reported() -> None:
    summary = summary_of(*["nonsense"] * 50)
    assert (summary.bad_rows, len(summary.problems)) == (50, PROBLEMS_SHOWN)


@pytest.mark.parametrize("lines", [[], ["\n"], ["%PDF-1.7\n"], ["date,order,country,amount\n"]])
def test_a_file_that_is_no_export_is_refused(lines: list[str]) -> None:
    with pytest.raises(ValueError, match="not an export of orders"):
        summarise(lines)


@given(st.lists(st.integers(min_value=-(10**14) + 1, max_value=10**14 - 1)))
def test_no_cent_is_lost(amounts: list[int]) -> None:
    rows = [
        f"A1,2026-01-01,DE,{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}" for cents in amounts
    ]
    summary = summary_of(*rows)
    assert summary.bad_rows == 0
    assert sum(summary.revenue["DE"].values()) * 100 == sum(amounts)


def test_the_sample_adds_up_as_whole_cents_do() -> None:
    rows = 3 * BAD_EVERY
    expected: Counter[tuple[str, str]] = Counter()
    for line in orders_csv(rows):
        match line.strip().split(","):
            case [_, day, country, amount] if amount.replace(".", "").isdecimal() and country and "02-30" not in day:
                expected[country, day[:7]] += int(amount.replace(".", ""))
    summary = summarise(orders_csv(rows))
    assert (summary.rows, summary.bad_rows) == (rows, 3)
    assert {(c, m): int(v * 100) for c, months in summary.revenue.items() for m, v in months.items()} == expected


@pytest.mark.thorough
def test_memory_does_not_grow_with_the_file() -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        summarise(orders_csv(rows))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(100)  # the first run also imports and compiles
    assert peak(4_000) < peak(1_000) + 64 * 1024
