"""Progress in the status, and how long an attempt may be silent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from djangotasks_api.models import Policy, Progress, TaskStatus
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase, Reason
from djangotasks_api.reports import ProgressReport
from djangotasks_operator.cache.patches import status_patch
from djangotasks_operator.decide.actions import Action, Wait, WriteStatus
from djangotasks_operator.decide.checks import decide
from djangotasks_operator.pods.parsing import parse_pod
from djangotasks_operator.pods.views import HEARTBEAT_ANNOTATION
from djangotasks_operator.scheduling.limits import Limits, resolve
from djangotasks_operator.status import progress
from djangotasks_operator.status.endings import attempt_ended_without_outcome, with_outcome
from djangotasks_operator.status.transitions import running, starting, with_progress
from djangotasks_operator.telemetry.event_rules import event_draft
from djangotasks_operator.telemetry.logs import log_transition
from tests.support.builders import NOW, at, make_attempt, make_job, make_pod, make_queue, make_snapshot, make_task

STARTED = at(-10).isoformat()
RUNNING = TaskStatus(phase=Phase.RUNNING, attempts=[make_attempt(started_at=at(-10))], started_at=at(-10))
REPORT = ProgressReport(started_at=STARTED, done=42, total=100, message="reading")
OLD = Progress(done=7, attempt=1, text="7", updated_at=at(-30))
AGAIN = TaskStatus(
    phase=Phase.RETRYING, attempts=[make_attempt(finished_at=at(-20), reason=Reason.TASK_ERROR)], progress=OLD
)


@pytest.mark.parametrize(
    ("done", "total", "expected"),
    [
        (None, None, ""), (None, 5, ""), (42, None, "42"), (42.0, 100.0, "42/100"), (0, 0, "0/0"), (101, 100, "101/100"),
        (0, 1, "0%"), (0.29, 1, "29%"), (1, 1, "100%"), (0.996, 1, "99%"), (0.5, 0, "100%"), (1.5, 1, "150%"), (0.25, None, "0.25"), (1 / 3, None, "0.333"),
        (123456789012345, 999999999999999, "123456789012345/999999999999999"), (10**20, None, "1e+20"),
        (1e308, 1e-308, "inf%"), (10**308, 0.5, "inf%"), (1.7e308, 1.7e308, "1.7e+308/1.7e+308"),
    ],
)  # fmt: skip
def test_the_column(done: float | None, total: float | None, expected: str) -> None:
    assert progress.progress_text(done, total) == expected
    Progress(text=expected, attempt=1, updated_at=NOW)  # the schema agrees


def test_a_running_attempt_shows_its_own_progress() -> None:
    status = with_progress("receipt", RUNNING, REPORT, NOW)
    assert status.progress == Progress(done=42, total=100, message="reading", text="42/100", attempt=1, updated_at=NOW)
    assert status.model_copy(update={"progress": None}) == RUNNING


def test_an_attempt_that_reports_progress_is_running() -> None:
    status = with_progress("receipt", TaskStatus(), REPORT, NOW)
    assert (status.phase, status.started_at) == (Phase.RUNNING, at(-10))
    assert status.attempts == [make_attempt(started_at=at(-10))]
    assert status.progress is not None


@pytest.mark.parametrize(
    "status",
    [
        starting("receipt", AGAIN, None, None),
        running("receipt", AGAIN, NOW),
        attempt_ended_without_outcome("receipt", AGAIN, Reason.OOM_KILLED, "", Limits(), NOW),
        with_outcome("receipt", AGAIN, Outcome(started_at=None, finished_at=STARTED, result="1"), Limits(), NOW),
    ],
    ids=["starting", "running", "died", "outcome"],
)
def test_an_attempt_begins_without_the_progress_of_the_last_one(status: TaskStatus) -> None:
    assert (len(status.attempts), status.progress) == (2, None)


@pytest.mark.parametrize("reason", [None, Reason.TASK_ERROR], ids=["success", "failure"])
def test_an_outcome_brings_the_last_word(reason: Reason | None) -> None:
    before = with_progress("receipt", RUNNING, REPORT, at(-5))
    outcome = Outcome(started_at=STARTED, finished_at=STARTED, result="1", reason=reason)
    kept = with_outcome("receipt", before, outcome, Limits(), NOW)
    assert kept.progress == before.progress
    last = ProgressReport(started_at=STARTED, done=100, total=100)
    outcome = Outcome(started_at=STARTED, finished_at=STARTED, result="1", reason=reason, progress=last)
    brought = with_outcome("receipt", before, outcome, Limits(), NOW)
    assert brought.progress == Progress(done=100, total=100, text="100/100", attempt=1, updated_at=NOW)


def test_the_patch_names_what_is_not_said_any_more() -> None:
    before = with_progress("receipt", RUNNING, REPORT, at(-5))
    after = with_progress("receipt", before, ProgressReport(started_at=STARTED, done=43), NOW)
    assert status_patch(before, after) == {
        "phase": "Running",
        "progress": {"done": 43, "total": None, "message": None, "text": "43", "attempt": 1,
                     "updatedAt": "2026-11-23T12:00:00Z"},
    }  # fmt: skip


def test_progress_is_neither_logged_nor_an_event(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    status = with_progress("receipt", RUNNING, REPORT, NOW)
    log_transition(make_task(status=RUNNING), status)
    assert (caplog.records, event_draft(RUNNING, status)) == ([], None)
    log_transition(make_task(), with_progress("receipt", TaskStatus(), REPORT, NOW))
    assert len(caplog.records) == 1


# Heartbeats


SAID = Progress(attempt=1, updated_at=at(-4))
QUIET: list[tuple[str, dict[str, Any], dict[str, Any], Action | str]] = [
    ("its start is the first heartbeat", {}, {}, Wait(at(10))),
    ("what it says counts", {"progress": SAID}, {}, Wait(at(16))),
    ("what an earlier attempt said does not", {"progress": SAID.model_copy(update={"attempt": 3})}, {}, Wait(at(10))),
    ("a pod whose clock is an hour fast is watched all the same",
     {"progress": SAID, "attempts": [make_attempt(started_at=at(3600))]}, {}, Wait(at(16))),
    ("one whose clock is an hour slow is no more silent for it",
     {"progress": SAID, "attempts": [make_attempt(started_at=at(-3600))]}, {}, Wait(at(16))),
    ("what could not be heard does not count", {}, {"reports_accepted_since": at(-1)}, Wait(at(19))),
    ("too long", {"progress": Progress(attempt=1, updated_at=at(-20))}, {}, "20 s; the last came at 2026-11-23T11:59:40"),
    ("too long since somebody listens", {"progress": Progress(attempt=1, updated_at=at(-90))},
     {"reports_accepted_since": at(-20)}, "20 s; the last came at 2026-11-23T11:58:30"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "more", "expected"), [c[1:] for c in QUIET], ids=[c[0] for c in QUIET])
def test_an_attempt_is_stopped_after_its_heartbeat_timeout(
    status: dict[str, Any], more: dict[str, Any], expected: Action | str
) -> None:
    pod = make_pod(running_since=at(-10), heartbeat_timeout=timedelta(seconds=20))
    task = make_task(status=RUNNING.model_copy(update=status))
    decision = decide(make_snapshot(task, jobs=(make_job(),), pods=(pod,), **more), NOW)
    if not isinstance(expected, str):
        assert decision == expected
        return
    # Stopping: it ends when its pod has.
    assert isinstance(decision, WriteStatus)
    assert (decision.status.phase, decision.status.reason) == (Phase.RUNNING, Reason.HEARTBEAT_TIMEOUT)
    assert expected in (decision.status.message or "")


def test_whichever_limit_comes_first() -> None:
    pod = make_pod(running_since=at(-10), heartbeat_timeout=timedelta(seconds=20))
    for timeout, expected in ((15, Wait(at(5))), (600, Wait(at(10)))):
        task = make_task(status=RUNNING, policy=Policy(timeout_seconds=timeout))
        assert decide(make_snapshot(task, jobs=(make_job(),), pods=(pod,)), NOW) == expected


def test_without_a_heartbeat_timeout_it_may_be_silent_for_ever() -> None:
    snapshot = make_snapshot(make_task(status=RUNNING), jobs=(make_job(),), pods=(make_pod(running_since=at(-10)),))
    assert decide(snapshot, at(10**6)) == Wait()


def test_the_start_is_stamped_by_the_operators_clock_where_it_matters() -> None:
    pod = make_pod(running_since=at(-20), heartbeat_timeout=timedelta(seconds=30))
    decision = decide(make_snapshot(jobs=(make_job(),), pods=(pod,)), NOW)
    assert isinstance(decision, WriteStatus)
    assert decision.status.progress == Progress(attempt=1, updated_at=NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20", 20), ("2.5", 2.5), ("", None), ("nan", None), ("-1", None), ("1e300", None), ("x", None)],
)
def test_a_pods_heartbeat_timeout_is_parsed(text: str, seconds: float | None) -> None:
    labels = {"djangotasks.dev/task": "a", "djangotasks.dev/task-uid": "u", "djangotasks.dev/attempt": "1"}
    metadata = {"name": "a-1", "namespace": "shop", "uid": "p", "resourceVersion": "1", "labels": labels,
                "creationTimestamp": "2026-11-23T12:00:00Z", "annotations": {HEARTBEAT_ANNOTATION: text}}  # fmt: skip
    pod = parse_pod({"metadata": metadata})
    assert pod is not None
    assert pod.heartbeat_timeout == (None if seconds is None else timedelta(seconds=seconds))


def test_the_tasks_own_heartbeat_timeout_then_its_queues() -> None:
    queue = make_queue(policy=Policy(heartbeat_timeout_seconds=60))
    assert resolve(None, queue).heartbeat_timeout == timedelta(seconds=60)
    assert resolve(Policy(heartbeat_timeout_seconds=5), queue).heartbeat_timeout == timedelta(seconds=5)
    assert resolve(None, None).heartbeat_timeout is None
