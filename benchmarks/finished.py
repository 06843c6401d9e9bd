"""Tasks that nobody runs, as the operator leaves them: for what reads many of them."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from benchmarks import crowd
from djangotasks_api.task_ids import id_for, new_id, order_labels

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from benchmarks.api import Api

PAYLOAD_BYTES = 1000
TRACEBACK_CHARS, LOG_TAIL_CHARS = 1200, 4000
SPACING = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What has become of the tasks, at random: one in so many each; 0 for none. The others have succeeded.

    `result`: JSON text."""

    failed_each: int = 25
    unfinished_each: int = 0
    result: str = "3"

    def status(self, task: crowd.Object) -> crowd.Object:
        """Of those that have not succeeded, the end of the log is kept."""
        name, at = task["metadata"]["name"], task["spec"]["enqueuedAt"]
        attempt = {"number": 1, "job": f"{name}-1", "pod": f"{name}-1", "startedAt": at}
        if _one_in(self.unfinished_each):
            running: crowd.Object = {"phase": "Running", "startedAt": at, "attempts": [attempt]}
            return running if _one_in(2) else {"phase": "Queued", "reason": "ConcurrencyLimit"}
        times = {"startedAt": at, "finishedAt": at}
        if not _one_in(self.failed_each):
            return {"phase": "Succeeded", "result": self.result, "attempts": [attempt | {"finishedAt": at}], **times}
        error = {"type": "builtins.ValueError", "traceback": "Traceback …\n" + "x" * TRACEBACK_CHARS}
        failed = attempt | {"reason": "TaskError", "message": "ValueError: no", "error": error, "finishedAt": at}
        tail = {"attempt": 1, "text": "x" * LOG_TAIL_CHARS}
        return {"phase": "Failed", "reason": "TaskError", "attempts": [failed], "logTail": tail, **times}


def tasks(number: int, newest: datetime, *, keyed: bool = False) -> list[crowd.Object]:
    """So many, a second apart; the newest first."""
    return [_task(newest - SPACING * age, age, keyed=keyed) for age in range(number)]


def create(kubeconfig: Path, namespace: str, made: Iterable[crowd.Object], mix: Mix) -> None:
    """In random order, as by many processes."""
    path, shuffled = crowd.tasks_path(namespace), list(made)
    random.shuffle(shuffled)

    def one(api: Api, task: crowd.Object) -> None:
        status = f"{path}/{task['metadata']['name']}/status?fieldManager=operator"
        api.post(f"{path}?fieldManager=web", json.dumps(task).encode())
        api.patch(status, {"status": mix.status(task)})

    crowd.at_once(kubeconfig, shuffled, one)


def _one_in(number: int) -> bool:
    return number > 0 and not random.randrange(number)


def _task(enqueued_at: datetime, number: int, *, keyed: bool) -> crowd.Object:
    """One that was enqueued then."""
    key: dict[str, Any] = {"idempotencyKey": f"order-{number}"} if keyed else {}
    payload = json.dumps({"args": ["x" * PAYLOAD_BYTES], "kwargs": {}})
    made = crowd.task("default", enqueuedAt=enqueued_at.isoformat(), payload=payload, **key)
    name = id_for("shop.probes.add", key["idempotencyKey"]) if key else new_id(int(enqueued_at.timestamp() * 1000))
    made["metadata"]["name"] = name
    made["metadata"]["labels"] |= order_labels(name)
    return made
