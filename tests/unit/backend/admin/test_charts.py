"""Numbers as shapes, and as a table beside them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.template.loader import render_to_string
from django.test import override_settings
from django.utils import translation

from django_tasks_kubernetes.admin.buckets import Buckets
from django_tasks_kubernetes.admin.charts import FLOOR, LEFT, PLOT, TOP, durations, ended, nice, seconds, sparkline
from django_tasks_kubernetes.admin.shapes import Chart

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 12, 1, 30, tzinfo=UTC)
BUCKETS = Buckets.until(NOW, timedelta(minutes=4), timedelta(minutes=1), BERLIN)


def drawn(chart: Chart) -> str:
    return render_to_string("admin/django_tasks_kubernetes/chart.html", {"chart": chart})


def test_bars_stand_on_each_other() -> None:
    chart = ended("e", "tasks", BUCKETS, {"succeeded": [0, 3, 0, 1], "failed": [0, 1, 0, 0]}, BERLIN)
    width = PLOT / 4
    assert [(mark.kind, float(mark.x)) for mark in chart.marks] == [
        ("succeeded", LEFT + width),
        ("failed", LEFT + width),
        ("succeeded", LEFT + 3 * width),
    ]
    first, second, _ = chart.marks
    assert float(first.y) + float(first.height) == FLOOR
    assert float(second.y) + float(second.height) == pytest.approx(float(first.y), abs=0.2)
    assert float(second.y) > TOP  # 4 of an axis to 5
    assert {mark.pattern for mark in chart.marks} == {"", "hatched"}
    assert chart.title == "Tasks that ended: 4 succeeded, 1 failed"
    assert first.title == "12:59 (2026-11-23 11:59 UTC): 3 succeeded, 1 failed"
    assert [row[2:] for row in chart.rows] == [("0", "0"), ("3", "1"), ("0", "0"), ("1", "0")]
    assert chart.headings == ["From", "UTC", "Succeeded", "Failed"]


def test_one_task_is_a_whole_bar() -> None:
    chart = ended("e", "tasks", BUCKETS, {"cancelled": [0, 0, 0, 1]}, BERLIN)
    (mark,) = chart.marks
    assert (float(mark.y), float(mark.height), mark.pattern) == (TOP, FLOOR - TOP, "dotted")


@pytest.mark.parametrize(
    "chart",
    [
        ended("e", "tasks", BUCKETS, {}, BERLIN),
        ended("e", "tasks", BUCKETS, {"failed": [0, 0, 0, 0]}, BERLIN),
        durations("d", "Waiting", BUCKETS, {"p50": [None] * 4}, BERLIN),
    ],
)
def test_nothing_is_said_in_words(chart: Chart) -> None:
    assert chart.nothing == "Nothing ended in this time."
    html = drawn(chart)
    assert "Nothing ended in this time." in html
    assert "<svg" not in html


def test_lines_have_gaps_where_nothing_ended() -> None:
    chart = durations("d", "Waiting", BUCKETS, {"p50": [1.0, 2.0, None, 1.5], "p95": [4.0, 4.0, None, 5.0]}, BERLIN)
    kinds = [line.kind for line in chart.lines]
    assert kinds == ["axis", "p50", "p50", "p95", "p95"]
    assert [len(line.points.split()) for line in chart.lines] == [2, 2, 2, 2, 2]
    assert chart.rows[2][2:] == ("–", "–")
    assert chart.rows[3][2:] == ("1.5 s", "5 s")
    assert chart.title == "Waiting, at the worst 5 s"


def test_lines_of_what_took_no_time() -> None:
    chart = durations("d", "Waiting", BUCKETS, {"p50": [0.0, 0.0, 0.0, 0.0]}, BERLIN)
    assert chart.rows[0][2:] == ("0 s",)
    assert chart.lines[1].points.split()[0].endswith(f",{FLOOR}")


def test_labels_have_a_unit_and_the_zone_of_the_reader() -> None:
    chart = ended("e", "tasks per minute", BUCKETS, {"failed": [0, 0, 0, 9]}, BERLIN)
    texts = [label.text for label in chart.labels]
    assert texts == ["tasks per minute", "0", "5", "10", "12:58", "12:59", "13:00", "13:01"]
    assert chart.labels[4].title == "2026-11-23 11:58 UTC"


def test_days_are_named_where_a_time_is_not_enough() -> None:
    buckets = Buckets.until(NOW, timedelta(days=30), timedelta(hours=6), BERLIN)
    chart = ended("e", "tasks", buckets, {"failed": [1] * len(buckets)}, BERLIN)
    assert chart.labels[-1].text.endswith(("00:00", "06:00", "12:00", "18:00"))
    assert "/2026" in chart.labels[-1].text
    assert len(chart.rows) == 120


@pytest.mark.parametrize(
    ("highest", "end"),
    [(0, 1), (1, 1), (3, 5), (5, 5), (6, 10), (10, 10), (11, 20), (999, 1000), (0.3, 0.5), (0.1, 0.1), (7e9, 1e10)],
)
def test_axes_end_at_a_round_number(highest: float, end: float) -> None:
    assert nice(highest) == pytest.approx(end)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (0, "0 s"), (0.04, "0 s"), (0.84, "0.8 s"), (9.96, "10 s"), (31.2, "31 s"), (119, "119 s"),
     (240, "4 min"), (7199, "120 min"), (7200, "2 h"), (1e6, "278 h")],
)  # fmt: skip
def test_durations_are_words(value: float | None, text: str) -> None:
    assert seconds(value) == text


def test_a_sparkline_shows_one_beside_a_thousand() -> None:
    chart = sparkline("s", [1, 0, 1000])
    assert [float(mark.height) for mark in chart.marks] == [1.5, 18]
    assert chart.title == "1001 in this time, at most 1000 at once"
    assert sparkline("s", [1]).title == "1 in this time"
    assert sparkline("s", []).marks == []


def test_a_chart_is_drawn_with_its_title_its_patterns_and_its_numbers() -> None:
    chart = ended("ends", "tasks", BUCKETS, {"succeeded": [1, 0, 0, 0], "failed": [0, 1, 0, 0]}, BERLIN, "<of 9>")
    html = drawn(chart)
    assert '<svg role="img"' in html
    assert '<title id="ends-title">Tasks that ended: 1 succeeded, 1 failed</title>' in html
    assert 'id="ends-hatched"' in html
    assert 'fill="url(#ends-hatched)"' in html
    assert "<summary>" in html
    assert html.count("<tr>") == 5
    assert "&lt;of 9&gt;" in html
    for inline in ("style=", "<script", "onclick"):
        assert inline not in html


@override_settings(USE_THOUSAND_SEPARATOR=True)
def test_coordinates_are_the_same_in_all_languages() -> None:
    values = {"p50": [1000.5, 0.25, None, 3.0]}
    with translation.override("de"):
        german = durations("d", "Waiting", BUCKETS, values, BERLIN)
        html = drawn(german)
    english = durations("d", "Waiting", BUCKETS, values, BERLIN)
    assert [line.points for line in german.lines] == [line.points for line in english.lines]
    assert 'viewBox="0 0 720 170"' in html
