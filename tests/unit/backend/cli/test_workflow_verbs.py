"""What the verbs of workflows say, in each form, and how they end."""

import json
from typing import Any

import pytest

from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.workflow_table import WORKFLOW_VERBS
from django_tasks_kubernetes.presentation.filters import UsageError
from tests.unit.backend.resources import FakeTasks, resource
from tests.unit.backend.workflow_resources import FAILED, RUNNING, SUCCEEDED, RecordedWorkflows, workflow_resource

RUN = {verb.name: verb.run for verb in WORKFLOW_VERBS}
RUNS = workflow_resource("runs", RUNNING)
BAD = workflow_resource("bad", FAILED, workflow="shop.flows.other")
DONE = workflow_resource("done", SUCCEEDED)
GONE = workflow_resource("gone", {"phase": "Cancelled"}, cancel=True)
CAUSE = resource("bad-render-00003", phase="Failed", reason="TaskError", message="ValueError: no address\nand more")
UNSET: dict[str, Any] = {
    "ids": [], "queue": None, "workflow": None, "status": None, "limit": 50, "dry_run": False, "yes": False, "reason": "",
}  # fmt: skip


def run(said: RecordedWorkflows, verb: str, *ids: str, **options: Any) -> int:
    return RUN[verb](said.session, UNSET | {"ids": list(ids)} | options)


def test_list_is_made_of_the_servers_table() -> None:
    said = RecordedWorkflows(RUNS, BAD)
    assert run(said, "list", queue="mail") == 0
    heading, *rows = said.out.splitlines()
    assert heading.split() == ["ID", "WORKFLOW", "PHASE", "PROGRESS", "ACTIVE", "AGE"]
    assert [row.split()[:4] for row in rows] == [
        ["runs", "shop.flows.report", "Running", "5/14"],
        ["bad", "shop.flows.other", "Failed", "14/14"],
    ]
    assert said.workflows.selectors == ["spec.queue=mail"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"workflow": "report"}, ["runs", "gone", "done"]),
        ({"workflow": "shop.flows.other"}, ["bad"]),
        ({"status": ["failed"]}, ["gone", "bad"]),
        ({"status": ["cancelled", "running"]}, ["runs", "gone"]),
        ({"limit": 1}, ["runs"]),
    ],
)
@pytest.mark.parametrize("format_", [OutputFormat.NAME, OutputFormat.JSON])
def test_list_by_filter(options: dict[str, Any], names: list[str], format_: OutputFormat) -> None:
    said = RecordedWorkflows(RUNS, BAD, DONE, GONE, format_=format_)
    assert run(said, "list", **options) == 0
    lines = said.out.splitlines()
    if format_ is OutputFormat.NAME:
        assert lines == [f"djangotaskworkflow.djangotasks.dev/{name}" for name in names]
    else:
        assert [json.loads(line)["id"] for line in lines] == names
    assert said.err == ("The newest 1 of 4. --limit 0 shows all.\n" if "limit" in options else "")


def test_list_of_none() -> None:
    said = RecordedWorkflows()
    assert (run(said, "list"), said.out, said.err) == (0, "", "No workflows.\n")


def test_show_has_the_tree_and_why_steps_failed() -> None:
    said = RecordedWorkflows(BAD, tasks=FakeTasks(CAUSE))
    assert run(said, "show", "djangotaskworkflow.djangotasks.dev/bad", "nope") == 1
    assert "Took:      30s" in said.out
    assert "└─ render          Failed     10/10  26s   3 failed" in said.out
    assert said.out.endswith("\nrender[3] (also 7, 9)\n  TaskError: ValueError: no address\n")
    assert said.err == "There is no workflow 'nope'.\n"


def test_show_without_the_task_says_what_the_step_says() -> None:
    said = RecordedWorkflows(BAD)
    assert run(said, "show", "bad") == 0
    assert said.out.endswith("  3 of 10 failed. flow-render-00003 is Failed, TaskError: ValueError: no address\n")


def test_show_of_one_that_runs_says_what_has_failed_so_far() -> None:
    said = RecordedWorkflows(RUNS, tasks=FakeTasks(resource("runs-render-00003", phase="Failed", reason="OOMKilled")))
    assert run(said, "show", "runs") == 0
    assert said.out.endswith("\nrender[3]\n  OOMKilled\n")


def test_show_says_what_a_step_that_runs_waits_for() -> None:
    task = resource("runs-render-00004", phase="Queued", reason="QueueNotFound", message="There is no queue mail.")
    said = RecordedWorkflows(RUNS, tasks=FakeTasks(task))
    assert run(said, "show", "runs") == 0
    assert said.out.endswith("\nrender[4] is Queued\n  QueueNotFound: There is no queue mail.\n")


@pytest.mark.parametrize(
    ("id_", "code", "out", "err"),
    [
        ("runs", 0, "runs: asked to cancel\n", ""),
        ("gone", 0, "gone: cancelled\n", ""),
        ("done", 1, "", "done is finished already: Succeeded.\n"),
        ("nope", 1, "", "There is no workflow 'nope'.\n"),
    ],
)
def test_cancel(id_: str, code: int, out: str, err: str) -> None:
    said = RecordedWorkflows(RUNS, GONE, DONE)
    assert (run(said, "cancel", id_), said.out, said.err) == (code, out, err)
    assert said.workflows.cancelled == [(id_, "a test")]


def test_cancel_by_filter_takes_unfinished_ones_alone() -> None:
    said = RecordedWorkflows(RUNS, BAD, DONE)
    assert run(said, "cancel", queue="mail", yes=True, reason="wrong month") == 0
    assert said.workflows.cancelled == [("runs", "wrong month")]
    with pytest.raises(UsageError, match="Name workflows by their ids, or by --queue, --workflow and --status"):
        run(said, "cancel")


def test_retry_takes_over_what_succeeded() -> None:
    said = RecordedWorkflows(BAD)
    assert run(said, "retry", "bad") == 0
    (made,) = said.workflows.created
    assert said.out == f"bad: retried as {made['metadata']['name']}\n"
    assert made["spec"]["retryOf"] == {"name": "bad", "uid": "uid-bad"}
    assert made["spec"]["steps"] == BAD["spec"]["steps"]
    assert made["metadata"]["labels"]["djangotasks.dev/queue"] == "mail"


@pytest.mark.parametrize(
    ("id_", "words"),
    [
        ("runs", "The workflow runs is Running. Wait"),
        ("done", "succeeded: nothing of it"),
        ("nope", "no workflow 'nope'"),
    ],
)
def test_retry_refuses(id_: str, words: str) -> None:
    said = RecordedWorkflows(RUNS, DONE)
    assert run(said, "retry", id_) == 1
    assert words in said.err
    assert not said.workflows.created


def test_retry_by_filter_takes_those_that_did_not_succeed(monkeypatch: pytest.MonkeyPatch) -> None:
    said = RecordedWorkflows(RUNS, BAD, DONE, GONE)
    assert run(said, "retry", queue="mail", dry_run=True) == 0
    assert said.out.split() == ["bad", "gone"]


def test_retry_by_filter_given_twice_repeats_nothing_twice() -> None:
    said = RecordedWorkflows(BAD, GONE)
    assert run(said, "retry", "gone") == 0
    assert run(said, "retry", status=["failed", "cancelled"], yes=True) == 0
    assert [made["spec"]["retryOf"]["name"] for made in said.workflows.created] == ["gone", "bad"]
    assert said.err == "Left out, as retried already: 1 workflow. Given by its id, one is retried again.\n"
