"""What a scenario chooses among."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from djangotasks_operator.pods.diagnosis import WAITING
from tests.unit.operator.model.simulation import template

# Takes one of its arguments: the first, where a story is to be short.
Choose = Callable[..., Any]

# So many that stories do not run out of them, so few that a name is used again after a deletion.
NAMES = "abcdef"
TASKS = 3
SECONDS = (0.5, 1, 1, 5, 5, 10, 31, 61, 301)
BUDGET = 4
POLICY = {
    "timeoutSeconds": (1, 60),
    "heartbeatTimeoutSeconds": (2, 60),
    "startTimeoutSeconds": (1, 60),
    "ttlSecondsAfterFinished": (0, 60),
}
# Of a queue, beside its concurrency.
QUEUE: dict[str, tuple[Any, ...]] = {
    "suspended": (False, False, True),
    "rateLimit": (None, None, {"starts": 1, "periodSeconds": 10}, {"starts": 2, "periodSeconds": 60}),
    "ceilings": (None, None, {"timeoutSeconds": 30}, {"priority": 1}),
    "policy": (None, None, {"timeoutSeconds": 31, "ttlSecondsAfterFinished": 301}),
    "successfulTasksHistoryLimit": (10_000, 10_000, 1),
    "standby": (None, {"min": 1, "max": 1}, {"min": 0, "max": 2}, {"min": 2, "max": 2}),
    "template": (template("shop:1"), template("shop:1"), template("shop:2")),
}
# In seconds: how wrong the clock of a machine is.
SKEWS = (0, 0, -180, 180)
NODE_SKEWS = (0, 0, 0, -3600, -120, 120, 3600)
ENDS = ((0, "Completed"), (1, "Error"), (137, "OOMKilled"), (139, "Error"))
INTERRUPTIONS = ("delete", "evict", "disrupt")
FAR = datetime.max.replace(tzinfo=UTC)
WORDS = (*WAITING, "Unschedulable")


def task_spec(choose: Choose, now: datetime) -> dict[str, Any]:
    policy: dict[str, Any] = {"maxAttempts": choose(1, 2, 3), "backoff": {"initialSeconds": choose(0, 5)}}
    priority = choose(0, 0, 1, 50)
    for field, values in POLICY.items():
        if (value := choose(None, *values)) is not None:
            policy[field] = value
    spec: dict[str, Any] = {"policy": policy, "queue": choose("default", "default", "later"), "priority": priority}
    for field, seconds in (("runAfter", choose(None, None, 10)), ("expiresAt", choose(None, None, 20, 200))):
        if seconds is not None:
            spec[field] = (now + timedelta(seconds=seconds)).isoformat()
    return spec


def queue_limits(choose: Choose) -> dict[str, Any]:
    return {field: choose(*values) for field, values in QUEUE.items()}
