from __future__ import annotations

import pytest

from tests.benchmarks.samples import in_turn, interleaved, median, percentile


def test_median_is_the_middle_one() -> None:
    assert median([9.0, 1.0, 2.0]) == 2.0


@pytest.mark.parametrize(("percent", "expected"), [(1, 1.99), (50, 50.5), (90, 90.1), (99, 99.01)])
def test_percentile_interpolates(percent: int, expected: float) -> None:
    samples = [float(number) for number in range(100, 0, -1)]
    assert percentile(samples, percent) == pytest.approx(expected)


def test_percentile_of_one_sample_is_that_sample() -> None:
    assert percentile([7.0], 99) == 7.0


def test_interleaved_alternates_the_order() -> None:
    order: list[str] = []
    firsts, seconds = interleaved(4, lambda: order.append("a"), lambda: order.append("b"))
    assert "".join(order) == "abbaabba"
    assert len(firsts) == len(seconds) == 4


def test_any_number_in_turn() -> None:
    order: list[str] = []

    def call(name: str) -> str:
        order.append(name)
        return name

    taken = in_turn(3, [lambda: call("a"), lambda: call("b"), lambda: call("c")], before=lambda: order.append("|"))
    assert "".join(order) == "|abc|cba|abc"
    assert taken == [["a"] * 3, ["b"] * 3, ["c"] * 3]
