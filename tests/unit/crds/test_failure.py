"""An exception as data."""

from typing import Any

import pytest

from djangotasks_api.failure import ErrorReport

TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1\nx.Y: boom\n'
ERROR = ErrorReport(type="shop.Refused", traceback="Traceback …\nshop.Refused: no\n", message="shop.Refused: no")


@pytest.mark.parametrize("error", [ERROR, ErrorReport(type="x.Y", traceback="")])
def test_an_error_survives_the_journey(error: ErrorReport) -> None:
    assert ErrorReport.from_data(error.to_data()) == error


@pytest.mark.parametrize("more", [{"message": 7}, {"message": None, "severity": "high"}])
def test_an_error_drops_what_it_does_not_know(more: dict[str, Any]) -> None:
    assert ErrorReport.from_data({"type": "x.Y", "traceback": "z"} | more) == ErrorReport(type="x.Y", traceback="z")


@pytest.mark.parametrize("data", [None, [], {}, {"type": "x.Y"}, {"type": 1, "traceback": "z"}])
def test_an_error_needs_a_type_and_a_traceback(data: Any) -> None:
    with pytest.raises(ValueError, match="error must have a type and a traceback"):
        ErrorReport.from_data(data)


def test_the_headline_of_an_older_runner_is_that_of_the_traceback() -> None:
    assert ERROR.headline == "shop.Refused: no"
    assert ErrorReport(type="x.Y", traceback=TRACEBACK).headline == "x.Y: boom"


def test_an_error_within_a_limit_keeps_its_type() -> None:
    short = ErrorReport(type="x" * 300, traceback="y" * 10_000, message="z" * 500).within(1_000)
    assert (len(short.type), len(short.message or "")) == (200, 100)
    assert len(short.traceback) < 1_100
