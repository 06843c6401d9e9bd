"""The names of schedules. Pure."""

import hashlib
import re
from typing import Final

from djangotasks_api.bounds import SCHEDULE_NAME_MAX_CHARS

# Of modules that hold tasks: they tell nobody anything.
SAID_BY_ALL: Final = {"tasks", "schedules"}
HASH_CHARS: Final = 6


def default_name(path: str, most: int = SCHEDULE_NAME_MAX_CHARS) -> str:
    """The name for the schedule of a task: shop.tasks.clean_up becomes shop-clean-up. One that is longer than `most` is
    cut, and ends in a hash of the path."""
    parts = [part for part in path.split(".") if part not in SAID_BY_ALL] or [path]
    name = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")
    if name and len(name) <= most:
        return name
    digest = hashlib.sha256(path.encode()).hexdigest()[:HASH_CHARS]
    return f"{name[: most - HASH_CHARS - 1].strip('-')}-{digest}".strip("-")
