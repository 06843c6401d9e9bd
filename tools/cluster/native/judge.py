"""Decides what `up` does with what it finds."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Action(enum.Enum):
    """What `up` has to do."""

    NOTHING = "nothing"
    CREATE = "create"
    REPAIR = "start what does not run"
    REPLACE = "remove what is left, and create"


@dataclass(frozen=True)
class Observed:
    """What exists of a cluster."""

    remains: bool  # a folder, a namespace or a process of one
    complete: bool = False  # an `up` got to its end
    same_boot: bool = False
    same_configuration: bool = False
    namespace: bool = False
    dead: tuple[str, ...] = ()
    answers: bool = False  # the API server is ready, and so is the node


def judge(seen: Observed) -> tuple[Action, str]:
    """Return what to do, and why, in words for the user."""
    if not seen.remains:
        return Action.CREATE, "none yet"
    checks = (
        (seen.complete, "left over from an aborted run"),
        (seen.same_boot, "left over from before the machine was restarted"),
        (seen.same_configuration, "made by other versions or flags"),
        (seen.namespace, "its network namespace is gone"),
    )
    for good, otherwise in checks:
        if not good:
            return Action.REPLACE, otherwise
    if seen.dead:
        return Action.REPAIR, f"not running: {', '.join(seen.dead)}"
    if not seen.answers:
        return Action.REPLACE, "it does not answer"
    return Action.NOTHING, "healthy"
