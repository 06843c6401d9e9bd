"""Which changes of a status become Events, and what they say."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.bounds import MESSAGE_MAX_CHARS
from djangotasks_api.failure import ErrorReport
from djangotasks_api.models import TaskStatus
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.scheduling.limits import Limits
from djangotasks_operator.status import endings, transitions
from djangotasks_operator.telemetry.event_rules import event_draft
from tests.support.builders import NOW, at

DEADLINE = 5.0
NEW = TaskStatus()
THRICE = Limits(max_attempts=3)
RUNNING = transitions.running("receipt", NEW, at(1))
STOPPING = transitions.attempt_stopping("receipt", RUNNING, Reason.DEADLINE_EXCEEDED, "It took too long.")


def outcome(**fields: Any) -> Outcome:
    return Outcome(started_at=at(1).isoformat(), finished_at=at(2).isoformat(), **fields)


SECRET = ErrorReport(type="shop.CardDeclined", traceback="Traceback\nshop.CardDeclined: the card 4242 is declined")
FAILURE = outcome(reason=Reason.TASK_ERROR, error=SECRET)
HOSTILE = outcome(
    reason=Reason.EVICTED, error=ErrorReport(type="a\n\x1b[2J" + "b" * 2000, traceback="4242: 'tis a secret")
)


def ended(status: TaskStatus, report: Outcome, limits: Limits = THRICE) -> TaskStatus:
    return endings.with_outcome("receipt", status, report, limits, at(2))


def attempt_ended_without_outcome(
    status: TaskStatus, reason: Reason, message: str, limits: Limits = THRICE, **fields: Any
) -> TaskStatus:
    return endings.attempt_ended_without_outcome("receipt", status, reason, message, limits, at(2), **fields)


def waiting(status: TaskStatus, reason: Reason | None, message: str | None) -> TaskStatus:
    return transitions.waiting(status, reason, message)


def starting(reason: Reason | None, message: str | None) -> TaskStatus:
    return transitions.starting("receipt", NEW, reason, message)


RETRYING = ended(NEW, FAILURE)
QUOTA = waiting(NEW, Reason.QUOTA_EXCEEDED, "exceeded quota: narrow")
PULL = starting(Reason.IMAGE_PULL_FAILED, "ErrImagePull: no such image")
ONCE = Limits()

NOTICES: list[tuple[str, TaskStatus, TaskStatus, tuple[str, str] | None]] = [
    ("a success", NEW, ended(NEW, outcome(result="3")), None),
    ("running", NEW, RUNNING, None),
    ("a start that takes its time", NEW, starting(None, None), None),
    ("cancelled", RUNNING, endings.cancelled("receipt", RUNNING, at(2), begun=True), None),
    ("waits for a quota", NEW, QUOTA, ("Waiting", "QuotaExceeded: exceeded quota: narrow")),
    ("waits for the same in other words", QUOTA, waiting(QUOTA, Reason.QUOTA_EXCEEDED, "narrower"), None),
    ("waits for something else", QUOTA, waiting(QUOTA, Reason.QUEUE_NOT_FOUND, "gone"), ("Waiting", "QueueNotFound: gone")),
    ("waits no more", QUOTA, waiting(QUOTA, None, None), None),
    ("a retry that waits for a quota", RETRYING, waiting(RETRYING, Reason.QUOTA_EXCEEDED, "exceeded"),
     ("Waiting", "QuotaExceeded: exceeded")),
    ("a pod that does not start", NEW, PULL, ("FailedToStart", "ImagePullFailed: ErrImagePull: no such image")),
    ("a pod whose node is silent", RUNNING, transitions.pod_deletion_stuck(RUNNING, Reason.NODE_LOST, "It may run on."),
     ("Stuck", "NodeLost: It may run on.")),
    ("a deadline, before the pod is gone", RUNNING, STOPPING, None),
    ("a deadline, after it is gone", STOPPING, attempt_ended_without_outcome(STOPPING, Reason.DEADLINE_EXCEEDED, "It took too long.", ONCE),
     ("Failed", "DeadlineExceeded: It took too long.")),
    ("a retry", NEW, RETRYING,
     ("Retrying", "Attempt 1 failed. TaskError: the task raised shop.CardDeclined. The next one starts at 2026-11-23T12:00:03Z.")),
    ("an interruption", RUNNING, attempt_ended_without_outcome(RUNNING, Reason.EVICTED, "Evicted: the node was low on memory."),
     ("Interrupted", "Attempt 1 was interrupted. Evicted: Evicted: the node was low on memory."
      " The next one starts at 2026-11-23T12:00:03Z.")),
    ("the last failure", NEW, ended(NEW, FAILURE, ONCE), ("Failed", "TaskError: the task raised shop.CardDeclined.")),
    ("a process that died, whose log is its own", NEW,
     attempt_ended_without_outcome(NEW, Reason.PROCESS_EXITED, "The end of its log:\n4242", ONCE, exit_code=139),
     ("Failed", "ProcessExited: the process ended with exit code 139 and reported no outcome.")),
    ("out of memory", NEW, attempt_ended_without_outcome(NEW, Reason.OOM_KILLED, "Raise the limit.", ONCE, exit_code=137),
     ("Failed", "OOMKilled: Raise the limit.")),
    ("a spec that cannot be read", NEW, endings.finished(NEW, Phase.FAILED, Reason.INVALID_SPEC, "no", NOW),
     ("Failed", "InvalidSpec: no")),
    ("several lines of the kubelet", NEW, starting(Reason.IMAGE_PULL_FAILED, "one\n two\x1b[0m"),
     ("FailedToStart", "ImagePullFailed: one two")),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), [row[1:] for row in NOTICES], ids=[row[0] for row in NOTICES])
def test_a_status_change_becomes_this_event(old: TaskStatus, new: TaskStatus, said: tuple[str, str] | None) -> None:
    assert event_draft(old, new) == said


@pytest.mark.parametrize(
    "status", [ended(NEW, FAILURE), ended(NEW, FAILURE, ONCE), ended(NEW, HOSTILE), ended(NEW, HOSTILE, ONCE)]
)
def test_never_the_words_of_the_task(status: TaskStatus) -> None:
    found = event_draft(NEW, status)
    assert found is not None
    assert "4242" not in found.message
    assert found.message.isprintable()
    assert len(found.message) <= MESSAGE_MAX_CHARS


def test_a_cut_message_keeps_when_the_next_attempt_starts() -> None:
    found = event_draft(RUNNING, attempt_ended_without_outcome(RUNNING, Reason.EVICTED, "long " * 500))
    assert found is not None
    assert found.message.endswith("… The next one starts at 2026-11-23T12:00:03Z.")
    assert len(found.message) == MESSAGE_MAX_CHARS
