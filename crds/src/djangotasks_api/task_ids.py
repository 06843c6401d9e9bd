"""The names of tasks that enqueue() makes. The standard library alone."""

import os
import time
import uuid
from typing import Final

from djangotasks_api.names import GROUP, IN_ORDER_LABEL

KEYS: Final = uuid.uuid5(uuid.NAMESPACE_DNS, GROUP)
# The last moment that an id can tell, in 2109, in milliseconds since 1970.
END_MS: Final = (1 << 42) - 1
# Of an id, the first ones: END_MS has 42 bits of 60.
ZERO_BITS: Final = 18
ID_CHARS: Final = 36


def new_id(now_ms: int | None = None, chance: int | None = None) -> str:
    """A UUIDv8 (RFC 9562, 5.8) that sorts before those of earlier milliseconds, since the API server lists by name: 60
    bits count the milliseconds to END_MS, and 62 are random.

    It begins with ZERO_BITS, and so sorts before nearly all other names. `now_ms`: milliseconds since 1970. `chance`:
    62 bits in the place of random ones, for the same id again.
    """
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    # A clock that shows another century makes an id all the same.
    left = END_MS - min(max(now_ms, 0), END_MS)
    # Of the system: processes that were forked have the same state of `random`.
    chance = int.from_bytes(os.urandom(8)) >> 2 if chance is None else chance
    return str(uuid.UUID(int=(left >> 12) << 80 | 0x8 << 76 | (left & 0xFFF) << 64 | 0b10 << 62 | chance))


def id_for(task_path: str, key: str) -> str:
    """The same id for the same task and idempotency key, so that the API server refuses a second task."""
    return str(uuid.uuid5(KEYS, f"{task_path} {key}"))


def is_new_id(name: str) -> bool:
    """Whether new_id() may have made it, of this version or of an earlier one, whose ids were random."""
    try:
        made = uuid.UUID(name)
    except ValueError:
        return False
    return str(made) == name and made.variant == uuid.RFC_4122 and (made.version == 4 or _tells_time(made))


def is_in_order(name: str) -> bool:
    """Whether a name tells the time: it is, or begins with, an id of new_id(), as those of a workflow's tasks do. Of
    two such names, that of the later time is listed first."""
    start, rest = name[:ID_CHARS], name[ID_CHARS:]
    return rest[:1] in ("", "-") and is_new_id(start) and _tells_time(uuid.UUID(start))


def order_labels(name: str) -> dict[str, str]:
    """The label of a resource whose name tells the time: so a list can ask for the others."""
    return {IN_ORDER_LABEL: ""} if is_in_order(name) else {}


def _tells_time(made: uuid.UUID) -> bool:
    return made.version == 8 and made.int >> (128 - ZERO_BITS) == 0
