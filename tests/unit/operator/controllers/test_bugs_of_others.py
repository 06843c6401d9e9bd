"""What went wrong with the controllers of other workflow systems, as their users reported it, and does not here.

Those that show in Python are in `tests/unit/backend/workflows/test_bugs_of_others.py`.
"""

from __future__ import annotations

import itertools
import json
from datetime import timedelta

import pytest

from djangotasks_api.names import TASK_PLURAL
from djangotasks_api.workflow.bounds import WINDOW
from djangotasks_api.workflow.engine import Engine
from djangotasks_api.workflow.graph import Graph, Runs, Step
from djangotasks_api.workflow.records import Record, WorkflowPhase
from djangotasks_api.workflow.retry import take_over
from tests.unit.operator.harness import make_operator
from tests.unit.operator.workflow_stage import NAME, WorkflowStage, mapped, step


def creations(stage: WorkflowStage, task: str) -> int:
    return stage.operator.api.requests.count(f"create djangotasks {NAME}-{task}")


@pytest.mark.thorough
def test_five_hundred_that_end_at_once_have_one_body() -> None:
    """django-celery-results#511, celery#4207, #5630; sidekiq-batch#29: a counter that misses an end, or counts it twice,
    runs the body never, or twice."""
    count = 500
    stage = WorkflowStage(step("map", map={"list": "list"}), step("sum", after=["map"]), lists=[mapped(count)])
    for _ in range(-(-count // WINDOW)):
        for task in stage.tasks():
            stage.end(task, deliver=False)
        stage.deliver()
    stage.operator.wait(1)
    assert stage.tasks() == ["sum"]
    assert creations(stage, "sum") == 1
    assert stage.status["steps"]["map"]["completedIndexes"] == f"0-{count - 1}"


def test_a_body_waits_for_what_is_tried_again() -> None:
    """celery#1401; sidekiq#4361, #5524, #3646; good_job#1239: an attempt that failed, or came twice, counted as an end."""
    stage = WorkflowStage(step("map", map={"list": "list"}), step("sum", after=["map"]), lists=[mapped(2)])
    clock = stage.operator.clock
    names = dict.fromkeys(("job", "pod"), "flow-map-00000-1")
    attempt = {"number": 1, "finishedAt": clock.stamp(), "reason": "TaskError", **names}
    later = (clock.now + timedelta(hours=1)).isoformat()
    retrying = {"phase": "Retrying", "attempts": [attempt], "nextAttemptAt": later}
    stage.operator.server.update(TASK_PLURAL, "flow-map-00000", {"status": retrying})
    stage.end("map-00001")
    for _ in range(3):
        stage.deliver()
    assert creations(stage, "sum") == 0
    stage.end("map-00000")
    for _ in range(3):
        stage.deliver()
    assert creations(stage, "sum") == 1


def test_results_are_there_until_they_are_read() -> None:
    """celery#5237, #3573: results that expired before the chord's body took them."""
    operator = make_operator()
    operator.put_queue(successfulTasksHistoryLimit=0)
    stage = WorkflowStage(
        step("a", policy={"ttlSecondsAfterFinished": 0}),
        step("b"),
        step("c", None, after=["b"], inputs={"/args/0": "a"}),
        operator=operator,
    )
    stage.end("a", '"kept"')
    stage.operator.wait(100_000)
    stage.end("b")
    assert stage.payload("c") == '{"args":["kept"],"kwargs":{}}'


def test_what_has_not_begun_when_it_is_cancelled_never_does() -> None:
    """celery#2675."""
    stage = WorkflowStage(step("a"), step("b", after=["a"]), step("c", after=["b"]))
    stage.end("a", deliver=False)
    stage.change(cancel=True)
    stage.operator.wait(60)
    assert stage.phase is WorkflowPhase.CANCELLED
    assert stage.operator.names(TASK_PLURAL) == ["flow-a"]


@pytest.mark.thorough
def test_a_thousand_failures_are_a_short_text() -> None:
    """argo#6093: the failures of a fan-out did not fit into the arguments of its exit handler."""
    stage = WorkflowStage(
        step("map", map={"list": "list"}),
        step("alert", None, inputs={"/args/0": "map"}, runs="OnFailure"),
        lists=[mapped(1000)],
    )
    for _ in range(-(-1000 // WINDOW)):
        for task in stage.tasks():
            stage.end(task, None, deliver=False)
        stage.deliver()
    stage.operator.wait(1)
    assert stage.status["steps"]["map"]["failedIndexes"] == "0-999"
    assert stage.status["steps"]["map"]["message"].startswith("1000 of 1000 failed.")
    assert json.loads(stage.payload("alert"))["args"] == [[None] * 1000]


@pytest.mark.thorough
def test_a_fan_in_of_many_kilobytes_is_taken_by_its_pod() -> None:
    """argo#7527 (136 KB), #765, #6093; metaflow#1538 (2,000 of them): parameters in annotations, or in the environment."""
    stage = WorkflowStage(
        step("map", map={"list": "list"}), step("all", None, inputs={"/args/0": "map"}), lists=[mapped(140)]
    )
    for task in stage.tasks():
        stage.end(task, json.dumps("x" * 1000), deliver=False)
    stage.deliver()
    stage.operator.wait(1)
    spec = stage.operator.server.get(TASK_PLURAL, f"{NAME}-all")["spec"]
    assert spec["payload"] == '{"args":[null],"kwargs":{}}'
    assert [(found["into"], found["step"]) for found in spec["inputs"]] == [("/args/0", "map")]


@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
def test_the_order_of_ends_changes_nothing(order: tuple[str, ...]) -> None:
    """airflow#27449, #29202, #42581: what ran depended on which upstream ended first."""
    stage = WorkflowStage(
        *(step(name) for name in "abc"),
        step("all", after=["a", "b", "c"]),
        step("alert", after=["a", "b", "c"], runs="OnFailure"),
        step("clean", after=["all"], runs="Always"),
    )
    for name in order:
        stage.end(name, None if name == "b" else "1")
    for name in ("alert", "clean"):
        stage.end(name)
    assert stage.phases() == {
        "a": "Succeeded",
        "b": "Failed TaskFailed",
        "c": "Succeeded",
        "all": "Skipped UpstreamFailed",
        "alert": "Succeeded",
        "clean": "Succeeded",
    }
    assert stage.phase is WorkflowPhase.FAILED


def test_an_item_is_through_all_lanes_while_another_is_in_the_first() -> None:
    """dagster#31035: each lane waited for all of the one before it."""
    stage = WorkflowStage(
        step("first", map={"list": "list"}),
        step("second", map={"each": "first"}),
        step("third", map={"each": "second"}),
        lists=[mapped(2)],
    )
    for name in ("first", "second", "third"):
        stage.end(f"{name}-00001")
    assert stage.tasks() == ["first-00000"]
    assert stage.status["steps"]["third"]["completedIndexes"] == "1"


def test_an_end_that_is_seen_again_counts_once() -> None:
    """sidekiq#4818, #3019; sidekiq-batch#90: counts below zero."""
    stage = WorkflowStage(step("map", map={"list": "list"}), lists=[mapped(3)])
    stage.end("map-00001")
    for _ in range(3):
        stage.operator.lead()
        stage.deliver()
    assert stage.status["progress"] == "1/3"
    assert stage.status["active"] == 2


@pytest.mark.thorough
@pytest.mark.parametrize("count", [10_000, 45_000])
def test_a_wide_map_ends(count: int) -> None:
    """celery#3324; argo#1186, #13783; kfp#4175; airflow#29959: too many for one message, one object, one query."""
    engine = Engine(Graph([Step(name="map", items=count), Step(name="sum", after=("map",))]))
    created = 0
    while engine.ending() is None:
        engine.settle()
        engine.recorded()
        tasks = engine.create()
        assert engine.active <= WINDOW
        created += len(tasks)
        for task in tasks:
            engine.ended(*task, succeeded=True)
    assert created == count + 1
    assert engine.progress() == (count + 1, count + 1)
    assert str(engine.record("map").completed) == f"0-{count - 1}"


GRAPH = Graph(
    [
        Step(name="left", items=3),
        Step(name="right"),
        Step(name="both", after=("left", "right")),
        Step(name="alert", after=("left",), runs=Runs.ON_FAILURE),
        Step(name="clean", after=("both",), runs=Runs.ALWAYS),
    ]
)


def run(records: dict[str, Record], *failing: tuple[str, int]) -> tuple[set[str], dict[str, Record]]:
    """What ran, and what is recorded in the end."""
    engine, ran = Engine(GRAPH, records), set[str]()
    while engine.ending() is None:
        engine.settle()
        engine.recorded()
        for step_, index in engine.create():
            ran.add(f"{step_}-{index}")
            engine.ended(step_, index, succeeded=(step_, index) not in failing)
    return ran, {found.name: engine.record(found.name) for found in GRAPH}


def test_what_failed_may_be_retried_again_and_again() -> None:
    """argo#3709, #11279, #13184; good_job#1450, #822; dagster#30972: a retry of a retry, or of one branch, ran what had
    succeeded, or ran the handler no more."""
    first, records = run({}, ("left", 0), ("left", 2))
    assert first == {"left-0", "left-1", "left-2", "right-0", "alert-0", "clean-0"}
    second, records = run(take_over(GRAPH, records.items()), ("left", 2))
    assert second == {"left-0", "left-2", "alert-0", "clean-0"}
    third, records = run(take_over(GRAPH, records.items()))
    assert third == {"left-2", "both-0", "clean-0"}
