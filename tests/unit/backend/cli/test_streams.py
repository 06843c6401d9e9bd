"""What a command writes where its streams are no terminal and no file."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TextIO, cast

import pytest
import yaml
from django.tasks.exceptions import TaskException

from django_tasks_kubernetes.cli import schedule_sync, verbs
from django_tasks_kubernetes.cli.choice import confirmed
from django_tasks_kubernetes.cli.connection_problem import ConnectionProblem
from django_tasks_kubernetes.cli.listing import list_tasks
from django_tasks_kubernetes.cli.output import Output, OutputFormat
from django_tasks_kubernetes.cli.run import run
from django_tasks_kubernetes.cli.streams import drop, is_interactive, tolerant
from django_tasks_kubernetes.presentation.filters import Filter, UsageError
from django_tasks_kubernetes.watch.stream import Disconnected
from tests.unit.backend.resources import FakeTasks, Recorded, resource
from tests.unit.backend.schedule_resources import project, schedule_resource
from tests.unit.backend.schedule_resources import session as schedule_session

ESCAPES = "\x1b]0;title\x07\x1b[2Jgone\r"
ESCAPED = r"\x1b]0;title\x07\x1b[2Jgone\r"


class Writer:
    """All that Django asks of the stdout that call_command() is given."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)


@pytest.fixture
def closed_pipe() -> Iterator[TextIO]:
    """One whose reader has ended."""
    read, write = os.pipe()
    os.close(read)
    stream = os.fdopen(write, "w")
    yield stream
    with suppress(BrokenPipeError):
        stream.close()


def recorded(stdout: Any, *tasks: Any) -> Recorded:
    said = Recorded(FakeTasks(*tasks))
    said.session.output = Output(stdout=cast(TextIO, stdout), stderr=said.stderr)
    return said


def test_a_stream_that_can_only_be_written_to_takes_all() -> None:
    there = Writer()
    said = recorded(there, resource("one", phase="Failed"))
    said.session.output.color = True
    verbs.show(said.session, ["one"])
    said.session.output.raw("ü\n".encode())
    said.session.output.line("end")
    assert there.text.startswith("ID:")
    assert there.text.endswith("ü\nend\n")


def test_without_a_stdout_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout"):
        monkeypatch.setattr(sys, name, None)
    output = Output()
    output.line("a line")
    output.raw(b"a log")
    output.renderer.table([{"ID": "one"}])
    with pytest.raises(UsageError, match="--yes"):
        confirmed(output, "Really?")
    assert not is_interactive(None)


def test_characters_that_a_terminal_does_not_know_are_escaped() -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii")
    output = Output(stdout=stream)
    output.line("grün…")
    output.renderer.table([{"STEP": "└─ render"}])
    assert written.getvalue().decode() == "gr\\xfcn\\u2026\nSTEP\n\\u2514\\u2500 render\n"
    chosen = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="replace")
    assert tolerant(chosen).errors == "replace"


def test_yaml_is_utf_8_whatever_a_terminal_knows() -> None:
    given = schedule_session(format_=OutputFormat.TABLE)
    written = io.BytesIO()
    given.output.stdout = io.TextIOWrapper(written, encoding="ascii")
    declared = project(schedule_resource("a", task={"task": "a.b", "payload": '{"args":["grün"]}'}))
    schedule_sync.write_yaml(given, declared)
    (found,) = yaml.safe_load_all(written.getvalue())
    assert found["spec"]["task"]["payload"] == '{"args":["grün"]}'


def test_work_is_done_to_its_end_though_nobody_reads_on(closed_pipe: TextIO) -> None:
    names = ["one", "two", "three"]
    said = recorded(closed_pipe, *(resource(name, phase="Running") for name in names))
    assert run(lambda: verbs.cancel(said.session, names), said.session.output) == 0
    assert [name for name, _ in cast(FakeTasks, said.session.tasks).cancelled] == names


def test_a_list_that_nobody_reads_on_ends(closed_pipe: TextIO) -> None:
    said = recorded(closed_pipe, resource("one"), resource("two"))
    which = Filter(limit=0)
    said.session.output.format = OutputFormat.JSON
    assert run(lambda: list_tasks(said.session, which), said.session.output) == 0
    closed_pipe.flush()  # It leads nowhere now.


def test_a_message_that_nobody_reads_ends_nothing(closed_pipe: TextIO) -> None:
    output = Output(stdout=io.StringIO(), stderr=closed_pipe)

    def work() -> int:
        output.note("a note")
        raise TaskException("no")

    assert run(work, output) == 1


def test_what_is_no_file_is_dropped_without_a_word() -> None:
    drop(io.StringIO())
    drop(cast(TextIO, Writer()))


def test_nothing_that_is_repeated_moves_a_cursor() -> None:
    said = Recorded(FakeTasks())

    def work() -> int:
        said.session.output.line(f"two\tcolumns {ESCAPES}")
        raise TaskException(f"The API server refused the task: {ESCAPES}\nsecond line")

    assert run(work, said.session.output) == 1
    assert said.out == f"two\tcolumns {ESCAPED}\n"
    assert said.err == f"The API server refused the task: {ESCAPED}\nsecond line\n"
    problem = ConnectionProblem(said.session.output)
    problem.take(Disconnected(OSError(ESCAPES)), redrawn=True)
    assert problem.text == f"{ESCAPED} Retrying."
