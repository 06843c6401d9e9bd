"""What is kept of a chunk's items between its attempts."""

from __future__ import annotations

from djangotasks_api.bounds import RESULT_MAX_BYTES
from djangotasks_api.items import ItemError, ItemsReport
from djangotasks_api.models import TaskStatus
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase, Reason
from djangotasks_api.stored import TextRef
from djangotasks_operator.scheduling.limits import Limits
from djangotasks_operator.status.endings import attempt_ended_without_outcome, with_outcome
from djangotasks_operator.status.items import TYPE_MAX_CHARS, items_of, with_items
from tests.support.builders import NOW

AT = "2026-11-23T11:59:59+00:00"
ERRORS = (ItemError(item=2, type="a.B", message="B: \x1b[31mno"),)
LEFT = ItemsReport(completed="0-1", failed="2", errors=ERRORS, result="[1,2,null,null]")
REF = TextRef(storage="tasks", name="djangotasks/shop/receipt.result-1.0.json", size=9, sha256="0" * 64)
AGAIN = Limits(max_attempts=3)


def failed(items: ItemsReport | None = LEFT) -> Outcome:
    return Outcome(started_at=AT, finished_at=AT, reason=Reason.TASK_ERROR, items=items)


def test_what_a_failed_attempt_has_done_is_kept() -> None:
    status = with_outcome("receipt", TaskStatus(), failed(), AGAIN, NOW)
    assert (status.phase, status.result) == (Phase.RETRYING, "[1,2,null,null]")
    assert status.items is not None
    assert (status.items.completed, status.items.failed) == ("0-1", "2")
    assert [error.message for error in status.items.errors] == ["B: no"]


def test_what_is_known_stays_where_an_attempt_says_nothing_of_items() -> None:
    kept = with_outcome("receipt", TaskStatus(), failed(), AGAIN, NOW)
    for status in (
        with_outcome("receipt", kept, failed(None), Limits(), NOW),
        attempt_ended_without_outcome("receipt", kept, Reason.OOM_KILLED, "no", Limits(), NOW),
    ):
        assert status.phase is Phase.FAILED
        assert (status.items, status.result) == (kept.items, kept.result)


def test_a_success_has_the_result_alone() -> None:
    kept = with_outcome("receipt", TaskStatus(), failed(), AGAIN, NOW)
    outcome = Outcome(started_at=AT, finished_at=AT, result="[1,2,3,4]", length=4)
    status = with_outcome("receipt", kept, outcome, AGAIN, NOW)
    assert (status.phase, status.result, status.items) == (Phase.SUCCEEDED, "[1,2,3,4]", None)


def test_results_in_a_storage_are_referenced() -> None:
    status = with_items(TaskStatus(result="[1]"), ItemsReport(completed="0", result_ref=REF))
    assert status.result is None
    assert status.result_ref is not None
    assert status.result_ref.name == REF.name


def test_more_than_a_result_may_have_is_not_kept() -> None:
    assert with_items(TaskStatus(), ItemsReport(completed="0", result="x" * (RESULT_MAX_BYTES + 1))) == TaskStatus()


def test_the_paths_of_classes_are_cut() -> None:
    error = ItemError(item=0, type="x" * 500, message="no")
    found = with_items(TaskStatus(), ItemsReport(failed="0", errors=(error,))).items
    assert found is not None
    assert len(found.errors[0].type) == TYPE_MAX_CHARS


def test_the_next_attempt_gets_what_is_stored() -> None:
    stored = with_items(TaskStatus(), LEFT).model_dump(mode="json", by_alias=True, exclude_none=True)
    assert items_of(stored) == ItemsReport.from_data(
        LEFT.to_data() | {"errors": [{**ERRORS[0].to_data(), "message": "B: no"}]}
    )
    assert items_of({}) == ItemsReport()
