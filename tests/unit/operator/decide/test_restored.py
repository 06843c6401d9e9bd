"""A task that comes from a backup waits for a person, and everything else goes on as it would."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from djangotasks_api.models import DjangoTask, TaskStatus
from djangotasks_api.names import RESTORED_LABELS
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.cache.parsing import parse_task
from djangotasks_operator.decide.actions import AwaitAdmission, Start, Wait, WriteStatus
from djangotasks_operator.decide.checks import decide
from tests.support.builders import NOW, at, make_attempt, make_job, make_pod, make_snapshot, make_task

VELERO = {"velero.io/restore-name": "monday"}
LATER = at(10)


def restored(labels: dict[str, str] | None = None, created_at: datetime = NOW, **fields: Any) -> DjangoTask:
    task = make_task(**fields)
    metadata = {"labels": VELERO if labels is None else labels, "creation_timestamp": created_at}
    return task.model_copy(update={"metadata": task.metadata.model_copy(update=metadata)})


@pytest.mark.parametrize("label", RESTORED_LABELS)
@pytest.mark.parametrize("value", ["monday", ""])
@pytest.mark.parametrize("admitted", [True, False])
def test_a_restored_task_is_held_and_says_how_to_run_it(label: str, value: str, admitted: bool) -> None:
    decision = decide(make_snapshot(restored({label: value}), admitted=admitted), LATER)
    assert isinstance(decision, WriteStatus)
    status = decision.status
    assert (status.phase, status.reason) == (Phase.QUEUED, Reason.RESTORED)
    assert f"kubectl label djangotask receipt {label}-" in (status.message or "")
    assert decide(make_snapshot(restored({label: value}, status=status), admitted=admitted), LATER) == Wait()


def test_without_the_label_it_starts() -> None:
    held = TaskStatus(reason=Reason.RESTORED)
    assert decide(make_snapshot(restored({"team": "shop"}, status=held)), LATER) == AwaitAdmission(None)
    assert decide(make_snapshot(restored({}, status=held), admitted=True), LATER) == Start(1)


def test_nothing_is_written_while_a_status_may_still_come() -> None:
    """Whatever is written first makes the tool's own write a conflict, and the result is lost."""
    overdue = restored(expires_at=at(-3600))
    for task in (restored(), overdue):
        assert decide(make_snapshot(task), at(9)) == Wait(LATER)


def test_a_status_that_is_restored_too_is_believed() -> None:
    done = TaskStatus(phase=Phase.SUCCEEDED, finished_at=at(-10), result="3")
    assert not isinstance(decide(make_snapshot(restored(status=done)), NOW), Start | WriteStatus)
    retrying = TaskStatus(phase=Phase.RETRYING, attempts=[make_attempt(1, finished_at=at(-10), reason="TaskError")])
    decision = decide(make_snapshot(restored(status=retrying), admitted=True), LATER)
    assert isinstance(decision, WriteStatus)
    assert (decision.status.phase, decision.status.reason) == (Phase.RETRYING, Reason.RESTORED)


def test_an_attempt_whose_pod_did_not_come_along_is_no_reason_to_start_another() -> None:
    running = TaskStatus(phase=Phase.RUNNING, attempts=[make_attempt(1, started_at=at(-10))])
    ended = decide(make_snapshot(restored(status=running), lost=frozenset({1}), admitted=True), LATER)
    assert isinstance(ended, WriteStatus)
    assert ended.status.attempts[0].reason is Reason.JOB_DELETED
    held = decide(make_snapshot(restored(status=ended.status), admitted=True), at(3600))
    assert isinstance(held, WriteStatus)
    assert held.status.reason is Reason.RESTORED


def test_a_label_on_a_task_that_runs_stops_nothing() -> None:
    running = TaskStatus(phase=Phase.RUNNING, attempts=[make_attempt(1, started_at=NOW)])
    pod = make_pod(1, running_since=NOW)
    assert decide(make_snapshot(restored(status=running), jobs=(make_job(1),), pods=(pod,)), LATER) == Wait()


def test_a_restored_task_can_be_cancelled() -> None:
    decision = decide(make_snapshot(restored(cancel=True)), LATER)
    assert isinstance(decision, WriteStatus)
    assert decision.status.phase is Phase.CANCELLED


def test_a_restored_task_expires_as_it_would_without_the_label() -> None:
    overdue = decide(make_snapshot(restored(expires_at=at(5))), LATER)
    assert isinstance(overdue, WriteStatus)
    assert (overdue.status.phase, overdue.status.reason) == (Phase.FAILED, Reason.EXPIRED)
    held = TaskStatus(reason=Reason.RESTORED)
    task = restored(expires_at=at(60), status=held)
    assert decide(make_snapshot(task), LATER) == Wait(at(60))
    expired = decide(make_snapshot(task), at(60))
    assert isinstance(expired, WriteStatus)
    assert (expired.status.phase, expired.status.reason) == (Phase.FAILED, Reason.EXPIRED)


def test_the_cache_keeps_the_label_and_no_other() -> None:
    metadata = {"name": "receipt", "uid": "u", "resourceVersion": "1", "creationTimestamp": NOW.isoformat()}
    spec = {"task": "shop.tasks.send_receipt"}
    task, _ = parse_task({"metadata": metadata | {"labels": VELERO | {"team": "shop"}}, "spec": spec})
    assert task.metadata.labels == VELERO
    task, _ = parse_task({"metadata": metadata | {"labels": {"team": "shop"}}, "spec": spec})
    assert task.metadata.labels is None
