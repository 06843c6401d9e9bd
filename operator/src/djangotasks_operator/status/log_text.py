"""Turn the end of a log into a text for the status. Pure."""

from djangotasks_api.bounds import LOG_TAIL_MAX_BYTES
from djangotasks_api.text import stored_bytes
from djangotasks_operator.status.text import ANSI_SEQUENCE, plain

# The same as the API server stores it.
STORED_MAX_BYTES = 2 * LOG_TAIL_MAX_BYTES


def tail_text(log: bytes) -> str:
    """The last lines of a log, as many as fit into a status: plain text, whatever the task wrote."""
    lines = [_as_shown(line) for line in log.decode(errors="replace").split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    kept: list[str] = []
    room, stored = LOG_TAIL_MAX_BYTES, STORED_MAX_BYTES
    for line in reversed(lines):
        size = len(line.encode()) + bool(kept)
        stored -= stored_bytes(line) + 2 * bool(kept)
        if size > room or stored < 0:
            if not kept:
                kept.append(_end_of(line))
            break
        kept.append(line)
        room -= size
    return "\n".join(reversed(kept))


def _end_of(line: str) -> str:
    """The end of the one line that there is room for."""
    end = line.encode()[-LOG_TAIL_MAX_BYTES:]
    if stored_bytes(end.decode(errors="ignore")) > STORED_MAX_BYTES:
        # A character takes six bytes at most.
        end = end[-(STORED_MAX_BYTES // 6) :]
    return end.decode(errors="ignore")


def _as_shown(line: str) -> str:
    """The line as plain text; of one that was overwritten, as progress bars do, what it showed last."""
    return plain(ANSI_SEQUENCE.sub("", line).rstrip("\r").rsplit("\r", 1)[-1])
