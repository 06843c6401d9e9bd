"""Whose log is kept, and when it is read, case by case; and what of a log is kept."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import LogTail, TaskStatus
from djangotasks_api.names import LOG_TAIL_MAX_BYTES
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.decisions import AwaitSlot, Decision, DeletePod, DeleteTask, FinishJob, Start, Wait
from djangotasks_operator.keeplog import KeepLog, ReadLog, Tail, is_settled, log_first, tail_text
from djangotasks_operator.snapshot import Snapshot
from tests.support.builders import (
    NOW,
    at,
    make_attempt,
    make_job,
    make_pod,
    make_queue,
    make_snapshot,
    make_task,
    make_terminated,
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
    queue = None if keep is None else make_queue(keep_log=keep)
    return make_snapshot(make_task(status=status, **task), pods=pods, queue=queue)


TEXT = Tail(text="words", final=True)
EARLY = Tail(text="words")
NOTHING = Tail(final=True)
READING = Tail(reading=True)

CASES: list[tuple[str, Snapshot, dict[int, Tail], Decision, object]] = [
    ("a failure's log is read when there is nothing else to do", seen(BAD), {}, IDLE, ReadLog(ENDED)),
    ("or nothing but to wait for a place", seen(BAD), {}, AwaitSlot(), ReadLog(ENDED)),
    ("or to wait for the end of its time", seen(BAD), {}, DeleteTask(at(60)), ReadLog(ENDED)),
    ("it has no time left", seen(BAD), {}, DeleteTask(at(0)), None),
    ("the Job is told first", seen(BAD), {}, FinishJob(make_job(), BAD), None),
    ("the next attempt starts first", seen(BAD), {}, Start(2), None),
    ("it is being read", seen(BAD), {1: READING}, IDLE, None),
    ("it was read", seen(BAD), {1: TEXT}, IDLE, KeepLog(1, "words")),
    ("it is empty, and that is kept", seen(BAD), {1: Tail(text="", final=True)}, IDLE, KeepLog(1, "")),
    ("it is kept", seen(BAD, tail=1), {}, IDLE, None),
    ("there was none to be had", seen(BAD), {1: NOTHING}, IDLE, None),
    ("the next try", seen(BAD), {1: Tail(tries=1)}, IDLE, ReadLog(ENDED)),
    ("the container has not ended", seen(BAD, pods=(ALIVE,)), {}, IDLE, None),
    ("the container never started", seen(BAD, pods=(make_pod(phase="Failed"),)), {}, IDLE, None),
    ("the pod is gone", seen(BAD, pods=()), {}, IDLE, None),
    ("the pod is gone, and its log was read", seen(BAD, pods=()), {1: EARLY}, IDLE, KeepLog(1, "words")),
    ("it was read before its end", seen(BAD), {1: EARLY}, IDLE, ReadLog(ENDED)),
    ("a success", seen(GOOD), {}, IDLE, None),
    ("a success, Always", seen(GOOD, keep="Always"), {}, IDLE, ReadLog(ENDED)),
    ("a failure, Never", seen(BAD, keep="Never"), {}, IDLE, None),
    ("a failure, without a queue", seen(BAD, keep=None), {}, IDLE, None),
    ("read, and then Never", seen(BAD, keep="Never"), {1: TEXT}, IDLE, None),
    ("it still runs", seen(OPEN, pods=(ALIVE,)), {}, IDLE, None),
    ("the task is being deleted", seen(BAD, deleting=True), {}, IDLE, None),
    ("a later failure", seen(BAD, WORSE, pods=(ENDED, ENDED_2), tail=1), {}, IDLE, ReadLog(ENDED_2)),
    ("the later one's is kept", seen(BAD, WORSE, pods=(ENDED, ENDED_2), tail=2), {}, IDLE, None),
    ("only the earlier one's is to be had", seen(BAD, WORSE, pods=(ENDED,)), {}, IDLE, ReadLog(ENDED)),
    ("the later one's comes first", seen(BAD, WORSE, pods=(ENDED, ENDED_2)), {2: READING}, IDLE, None),
    ("a success after a failure", seen(BAD, make_attempt(2, finished_at=at(-1)), pods=(ENDED, ENDED_2)), {}, IDLE,
     ReadLog(ENDED)),
    ("the next attempt runs", seen(BAD, make_attempt(2, started_at=at(-1))), {}, IDLE, ReadLog(ENDED)),
    ("before its pod is deleted", seen(OPEN, pods=(ALIVE,)), {}, DeletePod(ALIVE), ReadLog(ALIVE, hurry=True)),
    ("its pod waits for that", seen(OPEN, pods=(ALIVE,)), {1: Tail(reading=True, awaited=True)}, DeletePod(ALIVE), Wait()),
    ("but not for what is only in its turn", seen(OPEN, pods=(ALIVE,)), {1: READING}, DeletePod(ALIVE), None),
    ("then it is deleted", seen(OPEN, pods=(ALIVE,)), {1: EARLY}, DeletePod(ALIVE), None),
    ("also where there is no log", seen(OPEN, pods=(ALIVE,)), {1: NOTHING}, DeletePod(ALIVE), None),
    ("a pod that never started", seen(OPEN, pods=(make_pod(),)), {}, DeletePod(make_pod()), None),
    ("a pod that is deleted, Never", seen(OPEN, pods=(ALIVE,), keep="Never"), {}, DeletePod(ALIVE), None),
    ("before it is even recorded", seen(pods=(ALIVE,), phase=Phase.QUEUED), {}, DeletePod(ALIVE),
     ReadLog(ALIVE, hurry=True)),
    ("the sidecars of a success", seen(GOOD, pods=(ALIVE,)), {}, DeletePod(ALIVE), None),
    ("the sidecars of a failure", seen(BAD), {}, DeletePod(ENDED), ReadLog(ENDED, hurry=True)),
    ("the sidecars of a failure that is kept", seen(BAD, tail=1), {}, DeletePod(ENDED), None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("snapshot", "tails", "decision", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_comes_before_a_decision(
    snapshot: Snapshot, tails: dict[int, Tail], decision: Decision, expected: object
) -> None:
    assert log_first(snapshot, tails, decision, NOW) == expected


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
def test_what_is_forgotten(snapshot: Snapshot, settled: bool) -> None:
    assert is_settled(snapshot, 1) is settled


TEXTS: list[tuple[str, bytes, str]] = [
    ("nothing", b"", ""),
    ("lines", b"one\ntwo\n", "one\ntwo"),
    ("no newline at the end", b"one\ntwo", "one\ntwo"),
    ("blank lines at the end", b"one\n\ntwo\n\n \n", "one\n\ntwo"),
    ("not UTF-8", b"caf\xe9\n", "caf\N{REPLACEMENT CHARACTER}"),
    ("NULs and bells", b"a\x00b\x07\tc\n", "a\ufffdb\ufffd\tc"),
    ("colours", b"\x1b[1;31mERROR\x1b[0m no\x1b]0;title\x07pe\n", "ERROR nope"),
    ("a lone escape", b"a\x1b\n", "a\ufffd"),
    ("Windows' newlines", b"one\r\ntwo\r\n", "one\ntwo"),
    ("a progress bar", b" 10%|#\r 50%|###\r100%|######\ndone\n", "100%|######\ndone"),
]


@pytest.mark.parametrize(("log", "text"), [case[1:] for case in TEXTS], ids=[case[0] for case in TEXTS])
def test_any_log_becomes_plain_text(log: bytes, text: str) -> None:
    assert tail_text(log) == text


def test_the_end_is_kept_in_whole_lines() -> None:
    log = b"".join(b"line %d of many, and \xc3\xa9\n" % number for number in range(5000))
    text = tail_text(log)
    assert LOG_TAIL_MAX_BYTES - 100 < len(text.encode()) <= LOG_TAIL_MAX_BYTES
    lines = text.split("\n")
    assert lines[-1] == "line 4999 of many, and é"
    assert lines[0].startswith("line ")


@pytest.mark.parametrize("size", [LOG_TAIL_MAX_BYTES, LOG_TAIL_MAX_BYTES + 1, 200_000])
def test_of_one_endless_line_the_end_is_kept(size: int) -> None:
    text = tail_text("é".encode() * size + b"end\n")
    assert text.endswith("éend")
    assert LOG_TAIL_MAX_BYTES - 2 <= len(text.encode()) <= LOG_TAIL_MAX_BYTES


def test_what_is_kept_has_room_in_the_schema() -> None:
    LogTail(attempt=1, text=tail_text(b"\xff" * 100_000))


def test_a_pod_names_its_container() -> None:
    assert make_pod(terminated=make_terminated()).container == "task"
