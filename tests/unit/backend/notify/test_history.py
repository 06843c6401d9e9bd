"""The history has a row for each task that ended, and loses the oldest."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.models import TaskHistory
from django_tasks_kubernetes.notify import history
from djangotasks_api.bounds import TASK_NAME_MAX_CHARS
from tests.unit.backend.admin.conftest import made_task
from tests.unit.backend.resources import attempt
from tests.unit.backend.workflow_resources import workflow_resource

pytestmark = pytest.mark.django_db
ENDED = {"startedAt": "2026-11-29T12:00:02Z", "finishedAt": "2026-11-29T12:00:05Z"}


def keeping(**options: Any) -> Any:
    return KubernetesBackend("default", {"OPTIONS": {"NAMESPACE": "shop", "HISTORY_DAYS": 30} | options})


def failed(minute: int = 0, **fields: Any) -> dict[str, Any]:
    error = {"type": "builtins.KeyError", "traceback": "a secret"}
    usage = {"memoryBytes": 2**20, "cpuSeconds": 1.5}
    status = {
        "reason": "TaskError",
        "message": "KeyError: 'x'\nmore",
        "attempts": [attempt(2, error=error, usage=usage)],
    }
    return made_task(
        minute, phase="Failed", result='"a secret"', logTail={"text": "a secret"}, **status | ENDED | fields
    )


def row_that_ended(days: float, backend: str = "default") -> TaskHistory:
    at = timezone.now() - timedelta(days=days)
    return TaskHistory.objects.create(uid=f"{backend}-{days}", task_id=f"t-{days}", backend=backend, finished_at=at)


def test_a_row_says_how_a_task_ended_and_nothing_of_its_data() -> None:
    made = failed(spec={"payload": '{"args":["a secret"],"kwargs":{}}', "schedule": "nightly", "retryOf": "first"})
    for _ in range(2):
        history.note(keeping(), [made, made_task(1, phase="Running"), made_task(2, phase="Retrying")], "default")
    row = TaskHistory.objects.get()
    assert (row.uid, row.task_id, row.backend) == (made["metadata"]["uid"], made["metadata"]["name"], "default")
    assert (row.phase, row.reason, row.exception, row.message) == (
        "Failed", "TaskError", "builtins.KeyError", "KeyError: 'x'",
    )  # fmt: skip
    assert (row.attempts, row.memory_bytes, row.cpu_seconds) == (2, 2**20, 1.5)
    assert (row.schedule, row.retry_of, row.queue) == ("nightly", "first", "mail")
    assert row.finished_at.isoformat() == "2026-11-29T12:00:05+00:00"
    assert "a secret" not in str(vars(row))


def test_a_row_has_local_times_without_use_tz() -> None:
    """Else SQLite and MySQL refuse it, and no receiver is called any more."""
    with override_settings(USE_TZ=False):
        history.note(keeping(), [failed()], "default")
        row = TaskHistory.objects.get()
        # The settings' TIME_ZONE is an hour ahead.
        assert row.finished_at.isoformat() == "2026-11-29T13:00:05"
        assert history.prune(keeping(), row.finished_at, "default") == 0


def test_it_is_off_unless_it_is_turned_on() -> None:
    off = KubernetesBackend("default", {"OPTIONS": {"NAMESPACE": "shop"}})
    history.note(off, [failed()], "default")
    assert not TaskHistory.objects.exists()
    row_that_ended(400)
    assert history.prune(off, timezone.now(), "default") == 0


def test_what_does_not_fit_is_cut_and_workflows_have_no_row() -> None:
    long = failed(reason="R" * 500, message="m" * 5000, spec={"task": "t" * 2000})
    history.note(keeping(), [long, workflow_resource()], "default")
    row = TaskHistory.objects.get()
    assert (len(row.reason), len(row.message), len(row.task)) == (64, 200, 512)


def test_what_is_longer_as_it_is_shown_is_cut() -> None:
    """PostgreSQL and MySQL refuse what is too long, and with it the rows of all others."""
    hostile = failed(spec={"task": "a.b", "retryOf": "\u202e" * TASK_NAME_MAX_CHARS})
    history.note(keeping(), [hostile], "default")
    row = TaskHistory.objects.get()
    row.clean_fields(exclude=["started_at", "enqueued_at"])
    assert row.retry_of.startswith("\\u202e")


def test_what_is_too_old_goes_a_thousand_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "DELETED_AT_ONCE", 2)
    for days in (1, 29, 31, 32, 33, 34, 35):
        row_that_ended(days)
    row_that_ended(50, backend="other")
    assert history.prune(keeping(), timezone.now(), "default") == 5
    assert {row.task_id for row in TaskHistory.objects.all()} == {"t-1", "t-29", "t-50"}


def test_the_oldest_go_where_there_are_too_many() -> None:
    for days in range(1, 11):
        row_that_ended(days)
    assert history.prune(keeping(HISTORY_ROWS=4), timezone.now(), "default") == 5
    assert TaskHistory.objects.count() == 5, "one that is of the same moment as the first too many stays"
    assert history.prune(keeping(HISTORY_ROWS=4), timezone.now(), "default") == 0


def test_a_list_is_few_queries(django_assert_num_queries: Any) -> None:
    tasks = [failed(minute) for minute in range(100)]
    # Which are known, and the others.
    with django_assert_num_queries(2):
        history.note(keeping(), tasks, "default")
    with django_assert_num_queries(1):
        history.note(keeping(), tasks, "default")
