"""The engine's decisions, case by case. That they hold together is in test_engine_properties."""

from __future__ import annotations

import pytest

from djangotasks_api.workflow.engine import Engine, StepTask
from djangotasks_api.workflow.graph import Graph, Runs, Step
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import Record, StepPhase, StepReason, WorkflowPhase

DONE = Record(phase=StepPhase.SUCCEEDED, width=1, completed=Indexes([0]))


def engine(*steps: Step, records: dict[str, Record] | None = None, window: int = 100) -> Engine:
    return Engine(Graph(steps), records, window=window)


def advance(engine: Engine) -> list[str]:
    """Record everything, and return what is created."""
    engine.settle()
    engine.recorded()
    return [f"{step}-{index}" for step, index in engine.create()]


def test_nothing_is_created_because_of_what_is_not_recorded() -> None:
    found = engine(Step(name="a"), Step(name="b", after=("a",)))
    assert list(found.settle()) == ["a"]
    assert found.create() == []
    found.recorded()
    assert found.create() == [StepTask("a", 0)]
    found.ended("a", 0, succeeded=True)
    found.settle()
    assert found.is_urgent
    assert found.create() == []


def test_a_map_goes_on_while_only_its_ends_are_not_recorded() -> None:
    found = engine(Step(name="map", items=3, max_parallel=1))
    assert advance(found) == ["map-0"]
    found.ended("map", 0, succeeded=True)
    assert list(found.settle()) == ["map"]
    assert not found.is_urgent
    assert found.create() == [StepTask("map", 1)]


def test_an_item_follows_once_its_upstream_is_recorded() -> None:
    found = engine(Step(name="map", items=3, max_parallel=1), Step(name="lane", each="map"))
    assert advance(found) == ["map-0"]
    found.ended("map", 0, succeeded=True)
    found.settle()
    assert found.is_urgent
    assert found.create() == [StepTask("map", 1)]
    found.recorded()
    assert found.create() == [StepTask("lane", 0)]


def test_a_chain_runs_step_by_step() -> None:
    found = engine(Step(name="a"), Step(name="b", after=("a",)))
    assert advance(found) == ["a-0"]
    assert advance(found) == []
    found.ended("a", 0, succeeded=True)
    assert advance(found) == ["b-0"]
    assert found.progress() == (1, 2)
    found.ended("b", 0, succeeded=True)
    assert advance(found) == []
    assert found.ending() is WorkflowPhase.SUCCEEDED
    assert found.progress() == (2, 2)


def test_an_empty_map_succeeds_at_once() -> None:
    found = engine(Step(name="map", items=0), Step(name="lane", each="map"), Step(name="sum", after=("lane",)))
    assert advance(found) == ["sum-0"]


def test_a_map_over_a_result_waits_for_its_length() -> None:
    found = engine(Step(name="a"), Step(name="map", over="a"), Step(name="again", over="a"), records={"a": DONE})
    assert advance(found) == []
    assert found.unmeasured() == ["a"]
    found.measured("a", 2)
    assert found.unmeasured() == []
    assert advance(found) == ["again-0", "again-1", "map-0", "map-1"]


def test_a_map_over_what_is_no_list_fails() -> None:
    found = engine(Step(name="a"), Step(name="map", over="a"), records={"a": DONE})
    found.settle()
    found.measured("a", None)
    assert found.settle()["map"].reason is StepReason.NOT_A_LIST
    assert found.ending() is WorkflowPhase.FAILED
    assert found.failures() == ["map"]


def test_items_go_through_their_lanes_one_by_one() -> None:
    found = engine(Step(name="first", items=3), Step(name="second", each="first"), window=2)
    assert advance(found) == ["first-0", "first-1"]
    found.ended("first", 1, succeeded=True)
    assert advance(found) == ["second-1"]  # before the item 2 is begun
    found.ended("first", 0, succeeded=False)
    assert advance(found) == ["first-2"]
    found.ended("second", 1, succeeded=True)
    found.ended("first", 2, succeeded=True)
    assert advance(found) == ["second-2"]
    found.ended("second", 2, succeeded=True)
    advance(found)
    assert found.record("first").phase is StepPhase.FAILED
    assert found.record("second") == Record(
        StepPhase.SKIPPED, StepReason.UPSTREAM_FAILED, 3, Indexes([1, 2]), Indexes()
    )


@pytest.mark.parametrize(("failed", "created"), [(1, ["map-2"]), (2, [])])
def test_an_early_stop_creates_no_more_once_too_many_failed(failed: int, created: list[str]) -> None:
    found = engine(Step(name="map", items=9, max_failed=1, fail_fast=True, max_parallel=2))
    assert advance(found) == ["map-0", "map-1"]
    for index in range(failed):
        found.ended("map", index, succeeded=False)
    assert advance(found)[:1] == created
    assert found.record("map").phase is (StepPhase.FAILED if failed == 2 else StepPhase.RUNNING)


def test_what_follows_an_early_stop_does_not_wait_for_ever() -> None:
    found = engine(Step(name="map", items=9, fail_fast=True, max_parallel=1), Step(name="lane", each="map"))
    advance(found)
    found.ended("map", 0, succeeded=False)
    advance(found)
    assert found.ending() is WorkflowPhase.FAILED
    assert found.record("lane").phase is StepPhase.SKIPPED


def test_a_handler_runs_and_does_not_undo_the_failure() -> None:
    found = engine(
        Step(name="a"),
        Step(name="b", after=("a",)),
        Step(name="alert", after=("b",), runs=Runs.ON_FAILURE),
        Step(name="clean", after=("b",), runs=Runs.ALWAYS),
    )
    advance(found)
    found.ended("a", 0, succeeded=False)
    assert advance(found) == ["clean-0", "alert-0"]
    assert found.record("b").reason is StepReason.UPSTREAM_FAILED
    for step in ("alert", "clean"):
        found.ended(step, 0, succeeded=True)
    advance(found)
    assert found.ending() is WorkflowPhase.FAILED


def test_a_handler_that_is_not_needed_is_skipped() -> None:
    found = engine(Step(name="a"), Step(name="alert", after=("a",), runs=Runs.ON_FAILURE), records={"a": DONE})
    advance(found)
    assert found.record("alert").reason is StepReason.NOT_NEEDED
    assert found.ending() is WorkflowPhase.SUCCEEDED


def test_a_deleted_task_that_was_not_over_is_created_again() -> None:
    found = engine(Step(name="a"))
    advance(found)
    found.gone("a", 0)
    assert advance(found) == ["a-0"]


def test_a_deleted_task_that_was_over_is_not() -> None:
    found = engine(Step(name="a"))
    advance(found)
    found.ended("a", 0, succeeded=True)
    found.gone("a", 0)
    assert advance(found) == []
    assert found.ending() is WorkflowPhase.SUCCEEDED


def test_an_end_counts_once() -> None:
    found = engine(Step(name="map", items=3))
    advance(found)
    for _ in range(3):
        found.ended("map", 0, succeeded=True)
    found.ended("map", 0, succeeded=False)
    assert found.active == 2
    assert found.record("map").completed == Indexes([0])
    assert not found.record("map").failed


def test_a_stop_waits_for_what_runs_and_then_cleans_up() -> None:
    found = engine(Step(name="a"), Step(name="b", after=("a",)), Step(name="clean", after=("b",), runs=Runs.ALWAYS))
    advance(found)
    found.stop(StepReason.CANCEL_REQUESTED)
    assert advance(found) == []
    assert found.record("a").phase is StepPhase.RUNNING
    found.ended("a", 0, succeeded=False)
    assert advance(found) == ["clean-0"]
    assert found.record("a").reason is StepReason.CANCEL_REQUESTED
    found.ended("clean", 0, succeeded=True)
    advance(found)
    assert found.ending() is WorkflowPhase.CANCELLED


def test_a_restart_goes_on_from_what_is_recorded() -> None:
    record = Record(phase=StepPhase.RUNNING, width=5, completed=Indexes([0, 1]), failed=Indexes([3]))
    found = engine(Step(name="map", items=5, max_failed=1), Step(name="lane", each="map"), records={"map": record})
    found.started("map", 2)
    assert advance(found) == ["lane-0", "lane-1", "map-4"]


def test_a_cause_other_than_the_task_is_kept() -> None:
    found = engine(Step(name="a"))
    advance(found)
    found.ended("a", 0, succeeded=False, reason=StepReason.INPUT_UNAVAILABLE)
    assert found.settle()["a"].reason is StepReason.INPUT_UNAVAILABLE


def test_a_chunk_is_one_task_and_its_indexes_are_recorded() -> None:
    found = engine(Step(name="map", items=5, chunk=2, max_failed=1, max_parallel=2))
    assert advance(found) == ["map-0", "map-1"]
    found.ended("map", 0, succeeded=False, completed=Indexes([1]))
    found.ended("map", 1, succeeded=True)
    assert advance(found) == ["map-2"]
    record = found.record("map")
    assert (str(record.completed), str(record.failed), found.progress()) == ("1-3", "0", (4, 5))
    found.ended("map", 2, succeeded=True)
    assert advance(found) == []
    assert (found.record("map").phase, found.ending()) == (StepPhase.SUCCEEDED, WorkflowPhase.SUCCEEDED)


def test_a_chunk_follows_the_one_before_it_once_that_is_recorded() -> None:
    found = engine(
        Step(name="map", items=4, chunk=2, max_failed=9), Step(name="lane", each="map", chunk=2, max_failed=9)
    )
    assert advance(found) == ["map-0", "map-1"]
    found.ended("map", 1, succeeded=False, completed=Indexes([0]))
    found.settle()
    assert found.is_urgent
    assert found.create() == []
    found.recorded()
    assert found.expected_active() == 2
    assert found.create() == [StepTask("lane", 1)]
    found.ended("lane", 1, succeeded=True)
    found.ended("map", 0, succeeded=False)
    assert advance(found) == []
    assert (str(found.record("lane").completed), found.record("lane").phase) == ("2", StepPhase.SUCCEEDED)


def test_each_item_of_a_chunk_may_be_followed_by_a_task_of_its_own() -> None:
    found = engine(Step(name="map", items=4, chunk=2, max_failed=9), Step(name="lane", each="map", max_failed=9))
    advance(found)
    found.ended("map", 1, succeeded=False, completed=Indexes([0]))
    assert advance(found) == ["lane-2"]


@pytest.mark.parametrize("completed", ["0", "0-2"])
def test_a_retry_runs_the_rest_of_a_chunk(completed: str) -> None:
    steps = Step(name="map", items=4, chunk=2), Step(name="lane", each="map", chunk=2)
    records = {"map": Record(completed=Indexes.parse(completed))}
    found = engine(*steps, records=records)
    left = 2 - len(Indexes.parse(completed)) // 2
    created = advance(found)
    assert [name for name in created if name.startswith("map")] == ["map-0", "map-1"][2 - left :]
    assert ("lane-0" in created + advance(found)) is (completed == "0-2")


def test_a_chunk_that_is_gone_is_created_again() -> None:
    found = engine(Step(name="map", items=3, chunk=2))
    advance(found)
    found.gone("map", 0)
    assert advance(found) == ["map-0"]
    found.ended("map", 0, succeeded=True)
    found.ended("map", 0, succeeded=False)
    found.gone("map", 0)
    assert (advance(found), str(found.record("map").completed)) == ([], "0-1")
