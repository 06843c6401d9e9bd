"""Make the texts of a status plain, and bound them. Pure."""

import re

from djangotasks_api.bounds import MESSAGE_MAX_CHARS
from djangotasks_api.models import Attempt, AttemptError
from djangotasks_api.phases import Reason
from djangotasks_api.text import CUT, shorten, stored_bytes

# All texts of a status together, as they are stored: etcd takes 1.5 MiB, and the payload and the result need their
# share, of which each character may take six bytes.
TEXTS_MAX_BYTES = 128 * 1024
# What is kept of the type, the message and the traceback of an old attempt, where the texts are too long.
OLD_TYPE_MAX_BYTES, OLD_MESSAGE_MAX_BYTES, OLD_TRACEBACK_MAX_BYTES = 128, 256, 512
CUT_BYTES = stored_bytes(CUT)


# Sequences that move a cursor or set a colour (ECMA-48), and titles of windows.
ANSI_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# Control characters, what turns the direction of text (https://trojansource.codes), and what is not seen; but not line
# breaks, tabs, and the joiners that scripts and emoji need.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Reasons whose message is the operator's, the API server's or the kubelet's. The others' may quote the user's data.
REASONS_WITH_SAFE_MESSAGE = frozenset(Reason) - {
    Reason.TASK_ERROR,
    Reason.TASK_NOT_FOUND,
    Reason.NOT_A_TASK,
    Reason.SETUP_ERROR,
    Reason.RESULT_NOT_SERIALIZABLE,
    Reason.RESULT_TOO_LARGE,
    Reason.PAYLOAD_UNAVAILABLE,
    Reason.RESULT_NOT_STORED,
    Reason.PROCESS_EXITED,
}


def plain(text: str) -> str:
    """Replace what could move a terminal's cursor, or show a text as another: `kubectl` prints texts as they are."""
    return UNSAFE.sub(REPLACEMENT, ANSI_SEQUENCE.sub("", text))


def truncate_message(text: str) -> str:
    """Make a text plain, and cut it to the API's bound of messages."""
    return shorten(plain(text), MESSAGE_MAX_CHARS - len(CUT))


def shorten_stored(text: str, limit: int) -> str:
    """Cut a text that takes more than so many bytes where it is stored."""
    size, room = stored_bytes(text), limit - CUT_BYTES
    if size <= limit:
        return text
    for chars in (room, room * len(text) // size):
        if stored_bytes(cut := shorten(text, chars)) <= limit:
            return cut
    # A character takes six bytes at most.
    return shorten(text, room // 6)


def message_for_others(reason: str | None, message: str | None, attempt: Attempt | None) -> str:
    """The message for Events and Jobs, which more people may read than DjangoTasks: without the task's own words, which
    may quote its users' data."""
    if attempt is not None and attempt.error is not None:
        return f"the task raised {attempt.error.type}."
    if reason in REASONS_WITH_SAFE_MESSAGE:
        return message or ""
    if attempt is not None and attempt.exit_code is not None:
        return f"the process ended with exit code {attempt.exit_code} and reported no outcome."
    return "see the task's status."


def bound_attempt_texts(attempts: list[Attempt]) -> list[Attempt]:
    """Shorten the texts of old attempts, the oldest first, while all together are too long. Those of the last attempt
    are kept in any case."""
    total = sum(_texts_bytes(attempt) for attempt in attempts)
    result = []
    for attempt in attempts[:-1]:
        if total > TEXTS_MAX_BYTES:
            short = _with_short_texts(attempt)
            total -= _texts_bytes(attempt) - _texts_bytes(short)
            attempt = short
        result.append(attempt)
    return [*result, *attempts[-1:]]


def _texts_bytes(attempt: Attempt) -> int:
    error = attempt.error
    texts = (attempt.message or "", *((error.type, error.traceback) if error else ()))
    return sum(map(stored_bytes, texts))


def _with_short_texts(attempt: Attempt) -> Attempt:
    error = attempt.error and AttemptError(
        type=shorten_stored(attempt.error.type, OLD_TYPE_MAX_BYTES),
        traceback=shorten_stored(attempt.error.traceback, OLD_TRACEBACK_MAX_BYTES),
    )
    message = attempt.message and shorten_stored(attempt.message, OLD_MESSAGE_MAX_BYTES)
    return attempt.model_copy(update={"error": error, "message": message})
