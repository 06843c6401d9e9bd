"""Alerts fire when they should, and no others, as Prometheus' own promtool computes them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.charts import OPERATOR
from tools.cluster import Progress
from tools.promtool import ensure_promtool

RULES = OPERATOR / "files/alerts.yaml"
# The series of one replica, minute by minute, in promtool's notation. 0x9 is 0, and 0 nine times more.
Series = dict[str, str]
# The alerts that fire in a minute, with the values of `namespace` and `queue`, where they have them.
Firing = dict[int, set[str]]

A, B = (f"pod={pod!r}, namespace='ops', job='djangotasks'" for pod in "ab")
LEADS: Series = {f"djangotasks_leader{{{A}}}": "1x3000"}
SHOP = "namespace='shop', queue='mail'"

OLDEST, FREE, STARTED = (
    f"djangotasks_queue_{name}{{{SHOP}, pod='a'}}"
    for name in ("oldest_waiting_timestamp_seconds", "free_slots", "wait_seconds_count")
)
WAITS = LEADS | {OLDEST: "60x3000"}


def free(slots: str) -> Series:
    return {FREE: " ".join([slots] * 1500)}


def starts(values: str) -> Series:
    return {STARTED: values}


def handed_over(series: str, value: str) -> Series:
    """What the leader alone has, when another one leads from the 30th minute on."""
    return {series: f"{value}x30 stale", series.replace("pod='a'", "pod='b'"): f"_x31 {value}x60"}


def ended(phase: str, values: str, pod: str = "a") -> Series:
    return LEADS | {f"djangotasks_task_duration_seconds_count{{{SHOP}, phase='{phase}', pod='{pod}'}}": values}


def workflows(phase: str, values: str) -> Series:
    return {f"djangotasks_workflow_duration_seconds_count{{{SHOP}, phase='{phase}', pod='a'}}": values}


def scheduled(name: str, values: str, labels: str = "") -> Series:
    return {f"djangotasks_{name}_total{{{SHOP}, pod='a'{labels}}}": values}


def late(in_time: str, ever: str) -> Series:
    """Schedules that were due, and how many of them were less than a minute late."""
    bounds = {"60": in_time, "300": in_time, "14400": ever, "+Inf": ever}
    return {f"djangotasks_schedule_lateness_seconds_bucket{{le='{le}', {A}}}": values for le, values in bounds.items()}


REFUSED = f"djangotasks_reconcile_errors_total{{cause='api', {A}}}"


def attempts(values: str) -> Series:
    return {f"djangotasks_attempts_total{{{SHOP}, pod='a'}}": values}


def unreported(values: str) -> Series:
    return LEADS | {f"djangotasks_unreported_outcomes_total{{{SHOP}, pod='a'}}": values}


STORIES: list[tuple[str, Series, Firing]] = [
    ("a new installation without a task", LEADS, {0: set(), 20: set()}),
    ("one of two replicas leads, and hands over",
     {f"djangotasks_leader{{{A}}}": "1x10 0x20", f"djangotasks_leader{{{B}}}": "0x10 1x20"},
     {9: set(), 11: set(), 25: set()}),
    ("nothing is scraped", {}, {4: set(), 5: {"OperatorAbsent"}}),
    ("the API server refuses the first list", {f"djangotasks_leader{{{A}}}": "0x30"},
     {1: set(), 2: {"NobodyLeads ops"}, 6: {"NobodyLeads ops", "OperatorAbsent"}}),
    ("the pods are gone", {f"djangotasks_leader{{{A}}}": "1x5 stale"},
     {5: set(), 8: {"NobodyLeads ops"}, 11: {"NobodyLeads ops", "OperatorAbsent"}, 70: {"OperatorAbsent"}}),
    ("the replicas of one operator end again and again, and those of another do not",
     {f"djangotasks_leader{{{A}}}": "0 stale _ _ 0 stale _ _ _ 0 stale _ _ _ 0 stale",
      "djangotasks_leader{pod='c', namespace='bank', job='djangotasks'}": "1x20"},
     {15: {"NobodyLeads ops"}}),
    ("tasks wait, and nothing is started", WAITS | free("+Inf"), {14: set(), 21: set(), 22: {"NothingStarts shop mail"}}),
    ("the queue is not ready", WAITS | free("7") | {f"djangotasks_queue_ready{{{SHOP}, pod='a'}}": "0x40"},
     {5: set(), 30: {"QueueNotReady shop mail"}}),
    ("nothing is started since those of before", WAITS | free("7") | starts("0x2 5x100"),
     {22: set(), 24: {"NothingStarts shop mail"}}),
    ("the queue has too much to do", WAITS | free("7") | starts("0+1x100"), {60: set()}),
    ("the first of its tasks was started just now", WAITS | free("7") | starts("_x30 1x40"), {32: set(), 44: set()}),
    ("the queue is full, held or suspended", WAITS | free("0"), {30: set(), 1439: set(), 1447: {"WaitForADay shop mail"}}),
    ("its last task was started", LEADS | {OLDEST: "60x30 stale"} | free("+Inf"), {30: {"NothingStarts shop mail"}, 31: set()}),
    ("the queue was deleted", LEADS | {OLDEST: "60x30 stale", FREE: "+Inf " * 31 + "stale"},
     {30: {"NothingStarts shop mail"}, 31: set()}),
    ("another replica leads, and none starts", LEADS | handed_over(OLDEST, "60") | handed_over(FREE, "4"),
     {30: {"NothingStarts shop mail"}, 60: {"NothingStarts shop mail"}}),
    ("a namespace cannot be read", LEADS | {"djangotasks_namespace_readable{namespace='bank', pod='a'}": "1x9 0x20 1x9"},
     {9: set(), 20: {"NamespaceUnreadable bank"}, 31: set()}),
    ("a task of a queue that does not exist is to be tried again",
     LEADS | {"djangotasks_tasks{namespace='shop', queue='(missing)', phase='Retrying', pod='a'}": "1x30"},
     {9: set(), 10: {"QueueMissing shop"}}),
    ("no outcome is reported", unreported("0x5 1x5 2x5 3x90") | attempts("0x5 1x5 2x5 3x90"),
     {20: set(), 25: {"NotReported shop mail"}, 90: set()}),
    ("one of four outcomes is not reported", unreported("0x5 1x90") | attempts("0x5 4x90"), {30: set()}),
    ("the only task of the night fails", ended("Failed", "_x30 1x200"), {40: set(), 46: {"EndInFailure shop mail"}, 95: set()}),
    ("a task an hour fails", ended("Failed", "0x59 1x59 2x59 3x59"), {59: set()} | {
        minute: {"EndInFailure shop mail"} for minute in (76, 119, 150, 230)}),
    ("one of ten fails", ended("Failed", "0x4 1x200") | ended("Succeeded", "0x4 9x200"), {30: set()}),
    ("one of three fails, as one replica counted", ended("Failed", "_x4 1x200") | ended("Succeeded", "_x4 2x200", "b"),
     {30: {"EndInFailure shop mail"}}),
    ("tasks failed weeks ago", ended("Failed", "5x200"), {90: set(), 180: set()}),
    ("the operator is restarted after an outage, in which times were missed",
     LEADS | scheduled("schedule_skipped", "_x30 5x200", ", reason='Missed'") | scheduled("scheduled_tasks", "_x30 1x200"),
     {40: set(), 46: {"ScheduleSkips shop mail"}, 100: set()}),
    ("the schedule of a night is three hours late, as no operator ran", LEADS | late("_x30 0x200", "_x30 1x200"),
     {40: set(), 46: {"SchedulesLate"}, 100: set()}),
    ("one schedule an hour is late", LEADS | late("0x200", "0x59 1x59 2x200"), {59: set(), 76: {"SchedulesLate"}, 135: {"SchedulesLate"}}),
    ("no schedule is late", LEADS | late("0+1x200", "0+1x200"), {59: set(), 76: set()}),
    ("a schedule's times were changed",
     LEADS | scheduled("schedule_skipped", "_x30 5x200", ", reason='TimesChanged'") | scheduled("scheduled_tasks", "_x30 0x200"),
     {50: set()}),
    ("a workflow a night fails", LEADS | workflows("Failed", "_x30 1x200"), {46: {"WorkflowsFail shop mail"}, 100: set()}),
    ("a defect before the first scrape",
     LEADS | {f"djangotasks_defects_total{{{A}}}": "_x5 1x200"},
     {4: set(), 5: {"OperatorDefect ops"}, 64: {"OperatorDefect ops"}, 70: set()}),
    ("what is written about one task is refused for ever", LEADS | {REFUSED: "0x5 1+1x100"}, {15: set(), 25: {"ReconcilesFail ops"}}),
    ("the API server is away for some minutes", LEADS | {REFUSED: "0x5 100+100x4 500x100"}, {15: set(), 21: set(), 40: set()}),
    ("a defect", LEADS | {f"djangotasks_defects_total{{{A}}}": "0x99 1x200"},
     {99: set(), 101: {"OperatorDefect ops"}, 170: set()}),
]  # fmt: skip


@pytest.fixture(scope="module")
def promtool() -> Path:
    return ensure_promtool(Progress())


@pytest.mark.parametrize(("series", "firing"), [row[1:] for row in STORIES], ids=[row[0] for row in STORIES])
def test_alerts_fire_when_they_should(promtool: Path, series: Series, firing: Firing, tmp_path: Path) -> None:
    story = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname, namespace, queue) (ALERTS{alertstate="firing"})',
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": labels(alert), "value": 1} for alert in alerts],
            }
            for minute, alerts in firing.items()
        ],
    }
    file = tmp_path / "story.yaml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [story]}))
    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def labels(alert: str) -> str:
    """The labels of an alert, as promtool writes them."""
    name, *values = alert.split()
    pairs = [("alertname", f"DjangoTasks{name}"), *zip(("namespace", "queue"), values, strict=False)]
    return "{" + ", ".join(f'{label}="{value}"' for label, value in pairs) + "}"
