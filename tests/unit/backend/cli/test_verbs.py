"""What the verbs say, in each form, and how they end."""

import json

import pytest

from django_tasks_kubernetes.cli import verbs
from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.session import Code
from tests.unit.backend.resources import FAILED, FakeTasks, Recorded, resource

DONE = resource("done", phase="Succeeded")
ONE = resource("one", phase="Failed", reason="TaskError", attempts=[FAILED])
GONE = resource("gone", spec={"cancel": True}, phase="Cancelled")
RUNS = resource("runs", phase="Running")


def test_the_id_of_a_workflow_is_not_taken_for_one_of_nothing() -> None:
    tasks = FakeTasks()
    tasks.known_workflows = (resource("report"),)
    said = Recorded(tasks)
    assert verbs.show(said.session, ["report", "nope"]) == Code.FAILED
    assert said.err == (
        "'report' is a workflow, and no task. See it with: workflows show report\nThere is no task 'nope'.\n"
    )


def test_a_workflow_is_not_taken_for_its_tasks() -> None:
    tasks = FakeTasks(resource("report-a"), resource("report-b"))
    tasks.known_workflows = (resource("report"),)
    said = Recorded(tasks)
    assert verbs.show(said.session, ["report"]) == Code.FAILED
    assert said.err == "'report' is a workflow, and no task. See it with: workflows show report\n"


def test_show_has_a_page_for_each_task_that_exists() -> None:
    said = Recorded(FakeTasks(DONE, ONE))
    assert verbs.show(said.session, ["done", "nope", "djangotask/one", "../x", "done"]) == Code.FAILED
    assert said.out.count("ID: ") == 2
    assert "\n\nID:" in said.out
    assert "  TaskError: KeyError: 'x'" in said.out
    assert said.err == "There is no task 'nope'.\nThere is no task '../x'.\n"
    assert "Payload:\n" not in said.out
    said = Recorded(FakeTasks(DONE))
    assert verbs.show(said.session, ["done"], payload=True) == Code.OK
    assert said.out.endswith("\nPayload:\n  {}\n")


A, B = "8a426eff-9553-4748-9c0b-f342995a6259", "8a42b16e-7b21-496b-88d7-5834e16ec0aa"


@pytest.mark.parametrize(
    ("given", "out", "err"),
    [
        (A, A, ""),
        ("8a426", A, ""),
        ("8A42B", B, ""),
        ("djangotask/8a42b16e-7", B, ""),
        ("6259", A, ""),
        ("5834e16ec0aa", B, ""),
        ("8a42", "", f"Several ids begin or end with '8a42': {A}, {B}.\n"),
        ("8a4", "", "There is no task '8a4'.\n"),
        ("9999", "", "There is no task '9999'.\n"),
        ("runs", "runs", ""),
    ],
)
def test_an_id_may_be_given_by_its_beginning_or_its_end(given: str, out: str, err: str) -> None:
    tasks = FakeTasks(resource(A), resource(B), resource("runs"), resource("runs-more"))
    said = Recorded(tasks, OutputFormat.NAME)
    verbs.show(said.session, [given])
    assert said.out.strip().removeprefix("djangotask.djangotasks.dev/") == out
    assert said.err == err


def test_an_ambiguous_id_names_a_few() -> None:
    tasks = FakeTasks(*(resource(f"abcd-{number}") for number in range(8)))
    said = Recorded(tasks)
    assert verbs.cancel(said.session, ["abcd"]) == Code.FAILED
    assert said.err.endswith("abcd-4 and 3 more.\n")
    assert not tasks.cancelled


@pytest.mark.parametrize(
    ("id_", "code", "out", "err"),
    [
        ("runs", Code.OK, "runs: asked to cancel\n", ""),
        ("gone", Code.OK, "gone: cancelled\n", ""),
        ("done", Code.FAILED, "", "done is finished already: Succeeded.\n"),
        ("nope", Code.FAILED, "", "There is no task 'nope'.\n"),
    ],
)
def test_cancel(id_: str, code: Code, out: str, err: str) -> None:
    said = Recorded(tasks := FakeTasks(RUNS, GONE, DONE))
    assert (verbs.cancel(said.session, [id_]), said.out, said.err) == (code, out, err)
    assert tasks.cancelled == [(id_, "a test")]
    verbs.cancel(said.session, [id_], "x" * 1000)
    assert tasks.cancelled[-1] == (id_, "x" * 256)


def test_retry() -> None:
    said = Recorded(FakeTasks(DONE, resource("done-again")), OutputFormat.JSON)
    assert verbs.retry(said.session, ["done"]) == Code.OK
    assert json.loads(said.out)["id"] == "done-again"
    said = Recorded(FakeTasks(DONE, resource("done-again")))
    assert verbs.retry(said.session, ["done", "done"]) == Code.OK
    assert said.out == "done: enqueued once more as done-again\n"
