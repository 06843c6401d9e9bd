"""What a task's process costs, read from its own words."""

import json
from typing import Any

import pytest

from django_tasks_kubernetes.presentation.start_costs import (
    MARK,
    Cost,
    NotMeasured,
    columns,
    medians,
    parsed,
    record,
    shown,
)


def mark(**values: Any) -> str:
    return MARK + json.dumps(values)


def imported(own: int, all_: int, depth: int, module: str) -> str:
    return f"import time: {own:9} | {all_:10} | {'  ' * depth}{module}"


LINES = [
    "import time: self [us] | cumulative | imported package",
    imported(9000, 9000, 0, "site"),
    mark(ends="the interpreter", seconds=0.04),
    imported(100, 100, 2, "re"),
    imported(900, 1000, 1, "django.conf"),
    imported(2000, 3000, 0, "django"),
    mark(begins="settings"),
    "a warning of the project's",
    imported(5000, 5000, 1, "psycopg"),
    imported(1000, 6000, 0, "shop.settings"),
    mark(ends="settings", seconds=0.008),
    mark(begins="the app registry"),
    imported(7000, 7000, 0, "shop.models"),
    mark(begins="ready() of shop"),
    imported(3000, 3000, 1, "pandas.core"),
    imported(20000, 23000, 0, "pandas"),
    imported(4000, 4000, 1, "psycopg.pool"),
    imported(500, 4500, 0, "shop.signals"),
    mark(ends="ready() of shop", seconds=0.05),
    mark(ends="the app registry", seconds=0.06),
    mark(done=12.5),
]


def test_no_time_is_in_two_parts() -> None:
    costs = parsed(LINES, ended=12.53)
    found = {name: round(cost.ms, 3) for name, cost in costs.items()}
    assert found == {
        "the interpreter": 40,
        "import the standard library": 0.1,
        "import django": 2.9,
        "settings": 2,
        "import psycopg": 9,
        "import shop": 8.5,
        "import pandas": 23,
        "ready() of shop": 22.5,
        "the app registry": 3,
        "the end of the process": 30,
    }


def test_packages_have_the_module_that_imports_most_of_them() -> None:
    costs = parsed(LINES, ended=12.53)
    assert {name: cost.imported_by for name, cost in costs.items() if cost.imported_by} == {
        "import psycopg": "shop.settings",
    }
    assert costs["import psycopg"].modules == 2
    assert costs["import pandas"].modules == 2


@pytest.mark.parametrize("lines", [[], LINES[:-1], ["Traceback (most recent call last):"]])
def test_process_that_does_not_come_to_the_task(lines: list[str]) -> None:
    with pytest.raises(NotMeasured):
        parsed(lines, ended=1)


def test_parts_are_medians_and_the_dearest_are_first() -> None:
    runs = [
        {"a": Cost(1), "b": Cost(10, 2, "x")},
        {"a": Cost(30), "b": Cost(11)},
        {"a": Cost(2), "c": Cost(1)},
    ]
    assert {name: cost.ms for name, cost in medians(runs).items()} == {"b": 10, "a": 2, "c": 0}
    assert medians(runs)["b"] == Cost(10, 2, "x")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (1, {"a": 50, "all else": 30.6}),
        (2, {"a": 50, "b": 30, "all else": 0.6}),
        (9, {"a": 50, "b": 30, "all else": 0.6}),
        (0, {"a": 50, "b": 30, "c": 0.4, "d": 0.2}),
    ],
)
def test_small_parts_are_shown_together(limit: int, expected: dict[str, float]) -> None:
    costs = {"a": Cost(50), "b": Cost(30), "c": Cost(0.4), "d": Cost(0.2)}
    assert {name: round(cost.ms, 3) for name, cost in shown(costs, limit).items()} == expected


def test_row_and_object_of_a_part() -> None:
    costs = {"import psycopg": Cost(9.04, 2, "shop.settings"), "settings": Cost(1)}
    first, second = columns(costs, 36.16)
    assert first == {
        "PART": "import psycopg",
        "MS": "9.0",
        "SHARE": "25%",
        "MODULES": "2",
        "IMPORTED BY": "shop.settings",
    }
    assert (second["MODULES"], second["SHARE"]) == ("", "3%")
    assert record("settings", costs["settings"]) == {"part": "settings", "ms": 1, "modules": 0, "imported_by": None}
