"""Whose log is kept, and when it is fetched and stored."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import LogTail, TaskStatus
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.decide.actions import (
    Action,
    AwaitAdmission,
    DeletePod,
    DeleteTask,
    FetchLog,
    FinishJob,
    Start,
    StoreLogTail,
    Wait,
)
from djangotasks_operator.decide.log_retention import LogTailState, is_settled, log_action_before, with_log_retention
from djangotasks_operator.decide.snapshot import Snapshot
from tests.support.builders import (
    NOW,
    at,
    make_attempt,
    make_job,
    make_pod,
    make_queue,
    make_snapshot,
    make_task,
)

GOOD = make_attempt(started_at=at(-20), finished_at=at(-10))
BAD = make_attempt(started_at=at(-20), finished_at=at(-10), reason=Reason.TASK_ERROR)
WORSE = make_attempt(2, started_at=at(-9), finished_at=at(-5), reason=Reason.TASK_ERROR)
OPEN = make_attempt(started_at=at(-20))
ENDED, ENDED_2 = make_pod(exit_code=1), make_pod(2, exit_code=1)
ALIVE = make_pod(running_since=at(-20))
IDLE = Wait()


def seen(
    *attempts: Any, pods: Any = (ENDED,), keep: str | None = "OnFailure", tail: int | None = None, **task: Any
) -> Snapshot:
    """`keep`: the queue's keepLog; None where there is no queue. `tail`: whose log is kept already."""
    kept = None if tail is None else LogTail(attempt=tail, text="")
    default = Phase.FAILED if all(attempt.finished_at for attempt in attempts) else Phase.RUNNING
    status = TaskStatus(phase=task.pop("phase", default), attempts=list(attempts), log_tail=kept)
    queue = (
        None if keep is None else make_queue(keep_log=keep, pod_ttl_seconds_after_finished=task.pop("pod_ttl", None))
    )
    return make_snapshot(make_task(status=status, **task), pods=pods, queue=queue)


TEXT = LogTailState(text="words", final=True)
EARLY = LogTailState(text="words")
NOTHING = LogTailState(final=True)
READING = LogTailState(reading=True)

CASES: list[tuple[str, Snapshot, dict[int, LogTailState], Action, object]] = [
    ("a failure's log is read when there is nothing else to do", seen(BAD), {}, IDLE, FetchLog(ENDED)),
    ("or nothing but to wait for a place", seen(BAD), {}, AwaitAdmission(), FetchLog(ENDED)),
    ("or to wait for the end of its time", seen(BAD), {}, DeleteTask(at(60)), FetchLog(ENDED)),
    ("it has no time left", seen(BAD), {}, DeleteTask(at(0)), None),
    ("the Job is finished first", seen(BAD), {}, FinishJob(make_job(), BAD), None),
    ("the log first, if the Job's TTL deletes it", seen(BAD, pod_ttl=0), {}, FinishJob(make_job(), BAD), FetchLog(ENDED)),
    ("the Job waits for it", seen(BAD, pod_ttl=0), {1: READING}, FinishJob(make_job(), BAD), Wait()),
    ("and for it to be kept", seen(BAD, pod_ttl=0), {1: TEXT}, FinishJob(make_job(), BAD), StoreLogTail(1, "words")),
    ("and is finished then", seen(BAD, pod_ttl=0, tail=1), {}, FinishJob(make_job(), BAD), None),
    ("also where there is no log to be had", seen(BAD, pod_ttl=0), {1: NOTHING}, FinishJob(make_job(), BAD), None),
    ("a success's Job waits for no log", seen(GOOD, pod_ttl=0), {}, FinishJob(make_job(), GOOD), None),
    ("the next attempt starts first", seen(BAD), {}, Start(2), None),
    ("it is being read", seen(BAD), {1: READING}, IDLE, None),
    ("it was read", seen(BAD), {1: TEXT}, IDLE, StoreLogTail(1, "words")),
    ("it is empty, and that is kept", seen(BAD), {1: LogTailState(text="", final=True)}, IDLE, StoreLogTail(1, "")),
    ("it is kept", seen(BAD, tail=1), {}, IDLE, None),
    ("there was none to be had", seen(BAD), {1: NOTHING}, IDLE, None),
    ("the next try", seen(BAD), {1: LogTailState(tries=1)}, IDLE, FetchLog(ENDED)),
    ("the container has not ended", seen(BAD, pods=(ALIVE,)), {}, IDLE, None),
    ("the container never started", seen(BAD, pods=(make_pod(phase="Failed"),)), {}, IDLE, None),
    ("the pod is gone", seen(BAD, pods=()), {}, IDLE, None),
    ("the pod is gone, and its log was read", seen(BAD, pods=()), {1: EARLY}, IDLE, StoreLogTail(1, "words")),
    ("it was read before its end", seen(BAD), {1: EARLY}, IDLE, FetchLog(ENDED)),
    ("a success", seen(GOOD), {}, IDLE, None),
    ("a success, Always", seen(GOOD, keep="Always"), {}, IDLE, FetchLog(ENDED)),
    ("a failure, Never", seen(BAD, keep="Never"), {}, IDLE, None),
    ("a failure, without a queue", seen(BAD, keep=None), {}, IDLE, None),
    ("read, and then Never", seen(BAD, keep="Never"), {1: TEXT}, IDLE, None),
    ("it still runs", seen(OPEN, pods=(ALIVE,)), {}, IDLE, None),
    ("the task is being deleted", seen(BAD, deleting=True), {}, IDLE, None),
    ("a later failure", seen(BAD, WORSE, pods=(ENDED, ENDED_2), tail=1), {}, IDLE, FetchLog(ENDED_2)),
    ("the later one's is kept", seen(BAD, WORSE, pods=(ENDED, ENDED_2), tail=2), {}, IDLE, None),
    ("only the earlier one's is to be had", seen(BAD, WORSE, pods=(ENDED,)), {}, IDLE, FetchLog(ENDED)),
    ("the later one's comes first", seen(BAD, WORSE, pods=(ENDED, ENDED_2)), {2: READING}, IDLE, None),
    ("a success after a failure", seen(BAD, make_attempt(2, finished_at=at(-1)), pods=(ENDED, ENDED_2)), {}, IDLE,
     FetchLog(ENDED)),
    ("the next attempt runs", seen(BAD, make_attempt(2, started_at=at(-1))), {}, IDLE, FetchLog(ENDED)),
    ("before its pod is deleted", seen(OPEN, pods=(ALIVE,)), {}, DeletePod(ALIVE), FetchLog(ALIVE, before_deletion=True)),
    ("its pod waits for that", seen(OPEN, pods=(ALIVE,)), {1: LogTailState(reading=True, blocks_deletion=True)}, DeletePod(ALIVE), Wait()),
    ("but not for what is only in its turn", seen(OPEN, pods=(ALIVE,)), {1: READING}, DeletePod(ALIVE), None),
    ("then it is deleted", seen(OPEN, pods=(ALIVE,)), {1: EARLY}, DeletePod(ALIVE), None),
    ("also where there is no log", seen(OPEN, pods=(ALIVE,)), {1: NOTHING}, DeletePod(ALIVE), None),
    ("a pod that never started", seen(OPEN, pods=(make_pod(),)), {}, DeletePod(make_pod()), None),
    ("a pod that is deleted, Never", seen(OPEN, pods=(ALIVE,), keep="Never"), {}, DeletePod(ALIVE), None),
    ("before it is even recorded", seen(pods=(ALIVE,), phase=Phase.QUEUED), {}, DeletePod(ALIVE),
     FetchLog(ALIVE, before_deletion=True)),
    ("the sidecars of a success", seen(GOOD, pods=(ALIVE,)), {}, DeletePod(ALIVE), None),
    ("the sidecars of a failure", seen(BAD), {}, DeletePod(ENDED), FetchLog(ENDED, before_deletion=True)),
    ("the sidecars of a failure that is kept", seen(BAD, tail=1), {}, DeletePod(ENDED), None),
]  # fmt: skip


@pytest.mark.parametrize(("snapshot", "tails", "action", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_log_retention_comes_before_waiting_and_deleting_only(
    snapshot: Snapshot, tails: dict[int, LogTailState], action: Action, expected: object
) -> None:
    assert log_action_before(action, snapshot, tails, NOW) == expected
    assert with_log_retention(action, snapshot, tails, NOW) == (expected or action)


@pytest.mark.parametrize(
    ("snapshot", "settled"),
    [
        (seen(OPEN), False),
        (seen(BAD), False),
        (seen(BAD, tail=1), True),
        (seen(GOOD), True),
        (seen(BAD, keep="Never"), True),
        (make_snapshot(make_task(status=TaskStatus(phase=Phase.CANCELLED))), True),
    ],
    ids=["it runs", "it failed", "it is kept", "it succeeded", "nothing is kept", "it never was an attempt"],
)
def test_a_log_is_settled_when_nothing_is_to_be_done_about_it(snapshot: Snapshot, settled: bool) -> None:
    assert is_settled(snapshot, 1) is settled
