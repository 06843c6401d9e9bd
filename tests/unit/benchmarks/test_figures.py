from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.benchmarks.figures import Figure, table


def figure(**changes: Any) -> Figure:
    return replace(Figure(name="latency", value=1.0, unit="s", baseline=4.0, target=0.4), **changes)


@pytest.mark.parametrize(
    ("changes", "met"),
    [
        ({}, True),
        ({"value": 1.6}, True),
        ({"value": 1.7}, False),
        ({"baseline": None}, False),
        ({"target_of": "value"}, False),
        ({"target_of": "value", "value": 0.3, "baseline": None}, True),
    ],
)
def test_target_is_of_the_ratio_or_the_value(changes: dict[str, Any], met: bool) -> None:
    assert figure(**changes).met is met


def test_json_has_the_agreed_keys_first() -> None:
    line = figure(extra={"p99": 1.23456}).to_json()
    assert list(json.loads(line))[:5] == ["figure", "value", "unit", "baseline", "ratio"]
    assert json.loads(line)["ratio"] == 0.25
    assert json.loads(line)["p99"] == 1.235


def test_table_says_what_was_missed() -> None:
    lines = table([figure(), figure(value=3.0, extra={"writes": {"POST pods": 1.0}})]).splitlines()
    assert len(lines) == 3
    assert "MISSED" not in lines[1]
    assert "MISSED" in lines[2]
    assert lines[2].endswith("writes POST pods=1")


@pytest.mark.parametrize(("value", "met"), [(24.0, True), (23.0, False)])
def test_a_target_may_be_a_least(value: float, met: bool) -> None:
    assert figure(value=value, target=6.0, bound="≥").met is met
