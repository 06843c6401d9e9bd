"""Tables in narrow terminals: what is shortened, what is left out, and that an id can always be copied."""

import io
import re
from datetime import UTC, datetime

import pytest

from django_tasks_kubernetes.cli import output
from django_tasks_kubernetes.cli.fit import _cut, fit, line_width, width_of, widths_of
from django_tasks_kubernetes.cli.rich_renderer import RichRenderer
from django_tasks_kubernetes.presentation import holds, schedule_rows
from django_tasks_kubernetes.presentation.rows import columns, row
from tests.unit.backend.hold_resources import hold_resource
from tests.unit.backend.resources import FAILED, resource
from tests.unit.backend.schedule_resources import schedule_resource

NOW = datetime(2026, 11, 23, 12, 1, 0, tzinfo=UTC)
IDS = ("8a426eff-9553-4748-9c0b-f342995a6259", "b992f1a4-7b21-496b-88d7-5834e16ec0aa")
LONG = {"task": "shop.reports.monthly.tasks.build_a_report", "queue": "reports-for-customers"}
ROWS = [
    row(resource(IDS[0], spec=LONG, phase="Failed", reason="DeadlineExceeded", attempts=[FAILED])),
    row(resource(IDS[1], phase="Running", progress={"text": "52%", "done": 52, "total": 100, "message": "half of it"})),
]
CELLS = [columns(one, NOW, wide=False, namespaces=False) for one in ROWS]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("width", "headings", "task"),
    [
        (None, ["ID", "TASK", "QUEUE", "PHASE", "PROGRESS", "ATTEMPTS", "REASON", "AGE"], LONG["task"]),
        (200, ["ID", "TASK", "QUEUE", "PHASE", "PROGRESS", "ATTEMPTS", "REASON", "AGE"], LONG["task"]),
        (120, ["ID", "TASK", "QUEUE", "PHASE", "PROGRESS", "REASON", "AGE"], "…s.build_a_report"),
        (80, ["ID", "TASK", "PHASE", "REASON"], "….build_a_report"),
        (60, ["ID", "PHASE"], None),
        (40, ["ID"], None),
        (10, ["ID"], None),
    ],
)
def test_fit_shortens_and_leaves_out_columns_but_no_id(
    width: int | None, headings: list[str], task: str | None
) -> None:
    fitted = fit(CELLS, width)
    assert list(fitted[0]) == headings
    assert fitted[0].get("TASK") == task
    assert [cells["ID"] for cells in fitted] == list(IDS)
    assert width is None or line_width(widths_of(fitted)) <= max(width, len(IDS[0]))


def test_fit_leaves_out_empty_columns_first() -> None:
    done = [columns(row(resource(id_, phase="Succeeded")), NOW, wide=False, namespaces=False) for id_ in IDS]
    assert list(fit(done, 80)[0]) == ["ID", "TASK", "QUEUE", "PHASE", "AGE"]
    assert fit([], 80) == []


@pytest.mark.parametrize("color", [True, False], ids=["rich", "plain"])
@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_list_in_a_terminal_has_a_line_for_each_task(width: int, color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    output.Output(stdout=stream, color=color).renderer.table(CELLS)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert [id_ in line for id_, line in zip(IDS, lines[1:], strict=True)] == [True, True]
    assert "Failed" in lines[1]


@pytest.mark.parametrize("width", [30, 60, 80, 120])
def test_watch_in_a_terminal_cuts_no_id(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with RichRenderer(stream).live() as table:
        table.show(ROWS, "")
    text = "".join(stream.getvalue().split())
    assert IDS[0] in text
    if width >= 60:
        assert all(id_ in stream.getvalue() for id_ in IDS)


def test_wide_list_is_whole_in_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    failed = resource(IDS[0], spec=LONG, phase="Failed", reason="TaskError", message="KeyError: 'x'\nand more")
    RichRenderer(stream).table([columns(row(failed), NOW, wide=True, namespaces=True)], wide=True)
    heading, line = stream.getvalue().splitlines()
    assert "MESSAGE" in heading
    assert LONG["task"] in line
    assert "KeyError: 'x'" in line
    assert "and more" not in line


def test_live_row_has_no_progress_beside_succeeded() -> None:
    progress = {"text": "24/25", "done": 24, "total": 25, "message": "nearly"}
    assert row(resource(phase="Succeeded", progress=progress)).live["PROGRESS"] == ""
    assert row(resource(phase="Failed", progress=progress)).live["PROGRESS"] == "24/25 nearly"


@pytest.mark.parametrize("color", [True, False], ids=["rich", "plain"])
@pytest.mark.parametrize("message", ["注文を集計しています" * 4, "가나다라마바사" * 6, "é" * 30], ids=["ja", "ko", "é"])
def test_characters_of_two_places_leave_the_id_whole(
    message: str, color: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    progress = {"text": "1/2", "done": 1, "total": 2, "message": message}
    rows = [row(resource(id_, phase="Running", progress=progress)).live for id_ in IDS]
    output.Output(stdout=stream, color=color).renderer.table(rows)
    heading, *lines = re.sub(r"\x1b\[[\d;]*m", "", stream.getvalue()).splitlines()
    assert [id_ in line for id_, line in zip(IDS, lines, strict=True)] == [True, True]
    assert all(width_of(line.rstrip()) <= 100 for line in lines)
    assert "REASON" not in heading, "it is empty"
    assert "…" in lines[0] or message in lines[0]


@pytest.mark.parametrize(
    ("name", "text", "size", "cut"),
    [
        ("MESSAGE", "日本語", 6, "日本語"),
        ("MESSAGE", "日本語の", 6, "日本…"),
        ("TASK", "店.日本語", 6, "…本語"),
        ("MESSAGE", "cafe\u0301s", 5, "cafe\u0301s"),
        ("MESSAGE", "abcdef", 5, "abcd…"),
        ("TASK", "abcdef", 5, "…cdef"),
    ],
)
def test_a_cell_is_cut_by_its_places(name: str, text: str, size: int, cut: str) -> None:
    assert _cut(name, text, size) == cut


@pytest.mark.parametrize("color", [True, False], ids=["rich", "plain"])
@pytest.mark.parametrize("width", [50, 80])
def test_holds_and_schedules_keep_their_names(width: int, color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    name = "reports-for-customers-in-europe"
    hold = hold_resource(name, until="2026-11-23T18:00:00Z", by="oidc:jane.doe@example.com", reason="prices are wrong")
    schedule = schedule_resource(name, timeZone="America/Argentina/Buenos_Aires")
    schedule["status"] = {"lastScheduledFor": "2026-11-23T02:00:00Z", "nextScheduledFor": "2026-11-24T02:00:00-03:00"}
    for cells in (
        holds.columns(hold, "held", NOW, namespaces=True),
        schedule_rows.columns(schedule, NOW, wide=False, namespaces=True),
    ):
        stream = Terminal()
        output.Output(stdout=stream, color=color).renderer.table([cells])
        lines = re.sub(r"\x1b\[[\d;]*m", "", stream.getvalue()).splitlines()
        assert len(lines) == 2
        assert name in lines[1]
        assert max(len(line.rstrip()) for line in lines) <= width
