"""A Django app for the stories of `watch_tasks`: receivers that note what they are told, and fail as they are asked to.

In the folder HOOKS_FOLDER: `calls` gets a line of JSON for each call, also of one that then fails. `raise` has the number
of calls that raise, `die` lets the next one end the process, `hang` lets it wait. The database's table `told` has what was committed.
"""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.db import connection

CREATE_TABLE = "CREATE TABLE IF NOT EXISTS told (task text, event text, reason text)"


class HooksConfig(AppConfig):
    name = "tests.support.hooks"
    label = "hooks"

    def ready(self) -> None:
        from django_tasks_kubernetes.signals import task_attempt_failed, task_ended

        task_ended.connect(first)
        task_ended.connect(record)
        task_attempt_failed.connect(record_attempt)


def first(task_result: Any, **kwargs: Any) -> None:
    """Never fails by itself."""
    note("first", task_result.id)


def record(task_result: Any, reason: str | None, reported: bool, message: str, **kwargs: Any) -> None:
    result = {"status": str(task_result.status), "task": task_result.task.module_path.rpartition(".")[2]}
    note("ended", task_result.id, reason=reason, reported=reported, message=message, **result)
    insert(task_result.id, "ended", reason)
    fail()


def record_attempt(task_result: Any, attempt: int, reason: str, reported: bool, **kwargs: Any) -> None:
    note("attempt", task_result.id, attempt=attempt, reason=reason, reported=reported)
    insert(task_result.id, f"attempt {attempt}", reason)


def note(event: str, id_: str, **what: Any) -> None:
    with (folder() / "calls").open("a") as file:
        file.write(json.dumps({"event": event, "id": id_} | what) + "\n")


def insert(*values: str | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO told VALUES (%s, %s, %s)", values)


def fail() -> None:
    if (die := folder() / "die").exists():
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
