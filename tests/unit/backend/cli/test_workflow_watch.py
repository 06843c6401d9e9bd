"""watch of a workflow: a line for each change of a step, or the tree where the terminal can redraw it."""

import io
import json
from typing import Any

import pytest

from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.rich_renderer import RichRenderer
from django_tasks_kubernetes.cli.workflow_session import NotFound
from django_tasks_kubernetes.cli.workflow_watch import TreeView, watch_workflows
from django_tasks_kubernetes.presentation.filters import WorkflowFilter
from django_tasks_kubernetes.watch.events import Event
from django_tasks_kubernetes.watch.stream import Disconnected, RelistNeeded
from tests.unit.backend.workflow_resources import FAILED, RUNNING, SUCCEEDED, RecordedWorkflows, workflow_resource

WAITS = workflow_resource()
RUNS = workflow_resource(status=RUNNING)
BAD = workflow_resource(status=FAILED)


def event(found: dict[str, Any], type_: str = "MODIFIED") -> Event:
    return Event(type_, found["metadata"]["name"], "9", json.dumps({"type": type_, "object": found}).encode())


def watching(*there: dict[str, Any], format_: OutputFormat = OutputFormat.TABLE) -> tuple[TreeView, RecordedWorkflows]:
    said = RecordedWorkflows(*there, format_=format_)
    return TreeView(said.session, "flow"), said


def lines(said: RecordedWorkflows) -> list[str]:
    return [line.split("  ", 1)[1] for line in said.out.splitlines()]


def test_a_line_for_each_change_of_a_step() -> None:
    view, said = watching(WAITS)
    view.take(RelistNeeded(1))
    assert said.out == ""
    for found in (RUNS, RUNS, BAD):
        view.take(event(found))
    assert lines(said) == [
        "extract  Succeeded",
        "render  Running  4/10  1 failed",
        "render  Failed  10/10  3 failed",
        "publish  Skipped  UpstreamFailed, also after extract",
        "alert  Succeeded  on failure",
        "clean-up  Succeeded  always",
        "flow  shop.flows.report  Failed  14/14  StepFailed",
    ]
    assert view.code == 1


@pytest.mark.parametrize("how", ["watched", "missed"])
def test_one_that_is_deleted_has_failed(how: str) -> None:
    view, said = watching(RUNS)
    view.take(RelistNeeded(1))
    if how == "watched":
        view.take(event(RUNS, "DELETED"))
    else:
        said.workflows.resources.clear()
        view.take(RelistNeeded(0))
    assert (view.code, said.err) == (1, "flow was deleted.\n")


def test_an_end_is_an_end_also_when_it_is_deleted_then() -> None:
    view, _ = watching(RUNS)
    view.take(event(workflow_resource(status=SUCCEEDED), "DELETED"))
    assert view.code == 0


def test_for_programs_an_object_for_each_change() -> None:
    view, said = watching(RUNS, format_=OutputFormat.JSON)
    view.take(RelistNeeded(1))
    view.take(event(BAD))
    assert [json.loads(line)["phase"] for line in said.out.splitlines()] == ["Running", "Failed"]


def test_a_server_that_is_away_is_noted_once() -> None:
    view, said = watching(RUNS)
    for _ in range(2):
        view.take(Disconnected(OSError("no answer.")))
    assert said.err == "no answer. Retrying.\n"


def test_the_tree_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "30")
    monkeypatch.setenv("TERM", "xterm")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    view, said = watching(RUNS)
    stream = Terminal()
    with RichRenderer(stream).live() as view.live:
        view.take(RelistNeeded(1))
        view.take(event(BAD))
    shown = stream.getvalue()
    for words in ("shop.flows.report", "└─ render", "10/10", "3 failed", "render[3] (also 7, 9)", "no address"):
        assert words in shown
    assert said.out == ""


def test_an_unknown_workflow() -> None:
    said = RecordedWorkflows()
    said.workflows.newest = lambda: ("1", 0)  # type: ignore[attr-defined]  # of a client
    for ids in (["nope"], ["nope", "nor-this"]):
        with pytest.raises(NotFound, match="There is no workflow 'nope'"):
            watch_workflows(said.session, ids, WorkflowFilter())
