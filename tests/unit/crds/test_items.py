"""What became of a chunk's items, as pods and the operator tell each other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from djangotasks_api.bounds import ITEM_ERRORS_MAX, ITEM_MESSAGE_MAX_CHARS
from djangotasks_api.failure import ErrorReport
from djangotasks_api.items import ItemError, ItemsReport, kept, to_run
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Reason
from djangotasks_api.report_fields import InvalidReport
from djangotasks_api.stored import TextRef

AT = "2026-11-23T12:00:00+00:00"
ERROR = ItemError(item=3, type="builtins.ValueError", message="ValueError: no")
REF = TextRef(storage="tasks", name="djangotasks/shop/a.result-1.0.json", size=9, sha256="0" * 64)


@pytest.mark.parametrize(
    "report",
    [
        ItemsReport(),
        ItemsReport(completed="0-2,5", failed="3", errors=(ERROR,), result='[1.10,"é"]'),
        ItemsReport(completed="0", result_ref=REF),
    ],
)
def test_a_report_arrives_as_it_was_sent(report: ItemsReport) -> None:
    assert ItemsReport.from_json(report.to_json()) == report


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"completed": "3,1"}, "completed"),
        ({"failed": "x"}, "failed"),
        ({"failed": 7}, "failed"),
        ({"result": [1]}, "result"),
        ({"resultRef": {"storage": ""}}, "resultRef"),
        ({"errors": "no"}, "errors"),
        ({"errors": [{"item": -1, "type": "a", "message": "b"}]}, "an error of an item"),
        ({"errors": [{"item": 1, "message": "b"}]}, "an error of an item"),
    ],
)
def test_a_report_that_is_wrong_is_refused_by_its_field(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidReport, match=words):
        ItemsReport.from_data(ItemsReport().to_data() | change)


def test_errors_are_bounded() -> None:
    many = [{"item": number, "type": "a.B", "message": "x" * 999} for number in range(ITEM_ERRORS_MAX + 1)]
    found = ItemsReport.from_data({"errors": many}).errors
    assert len(found) == ITEM_ERRORS_MAX
    assert len(found[0].message) == ITEM_MESSAGE_MAX_CHARS
    later = [ItemError(item=number, type="a", message="b") for number in (200, *range(ITEM_ERRORS_MAX))]
    assert [error.item for error in kept(later)] == list(range(ITEM_ERRORS_MAX))


@pytest.mark.parametrize(
    ("only", "completed", "failed", "expected"),
    [(None, "", "", "0-9"), (None, "0-3", "5", "4,6-9"), ("2-4", "3", "", "2,4"), ("2", "2", "", "")],
)
def test_an_attempt_runs_what_is_wanted_and_not_over(
    only: str | None, completed: str, failed: str, expected: str
) -> None:
    assert str(to_run(10, only, completed, failed)) == expected


def failed(items: ItemsReport | None) -> Outcome:
    error = ErrorReport(type="a.B", traceback="no\n")
    return Outcome(started_at=AT, finished_at=AT, reason=Reason.TASK_ERROR, error=error, items=items)


def test_an_outcome_that_failed_has_its_items() -> None:
    outcome = failed(ItemsReport(completed="0", failed="1", errors=(ERROR,), result="[1,null]"))
    assert Outcome.from_json(outcome.to_json()) == outcome


def test_an_outcome_whose_items_are_wrong_has_failed_all_the_same() -> None:
    data = json.loads(failed(ItemsReport()).to_json()) | {"items": {"completed": "?"}}
    assert Outcome.from_json(json.dumps(data)) == failed(None)


@pytest.mark.parametrize(("result", "fits"), [("[1]", True), (f'["{"x" * 5000}"]', False)])
def test_items_are_left_out_of_a_termination_message_that_has_no_room(result: str, fits: bool) -> None:
    outcome = failed(ItemsReport(completed="0", result=result))
    assert outcome.fits_termination_message is fits
    left = Outcome.from_termination_message(outcome.to_termination_message("t"), ["t"])
    assert left == (outcome if fits else failed(None))
