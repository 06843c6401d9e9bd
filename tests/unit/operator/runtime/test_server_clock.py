"""The operator goes by the API server's clock, whatever its own machine's shows."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest

from djangotasks_operator.runtime.server_clock import PRECISION, TOLERANCE, ServerClock
from tests.support.builders import NOW


class Machine:
    """`skew`: by how many seconds its clock is ahead of the API server's."""

    def __init__(self, skew: float) -> None:
        self.skew, self.passed = skew, 0.0
        self.clock = ServerClock(lambda: self.true() + timedelta(seconds=self.skew))

    def true(self) -> datetime:
        return NOW + timedelta(seconds=self.passed)

    def ask(self, there: float = 0.01, back: float = 0.01) -> None:
        """A request, which takes so many seconds to the API server, and its answer so many back."""
        asked_at = self.clock.own()
        self.passed += there
        date = format_datetime(self.true(), usegmt=True)
        self.passed += back
        self.clock.observe(date, asked_at)

    def wrong(self) -> timedelta:
        return abs(self.clock.now() - self.true())


@pytest.mark.parametrize("skew", [0, 1, -1, 1.9, -1.9])
def test_clocks_that_hardly_differ_are_left_alone(skew: float) -> None:
    machine = Machine(skew)
    for _ in range(50):
        machine.ask(there=0.4, back=0.3)
        assert machine.clock.ahead == timedelta()


@pytest.mark.parametrize("skew", [5, -5, 180, -180, 86400 * 400, -86400 * 400])
def test_a_wrong_clock_is_set_right_by_the_first_answer(skew: float) -> None:
    machine = Machine(skew)
    machine.ask()
    assert machine.wrong() <= PRECISION


def test_it_stays_where_it_is_while_it_may_be_right() -> None:
    machine = Machine(180)
    machine.ask()
    ahead = machine.clock.ahead
    for seconds in range(50):
        machine.ask(there=seconds / 7, back=seconds / 5)
        assert machine.clock.ahead == ahead


def test_an_answer_that_took_long_says_little() -> None:
    machine = Machine(180)
    machine.ask()
    machine.ask(there=600, back=0)
    machine.ask(there=0, back=600)
    assert machine.wrong() <= PRECISION + TOLERANCE


def test_a_clock_that_is_set_right_counts_again(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine(180)
    machine.ask()
    machine.skew = 0
    machine.passed += 5
    machine.ask()
    assert machine.clock.ahead == timedelta()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "this machine's is +180 s off" in caplog.text or "this machine's is +179 s off" in caplog.text


@pytest.mark.parametrize(
    "date", [None, "", "yesterday", "Mon, 99 Foo 0000 00:00:00 GMT", "Thu, 01 Jan 99999 00:00:00 GMT"]
)
def test_a_header_that_is_none_changes_nothing(date: str | None) -> None:
    machine = Machine(180)
    machine.clock.observe(date, machine.clock.own())
    assert machine.clock.ahead == timedelta()
