"""Which changes of a status are worth an Event, and what it says. Pure."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from djangotasks_api.models import Attempt, TaskStatus
from djangotasks_api.names import MESSAGE_MAX_CHARS
from djangotasks_api.phases import INTERRUPTIONS, Phase, Reason
from djangotasks_operator.logs import plain
from djangotasks_operator.transitions import just_ended, open_attempt

# Reasons whose message is the operator's, the API server's or the kubelet's. Others hold what the task said.
OUR_WORDS = frozenset(Reason) - {
    Reason.TASK_ERROR,
    Reason.TASK_NOT_FOUND,
    Reason.NOT_A_TASK,
    Reason.SETUP_ERROR,
    Reason.RESULT_NOT_SERIALIZABLE,
    Reason.RESULT_TOO_LARGE,
    Reason.PROCESS_EXITED,
}


class Word(StrEnum):
    """The reason of an Event."""

    WAITING = "Waiting"
    FAILED_TO_START = "FailedToStart"
    STUCK = "Stuck"
    INTERRUPTED = "Interrupted"
    RETRYING = "Retrying"
    FAILED = "Failed"


class Notice(NamedTuple):
    word: Word
    message: str


def notice(old: TaskStatus, new: TaskStatus) -> Notice | None:
    """What a person should know of a status that was written, or None."""
    ended, current = just_ended(old, new), open_attempt(new)
    if new.phase is Phase.FAILED:
        return _notice(Word.FAILED, new.reason, new.message, ended)
    if new.phase.is_terminal:
        return None
    if ended is not None:
        number = f"Attempt {ended.number}"
        again = f" The next one starts at {clock(new.next_attempt_at)}." if new.next_attempt_at else ""
        if ended.reason in INTERRUPTIONS:
            return _notice(Word.INTERRUPTED, ended.reason, ended.message, ended, f"{number} was interrupted. ", again)
        return _notice(Word.RETRYING, ended.reason, ended.message, ended, f"{number} failed. ", again)
    if new.reason is None or new.reason == old.reason or (current is not None and current.reason is not None):
        # The last: its pod is being stopped, and when it is gone there is more to say.
        return None
    if new.reason in INTERRUPTIONS:
        return _notice(Word.STUCK, new.reason, new.message, current)
    word = Word.FAILED_TO_START if new.phase is Phase.STARTING else Word.WAITING
    return _notice(word, new.reason, new.message, current)


def _notice(
    word: Word, reason: str | None, message: str | None, attempt: Attempt | None, before: str = "", after: str = ""
) -> Notice:
    text = plain(" ".join(f"{before}{reason}: {_words(reason, message, attempt)}".split()))
    room = MESSAGE_MAX_CHARS - len(after)
    return Notice(word, (text if len(text) <= room else text[: room - 1] + "…") + after)


def _words(reason: str | None, message: str | None, attempt: Attempt | None) -> str:
    """The message, unless it may hold the user's data. What a task said is in its status, for those who may read it."""
    if attempt is not None and attempt.error is not None:
        return f"the task raised {attempt.error.type}."
    if reason in OUR_WORDS:
        return message or ""
    if attempt is not None and attempt.exit_code is not None:
        return f"the process ended with exit code {attempt.exit_code} and reported no outcome."
    return "see the task's status."


def clock(at: datetime) -> str:
    """As the API writes times."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
