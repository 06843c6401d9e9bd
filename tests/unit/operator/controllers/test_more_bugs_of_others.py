"""More of what went wrong with the workflows and schedules of other systems, as their users reported it: what follows a
map, what a retry begins with, and the runs of a schedule that are deleted, late, or stuck."""

from __future__ import annotations

import pytest

from djangotasks_api.names import SCHEDULE_PLURAL, TASK_PLURAL, scheduled_task_name
from djangotasks_api.workflow.records import WorkflowPhase
from tests.unit.operator.controllers.scheduled_times import FIRST, MINUTE, condition, end, task_names, to
from tests.unit.operator.harness import InMemoryOperator
from tests.unit.operator.workflow_stage import WorkflowStage, mapped, step

FIRST_NAME = scheduled_task_name("nightly", FIRST)


@pytest.mark.parametrize("runs", ["OnSuccess", "OnFailure", "Always"])
def test_what_follows_a_map_waits_for_all_of_it(runs: str) -> None:
    """airflow#38450: a map was taken for failed with the first of its tasks, and what followed began."""
    stage = WorkflowStage(step("map", map={"list": "list"}), step("next", after=["map"], runs=runs), lists=[mapped(3)])
    stage.end("map-00001", None)
    stage.end("map-00000")
    assert stage.tasks() == ["map-00002"]
    stage.end("map-00002")
    assert stage.tasks() == ([] if runs == "OnSuccess" else ["next"])


def test_a_clean_up_after_a_map_over_nothing_runs() -> None:
    """airflow#33078: it was skipped."""
    stage = WorkflowStage(
        step("map", map={"list": "list"}), step("clean", after=["map"], runs="Always"), lists=[mapped(0)]
    )
    assert stage.tasks() == ["clean"]


def test_nothing_is_decided_of_a_map_whose_width_is_not_known() -> None:
    """airflow#39801, #57474: what follows a map over a result was skipped, or failed, before that result was there."""
    stage = WorkflowStage(
        step("list"),
        step("map", None, map={"over": "list"}, inputs={"/args/0": None}),
        step("lane", map={"each": "map"}),
        step("next", after=["lane"]),
        step("clean", after=["lane"], runs="Always"),
    )
    stage.operator.wait(60)
    assert (stage.tasks(), set(stage.phases())) == (["list"], {"list"})
    stage.end("list", "[1]")
    stage.end("map-00000")
    stage.end("lane-00000")
    assert stage.tasks() == ["clean", "next"]


def test_a_clean_up_takes_what_is_not_there_as_null() -> None:
    """airflow#51320: one that took the result of a step that was skipped failed itself."""
    stage = WorkflowStage(
        step("a"), step("b", after=["a"]), step("clean", None, inputs={"/args/0": "b"}, runs="Always")
    )
    stage.end("a", None)
    assert stage.payload("clean") == '{"args":[null],"kwargs":{}}'
    stage.end("clean")
    assert stage.phases()["clean"] == "Succeeded"


def test_a_handler_sees_a_failure_in_the_middle_of_lanes() -> None:
    """airflow#34023, #30333: within a mapped group it was skipped at once."""
    stage = WorkflowStage(
        step("a", map={"list": "list"}),
        step("b", map={"each": "a"}),
        step("c", map={"each": "b"}),
        step("alert", after=["c"], runs="OnFailure"),
        lists=[mapped(2)],
    )
    for task in ("a-00000", "a-00001", "b-00000", "c-00000"):
        stage.end(task)
    assert stage.tasks() == ["b-00001"]
    stage.end("b-00001", None)
    assert stage.tasks() == ["alert"]


def test_a_retry_maps_over_what_the_first_one_never_came_to() -> None:
    """dagster#30248: a run that failed before its map was retried without the map."""
    stage = WorkflowStage(
        step("a"),
        step("list", after=["a"]),
        step("map", None, map={"over": "list"}, inputs={"/args/0": None}),
        step("sum", None, inputs={"/args/0": "map"}),
    )
    stage.end("a", None)
    assert stage.phase is WorkflowPhase.FAILED
    retry = stage.retry("again")
    retry.end("a")
    retry.end("list", "[7,8]")
    assert retry.tasks() == ["map-00000", "map-00001"]
    retry.end("map-00000", "1")
    retry.end("map-00001", "2")
    assert retry.payload("sum") == '{"args":[[1,2]],"kwargs":{}}'


def test_a_retry_runs_what_ran_and_what_had_not_begun() -> None:
    """dagster#19490, #20925, #30077: of a map that was stopped, items that ran, or waited, were left out."""
    stage = WorkflowStage(
        step("map", map={"list": "list"}, maxParallel=2),
        step("sum", None, inputs={"/args/0": "map"}),
        lists=[mapped(4)],
    )
    stage.end("map-00000", "10")
    assert stage.tasks() == ["map-00001", "map-00002"]
    stage.change(cancel=True)
    stage.operator.wait(60)
    assert stage.phase is WorkflowPhase.CANCELLED
    retry = stage.retry("again", maxParallel=200)
    for number in (1, 2, 3):
        retry.end(f"map-{number:05}", f"1{number}")
    assert retry.payload("sum") == '{"args":[[10,11,12,13]],"kwargs":{}}'


def test_a_chain_that_breaks_in_a_group_ends_the_whole() -> None:
    """celery#6220, #6792, #9674, #4834: the body waited for ever, or the error was one of the library's own."""
    stage = WorkflowStage(
        step("a1"),
        step("a2", after=["a1"]),
        step("b"),
        step("body", None, None, inputs={"/args/0": "a2", "/args/1": "b"}),
        step("after", after=["body"]),
        step("alert", after=["after"], runs="OnFailure"),
    )
    stage.end("a1", None)
    stage.end("b")
    assert stage.tasks() == ["alert"]
    stage.end("alert")
    assert stage.phase is WorkflowPhase.FAILED
    assert stage.status["message"] == "a1: flow-a1 is Failed, TaskError: ValueError: no"


@pytest.mark.parametrize("policy", ["Forbid", "Queue", "Replace"])
def test_a_run_that_was_deleted_holds_up_no_other(operator: InMemoryOperator, policy: str) -> None:
    """argo#2297, #5024: the schedule waited for a run that was gone, or failed to stop it, and never ran again."""
    operator.put_schedule(concurrencyPolicy=policy)
    to(operator, 5)
    operator.server.remove(TASK_PLURAL, FIRST_NAME)
    operator.relist()
    to(operator, 65)
    assert task_names(operator) == [scheduled_task_name("nightly", FIRST + MINUTE)]


def test_a_run_that_ends_while_it_is_replaced_is_replaced(operator: InMemoryOperator) -> None:
    """argo#11377: one that had ended in that moment could not be stopped, and the next one was never made."""
    operator.put_schedule(concurrencyPolicy="Replace")
    to(operator, 5)

    before = operator.api.before_request

    def ends(request: str) -> None:
        if request == f"patch djangotasks {FIRST_NAME}":
            operator.api.before_request = before
            operator.server.update(TASK_PLURAL, FIRST_NAME, {"status": {"phase": "Succeeded", "result": "1"}})

    operator.api.before_request = ends
    to(operator, 65)
    operator.relist()
    operator.wait(10)
    assert scheduled_task_name("nightly", FIRST + MINUTE) in task_names(operator)


def test_runs_that_cannot_begin_are_one(operator: InMemoryOperator) -> None:
    """kubernetes#58748, argo#12778: with Forbid, runs that could not start piled up."""
    operator.put_queue("full", suspended=True)
    operator.put_schedule(task={"task": "a.b", "queue": "full"})
    to(operator, 10 * 60)
    assert task_names(operator) == [FIRST_NAME]


def test_a_run_that_ran_too_long_holds_up_no_other(operator: InMemoryOperator) -> None:
    """argo#10683."""
    operator.put_schedule()
    to(operator, 5)
    change = {"status": {"phase": "Failed", "reason": "DeadlineExceeded"}}
    operator.server.update(TASK_PLURAL, FIRST_NAME, change)
    operator.relist()
    to(operator, 65)
    assert len(task_names(operator)) == 2


def test_a_time_that_was_left_out_is_not_made_good_later(operator: InMemoryOperator) -> None:
    """argo#7682: with Forbid, a run of 10:55 began at 11:23, as soon as the one before had ended."""
    operator.put_schedule(cron=[f"{FIRST.minute},{FIRST.minute + 1} * * * *"])
    to(operator, 65)
    end(operator, FIRST_NAME)
    to(operator, 20 * 60)
    assert task_names(operator) == [FIRST_NAME]


def test_schedules_of_one_expression_all_run(operator: InMemoryOperator) -> None:
    """prefect#17494, django-celery-beat#140: one of two, or the one in another zone, took the other's place."""
    for name, zone in (("one", "UTC"), ("two", "UTC"), ("three", "Europe/Madrid")):
        operator.put_schedule(name, cron=["* * * * *"], timeZone=zone)
    to(operator, 5)
    names = (scheduled_task_name(name, FIRST) for name in ("one", "two", "three"))
    assert set(operator.names(TASK_PLURAL)) == set(names)


def test_a_schedule_that_is_deleted_makes_no_more(operator: InMemoryOperator) -> None:
    """keda#1247: what was deleted went on in the controller's memory."""
    operator.put_schedule(concurrencyPolicy="Allow")
    to(operator, 5)
    operator.server.remove(SCHEDULE_PLURAL, "nightly")
    operator.relist()
    to(operator, 10 * 60)
    assert task_names(operator) == [FIRST_NAME]


def test_an_edit_ends_nothing_that_runs_and_doubles_nothing(operator: InMemoryOperator) -> None:
    """keda#6440, #6233: running Jobs were ended by an edit, and by a restart; django-celery-beat#222, camunda#9680: both
    made the run of that time again."""
    operator.put_schedule(concurrencyPolicy="Allow")
    to(operator, 5)
    operator.put_schedule(concurrencyPolicy="Allow", task={"task": "a.other"})
    operator.lead()
    to(operator, 50)
    assert task_names(operator) == [FIRST_NAME]
    body = operator.server.get(TASK_PLURAL, FIRST_NAME)
    assert not body["spec"].get("cancel")
    assert condition(operator)[0] == "True"
