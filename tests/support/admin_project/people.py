"""Who may log in."""

from collections.abc import Mapping
from typing import Final

PASSWORD: Final = "not a secret"
# By name, with their permissions; None for all.
PEOPLE: Final[Mapping[str, tuple[str, ...] | None]] = {
    "jane": None,
    "viewer": ("view_task", "view_queue", "view_schedule", "view_workflow"),
    "nobody": (),
}
