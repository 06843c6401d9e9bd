"""A Django app for the stories of `watch_tasks`: receivers that record their calls, and fail on request.

In the folder HOOKS_FOLDER: `calls` gets a line of JSON for each call, also of one that then fails. `raise` has the number
of calls that raise, `die` has the event, "ended" or "workflow", whose next call ends the process, `hang` lets the next
call wait. The database's table `committed` has what was committed.
"""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.db import connection

CREATE_TABLE = "CREATE TABLE IF NOT EXISTS committed (task text, event text, reason text)"


class HooksConfig(AppConfig):
    name = "tests.support.hooks"
    label = "hooks"

    def ready(self) -> None:
        from django_tasks_kubernetes.signals import task_attempt_failed, task_ended, workflow_ended

        task_ended.connect(first)
        task_ended.connect(record)
        task_attempt_failed.connect(record_attempt)
        workflow_ended.connect(record_workflow)


def first(task_result: Any, **kwargs: Any) -> None:
    """Never fails by itself."""
    note("first", task_result.id)


def record(task_result: Any, reason: str | None, reported: bool, message: str, **kwargs: Any) -> None:
    result = {"status": str(task_result.status), "task": task_result.task.module_path.rpartition(".")[2]}
    note("ended", task_result.id, reason=reason, reported=reported, message=message, **result)
    insert(task_result.id, "ended", reason)
    fail("ended")


def record_attempt(task_result: Any, attempt: int, reason: str, reported: bool, **kwargs: Any) -> None:
    note("attempt", task_result.id, attempt=attempt, reason=reason, reported=reported)
    insert(task_result.id, f"attempt {attempt}", reason)


def record_workflow(workflow_result: Any, reason: str | None, message: str, **kwargs: Any) -> None:
    note("workflow", workflow_result.id, reason=reason, message=message)
    insert(workflow_result.id, "workflow", reason)
    fail("workflow")


def note(event: str, id_: str, **what: Any) -> None:
    with (folder() / "calls").open("a") as file:
        file.write(json.dumps({"event": event, "id": id_} | what) + "\n")


def insert(*values: str | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO committed VALUES (%s, %s, %s)", values)


def fail(event: str) -> None:
    die = folder() / "die"
    if die.exists() and die.read_text() == event:
        die.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    if (hang := folder() / "hang").exists():
        hang.unlink()
        time.sleep(600)
    if (again := folder() / "raise").exists():
        left = int(again.read_text()) - 1
        again.write_text(str(left)) if left else again.unlink()
        raise RuntimeError("as the test asks for")


def folder() -> Path:
    return Path(os.environ["HOOKS_FOLDER"])
