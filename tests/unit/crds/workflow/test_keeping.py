"""Which tasks of a workflow go before it does."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.keeping import Keeping
from djangotasks_api.workflow.plan import Plan
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import Record, StepPhase

LIST = [{"name": "rows", "items": "[1,2,3]"}]
RUNNING, SUCCEEDED, FAILED = StepPhase.RUNNING, StepPhase.SUCCEEDED, StepPhase.FAILED


def made(keep: str, *others: dict[str, Any], **spec: Any) -> Keeping:
    step = {"name": "map", "task": "shop.map", "map": {"list": "rows"}, "keepTasks": keep}
    return Keeping.of(Plan.of({"lists": LIST, "steps": [step, *others]} | spec))


def gone(keeping: Keeping, records: dict[str, Record], *, succeeded: bool = False) -> list[int]:
    tasks = [StepTask("map", number) for number in range(3)]
    found = keeping.removable(tasks, lambda name: records.get(name) or Record(), succeeded=succeeded)
    return [task.number for task in found]


def record(phase: StepPhase, completed: str = "", failed: str = "") -> Record:
    return Record(phase, None, 3, Indexes.parse(completed), Indexes.parse(failed))


@pytest.mark.parametrize(("keep", "expected"), [("Always", []), ("OnFailure", [0]), ("Never", [0, 1])])
def test_what_nobody_reads_goes_at_once(keep: str, expected: list[int]) -> None:
    assert gone(made(keep), {"map": record(RUNNING, "0", "1")}) == expected


READER = {"name": "sum", "task": "shop.sum", "inputs": [{"into": "/args", "step": "map"}]}


@pytest.mark.parametrize(
    ("reader", "phase", "succeeded", "expected"),
    [
        (READER, RUNNING, False, []),
        (READER, FAILED, False, []),  # a retry takes the results again
        (READER, SUCCEEDED, False, [0, 1, 2]),
        (READER | {"runs": "Always"}, SUCCEEDED, False, []),  # it runs in every retry
        (READER | {"runs": "Always"}, SUCCEEDED, True, [0, 1, 2]),
        (READER | {"allowFailure": True}, FAILED, True, [0, 1, 2]),
    ],
)
def test_a_result_stays_until_its_readers_have_succeeded(
    reader: dict[str, Any], phase: StepPhase, succeeded: bool, expected: list[int]
) -> None:
    records = {"map": record(SUCCEEDED, "0-2"), "sum": Record(phase)}
    assert gone(made("OnFailure", reader), records, succeeded=succeeded) == expected


def test_a_result_in_the_output_stays() -> None:
    keeping = made("Never", output={"value": "null", "inputs": [{"into": "", "step": "map"}]})
    assert gone(keeping, {"map": record(SUCCEEDED, "0-2")}, succeeded=True) == []


def test_an_item_goes_once_the_next_lane_has_it() -> None:
    lane = {
        "name": "lane",
        "task": "shop.lane",
        "map": {"each": "map"},
        "payload": '{"args":[null],"kwargs":{}}',
        "inputs": [{"into": "/args/0"}],
    }
    keeping = made("OnFailure", lane)
    records = {"map": record(RUNNING, "0-1"), "lane": record(RUNNING, "1", "0")}
    assert gone(keeping, records) == [1]
    assert keeping.before(StepTask("lane", 1)) == StepTask("map", 1)
    assert keeping.sources("lane") == {"map"}


def test_a_lane_that_takes_no_item_holds_none() -> None:
    lane = {"name": "lane", "task": "shop.lane", "map": {"each": "map"}}
    assert gone(made("OnFailure", lane), {"map": record(RUNNING, "0")}) == [0]


def test_whether_any_goes() -> None:
    assert [made(keep).removes_any for keep in ("Always", "OnFailure", "Never")] == [False, True, True]


CHUNKS = {"inputs": [{"into": "/each"}], "payload": '{"each":null,"args":[]}'}


@pytest.mark.parametrize(
    ("keep", "completed", "failed", "sums", "expected"),
    [
        ("OnFailure", "0-1", "", SUCCEEDED, [0]),
        ("OnFailure", "0", "1", SUCCEEDED, []),
        ("Never", "0", "1", SUCCEEDED, [0]),
        ("Never", "0", "1", RUNNING, []),  # the result of the first item is still to be taken
        ("Never", "", "0-1", RUNNING, [0]),
        ("Never", "0", "", SUCCEEDED, []),  # it is not over
    ],
)
def test_a_chunk_goes_once_none_of_its_items_is_needed(
    keep: str, completed: str, failed: str, sums: StepPhase, expected: list[int]
) -> None:
    step = {"name": "map", "task": "shop.map", "map": {"list": "rows", "chunk": 2}, "keepTasks": keep, **CHUNKS}
    keeping = Keeping.of(Plan.of({"lists": LIST, "steps": [step, READER]}))
    records = {"map": record(RUNNING, completed, failed), "sum": Record(sums)}
    assert [number for number in gone(keeping, records) if number == 0] == expected


def test_the_chunk_before_an_item_is_found() -> None:
    steps = [
        {"name": "map", "task": "shop.map", "map": {"list": "rows", "chunk": 2}, **CHUNKS},
        {"name": "same", "task": "shop.map", "map": {"each": "map", "chunk": 2}, **CHUNKS},
        {"name": "own", "task": "shop.map", "map": {"each": "map"}},
    ]
    keeping = Keeping.of(Plan.of({"lists": LIST, "steps": steps}))
    assert keeping.before(StepTask("same", 1)) == StepTask("map", 1)
    assert keeping.before(StepTask("own", 2)) == StepTask("map", 1)
