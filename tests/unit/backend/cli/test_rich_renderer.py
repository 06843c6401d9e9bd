"""Rich shows what tasks say as it is, and fits it into the terminal."""

import re

import pytest

from django_tasks_kubernetes.cli import verbs
from django_tasks_kubernetes.cli.renderer import Page
from django_tasks_kubernetes.cli.rich_renderer import RichRenderer
from django_tasks_kubernetes.cli.session import Code
from django_tasks_kubernetes.presentation.pages import AttemptView
from django_tasks_kubernetes.presentation.rows import Row, row
from tests.unit.backend.cli.test_output import Terminal
from tests.unit.backend.resources import FakeTasks, Recorded, resource

HALF = {"done": 5, "total": 10, "text": "5/10"}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


def text_of(terminal: Terminal) -> str:
    """Without colours and the movements of the cursor."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())


def test_rich_renderer_takes_no_markup_from_tasks(terminal: Terminal) -> None:
    said = Recorded(FakeTasks(resource("one", phase="Failed", reason="X", message="[red]no[/red] :smile:")))
    said.session.output.stdout = terminal
    assert verbs.show(said.session, ["one"]) == Code.OK
    assert "[red]no[/red] :smile:" in terminal.getvalue()
    assert "\x1b[" in terminal.getvalue()


def test_rich_page_has_facts_attempts_and_data(terminal: Terminal) -> None:
    attempts = [
        AttemptView(heading="Attempt 1", words="TaskError: no", traceback="Traceback …", failed=True),
        AttemptView(heading="Attempt 2", words="", traceback="", failed=False),
    ]
    RichRenderer(terminal).page(Page(facts=[("Phase", "Failed")], attempts=attempts, data=[("Arguments", "{}")]))
    lines = [line.rstrip() for line in text_of(terminal).splitlines()]
    assert lines == [
        "Phase  Failed", "", "Attempt 1", "  TaskError: no", "  Traceback …", "", "Attempt 2", "", "Arguments", "  {}",
    ]  # fmt: skip


@pytest.mark.parametrize("wide", [False, True])
def test_rich_table_is_cut_to_the_terminal_unless_it_is_wide(terminal: Terminal, wide: bool) -> None:
    RichRenderer(terminal).table([{"ID": "one", "MESSAGE": "m" * 200}], wide=wide)
    assert ("m" * 200 in text_of(terminal).replace("\n", "")) is wide


def test_rich_table_of_nothing_is_nothing(terminal: Terminal) -> None:
    RichRenderer(terminal).table([])
    assert terminal.getvalue() == ""


def live(terminal: Terminal, *rows: Row, note: str = "") -> str:
    with RichRenderer(terminal).live() as table:
        table.show(rows, note)
    return text_of(terminal)


def test_rich_live_table_leaves_the_cursor_where_a_signal_may_end_it(terminal: Terminal) -> None:
    live(terminal, row(resource("one", phase="Running")))
    assert "\x1b[?25l" not in terminal.getvalue()


def test_rich_live_table_has_a_bar_for_what_runs(terminal: Terminal) -> None:
    running = row(resource("one", phase="Running", progress=HALF))
    others = (row(resource("two", phase="Queued")), row(resource("three", phase="Failed", progress=HALF)))
    shown = live(terminal, running, *others, note="3 tasks")
    assert ["━" in line for line in shown.splitlines() if "shop.tasks.send" in line][-3:] == [True, False, False]
    assert shown.rstrip().endswith("3 tasks")


@pytest.mark.parametrize(
    ("columns", "progress"), [("40", HALF), ("100", {})], ids=["a narrow terminal", "tasks without a total"]
)
def test_rich_live_table_without_bars(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, columns: str, progress: dict[str, object]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    shown = live(terminal, row(resource("one", phase="Running", progress=progress)))
    assert "one" in shown
    assert "━" not in shown
