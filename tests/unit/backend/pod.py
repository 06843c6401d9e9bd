"""What a task pod is to the runner: its environment, its termination log, and the endpoint it reports to."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from djangotasks_api.assignment import Assignment
from djangotasks_api.outcome import Outcome
from tests.unit.backend.web_server import Request, Server

HERE = "tests.unit.backend.tasks"


@dataclass
class Pod:
    server: Server
    folder: Path

    @property
    def termination_log(self) -> Path:
        return self.folder / "termination-log"

    def environ(self, task: str, args: Sequence[Any] = (), **changes: Any) -> dict[str, str]:
        """The environment for the second attempt of a task of tasks.py, or of a whole path."""
        self.termination_log.touch()
        fields: dict[str, Any] = {
            "id": "t1",
            "namespace": "shop",
            "uid": "u-1",
            "attempt": 2,
            "worker_id": "t1-2",
            "task": task if "." in task else f"{HERE}.{task}",
            "queue": "mail",
            "backend": "default",
            "priority": 3,
            "enqueued_at": "2026-11-23T04:00:00.000001Z",
            "run_after": None,
            "worker_ids": ("t1-1",),
            "started_at": "2026-11-23T04:00:01Z",
            "url": self.server.url,
            "token": "the-token",
            "payload": json.dumps({"args": args, "kwargs": {}}),
        }
        return Assignment(**fields | changes).to_environ() | {
            "DJANGO_SETTINGS_MODULE": "tests.unit.backend.settings",
            "DJANGOTASKS_TERMINATION_LOG": str(self.termination_log),
            "DJANGOTASKS_REPORT_SECONDS": "5",
        }

    def reports(self, kind: str) -> list[Request]:
        return [request for request in self.server.requests if request.path.endswith(f"/{kind}")]

    @property
    def outcome(self) -> Outcome:
        """The one outcome that was reported."""
        (request,) = self.reports("outcome")
        return Outcome.from_json(json.dumps(request.body))

    @property
    def message(self) -> str:
        return self.termination_log.read_text()

    @property
    def left_outcome(self) -> Outcome:
        """What the termination message tells the operator."""
        return Outcome.from_termination_message(self.message, ["the-token"])
