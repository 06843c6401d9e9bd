"""What the verbs say, in each form, and how they end."""

import io
import json

import pytest

from django_tasks_kubernetes.cli import output, verbs
from django_tasks_kubernetes.cli.output import Form
from django_tasks_kubernetes.cli.plain import lines_of
from django_tasks_kubernetes.cli.select import Filter
from django_tasks_kubernetes.cli.verbs import Code
from tests.unit.backend.cli.resources import FAILED, FakeTasks, Said, resource

DONE = resource("done", phase="Succeeded")
ONE = resource("one", phase="Failed", reason="TaskError", attempts=[FAILED])
GONE = resource("gone", spec={"cancel": True}, phase="Cancelled")
RUNS = resource("runs", phase="Running")


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    rows = [{"ID": "a", "TASK": "x.y"}, {"ID": "longer", "TASK": ""}]
    assert lines_of(list(rows)) == ["ID       TASK", "a        x.y", "longer"]
    assert lines_of([]) == []


@pytest.mark.parametrize(
    ("form", "lines"),
    [
        (Form.TABLE, ["ID     TASK              QUEUE   PHASE", "runs   shop.tasks.send   mail    Running"]),
        (Form.NAME, ["djangotask.djangotasks.dev/runs"]),
    ],
)
def test_list(form: Form, lines: list[str]) -> None:
    said = Said(FakeTasks(RUNS), form)
    assert verbs.list_tasks(said.session, Filter()) == Code.OK
    assert [line[: len(start)] for line, start in zip(said.out.splitlines(), lines, strict=True)] == lines
    assert not said.err


def test_a_list_for_programs_is_an_object_a_line_and_nothing_else() -> None:
    said = Said(FakeTasks(RUNS, resource("two", message="é\x1b\n")), Form.JSON)
    assert verbs.list_tasks(said.session, Filter(limit=1)) == Code.OK
    (line,) = said.out.splitlines()
    assert line.isascii()
    assert json.loads(line)["id"] == "two"
    assert said.err == "The newest 1 of 2. --limit 0 shows all.\n"


def test_no_tasks() -> None:
    said = Said(FakeTasks())
    assert (verbs.list_tasks(said.session, Filter()), said.out, said.err) == (Code.OK, "", "No tasks.\n")


def test_show_has_a_page_for_each_and_goes_on_past_what_is_not_there() -> None:
    said = Said(FakeTasks(DONE, ONE))
    assert verbs.show(said.session, ["done", "nope", "djangotask/one", "../x", "done"]) == Code.FAILED
    assert said.out.count("ID: ") == 2
    assert "\n\nID:" in said.out
    assert "  TaskError: KeyError: 'x'" in said.out
    assert said.err == "There is no task 'nope'.\nThere is no task '../x'.\n"
    assert "Payload:\n" not in said.out
    said = Said(FakeTasks(DONE))
    assert verbs.show(said.session, ["done"], payload=True) == Code.OK
    assert said.out.endswith("\nPayload:\n  {}\n")


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
    said = Said(tasks := FakeTasks(RUNS, GONE, DONE))
    assert (verbs.cancel(said.session, [id_]), said.out, said.err) == (code, out, err)
    assert tasks.cancelled == [(id_, "a test")]
    verbs.cancel(said.session, [id_], "x" * 1000)
    assert tasks.cancelled[-1] == (id_, "x" * 256)


def test_retry() -> None:
    said = Said(FakeTasks(DONE, resource("done-again")), Form.JSON)
    assert verbs.retry(said.session, ["done"]) == Code.OK
    assert json.loads(said.out)["id"] == "done-again"
    said = Said(FakeTasks(DONE, resource("done-again")))
    assert verbs.retry(said.session, ["done", "done"]) == Code.OK
    assert said.out == "done: enqueued once more as done-again\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "pretty"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (io.StringIO(), {"TERM": "xterm"}, False),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {}, False),
    ],
    ids=["a terminal", "a pipe", "NO_COLOR", "dumb", "unknown"],
)
def test_it_is_pretty_where_the_terminal_can(
    stream: io.StringIO, environ: dict[str, str], pretty: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert type(output.Output(stdout=stream).look).__name__ == ("Pretty" if pretty else "Plain")
    assert type(output.Output(stdout=stream, color=False).look).__name__ == "Plain"


def test_what_a_task_says_is_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    said = Said(FakeTasks(resource("one", phase="Failed", reason="X", message="[red]no[/red] :smile:")))
    said.session.output.stdout = terminal = Terminal()
    assert verbs.show(said.session, ["one"]) == Code.OK
    assert "[red]no[/red] :smile:" in terminal.getvalue()
    assert "\x1b[" in terminal.getvalue()
