"""Whose log is kept with its task, and when that is read and written. Pure.

`decide` knows nothing of logs. `log_first` is shown each of its decisions, and says what is to be done about a log
before that one is carried out: little, and never instead of something that the task waits for.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from djangotasks_api.models import Attempt
from djangotasks_api.names import LOG_TAIL_MAX_BYTES
from djangotasks_operator.decisions import AwaitSlot, Decision, DeletePod, DeleteTask, Wait
from djangotasks_operator.observed import Pod
from djangotasks_operator.snapshot import Snapshot

# What moves a cursor or sets a colour (ECMA-48), and titles of windows.
ANSI_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# What is left of control characters: nothing that ends a line or could be read as something else.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """What the leader has of an attempt's log.

    `text`: None while there is none. `reading`: it is asked for. `awaited`: the pod is not deleted before the answer.
    `final`: nothing more will come of it, because the container had ended when it was read, or because there is no
    log to be had. `tries`: how often that went wrong.
    """

    text: str | None = None
    reading: bool = False
    awaited: bool = False
    final: bool = False
    tries: int = 0


@dataclass(frozen=True, slots=True)
class ReadLog:
    """Read the end of the log of the pod's task, beside everything else. `hurry`: the pod waits to be deleted."""

    pod: Pod
    hurry: bool = False


@dataclass(frozen=True, slots=True)
class KeepLog:
    """Write it into the task's status."""

    attempt: int
    text: str


def log_first(
    snapshot: Snapshot, tails: Mapping[int, Tail], decision: Decision, now: datetime
) -> ReadLog | KeepLog | Wait | None:
    """What to do before the decision, or None. `tails`: what there is, by attempt."""
    if snapshot.task.metadata.deletion_timestamp is not None:
        return None
    match decision:
        case DeletePod(pod):
            return _before_deletion(snapshot, tails.get(pod.attempt, Tail()), pod)
        case Wait() | AwaitSlot():
            # There is nothing else to do: the outcome is stored, the Job is told, the next attempt is on its way.
            return next(_after_end(snapshot, tails), None)
        case DeleteTask(at) if now < at:
            return next(_after_end(snapshot, tails), None)
        case _:
            return None


def is_settled(snapshot: Snapshot, number: int) -> bool:
    """Nothing is to be done any more about this attempt's log."""
    tail, status = snapshot.task.status.log_tail, snapshot.task.status
    if tail is not None and tail.attempt >= number:
        return True
    attempt = next((a for a in status.attempts if a.number == number and a.finished_at is not None), None)
    if attempt is None:
        return status.phase.is_terminal
    return not _is_kept(snapshot, attempt)


def _before_deletion(snapshot: Snapshot, tail: Tail, pod: Pod) -> ReadLog | Wait | None:
    """With the pod goes its log. What it writes while it is being stopped is read when it has ended, if the pod is
    still there then."""
    if pod.running_since is None and pod.terminated is None:
        return None
    if _mode(snapshot) == "Never" or is_settled(snapshot, pod.attempt):
        return None
    if tail.reading:
        return Wait() if tail.awaited else None
    return ReadLog(pod, hurry=True) if tail.text is None and not tail.final else None


def _after_end(snapshot: Snapshot, tails: Mapping[int, Tail]) -> Iterator[ReadLog | KeepLog]:
    """Of the latest attempt that ended and whose log is kept, where there is one to be had."""
    for attempt in reversed(snapshot.task.status.attempts):
        if attempt.finished_at is None:
            continue
        if is_settled(snapshot, attempt.number):
            # An earlier one's is of interest all the same, where this one has none to keep.
            if _is_kept(snapshot, attempt):
                return
            continue
        tail, pod = tails.get(attempt.number, Tail()), snapshot.pods.get(attempt.number)
        if tail.reading or (pod is not None and not pod.ended):
            return
        if pod is not None and pod.terminated is not None and not tail.final:
            yield ReadLog(pod)
        elif tail.text is not None:
            yield KeepLog(attempt.number, tail.text)


def _mode(snapshot: Snapshot) -> str:
    """A queue that is gone may have said that nothing is to be kept."""
    return "Never" if snapshot.queue is None else snapshot.queue.spec.keep_log


def _is_kept(snapshot: Snapshot, attempt: Attempt) -> bool:
    mode = _mode(snapshot)
    return mode == "Always" or (mode == "OnFailure" and attempt.reason is not None)


def tail_text(log: bytes) -> str:
    """The last lines of a log, as far as they have room in a status: plain text, whatever the task wrote."""
    lines = [_plain(line) for line in log.decode(errors="replace").split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    kept: list[str] = []
    room = LOG_TAIL_MAX_BYTES
    for line in reversed(lines):
        size = len(line.encode()) + bool(kept)
        if size > room:
            if not kept:
                # The end of the one line that there is room for.
                kept.append(line.encode()[-room:].decode(errors="ignore"))
            break
        kept.append(line)
        room -= size
    return "\n".join(reversed(kept))


def _plain(line: str) -> str:
    """Without colours, and of a line that was written over and over, as progress bars are, what it showed last."""
    line = ANSI_SEQUENCE.sub("", line).rstrip("\r")
    return CONTROL.sub(REPLACEMENT, line.rsplit("\r", 1)[-1])
