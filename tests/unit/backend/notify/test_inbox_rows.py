"""What the inbox records, for how long, and in statements of which size. On SQLite; tests/cluster has PostgreSQL."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.models import TaskEnd
from django_tasks_kubernetes.notify import inbox
from djangotasks_api.bounds import RESULT_MAX_BYTES
from tests.unit.backend.notify.receivers import OOM, Backend, Receivers, dispatch_all, dispatch_next, named
from tests.unit.backend.notify.test_ends import AT, attempt, failure
from tests.unit.backend.notify.test_ends import resource as some_resource

pytestmark = pytest.mark.django_db


def test_inbox_records_no_end_without_receivers(backend: Backend, receivers: Receivers) -> None:
    assert inbox.record(backend, [OOM], "default") == set()
    signals.task_attempt_failed.connect(receivers.attempt)
    assert inbox.record(backend, [OOM], "default") == {"uid-oom/1"}
    dispatch_all(backend)
    assert receivers.calls == [("attempt", 1, "OOMKilled")]


def test_inbox_ignores_tasks_of_another_project(
    backend: Backend, receivers: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    signals.task_ended.connect(receivers.alert)
    stranger = named("stranger", failure("OOMKilled"))
    stranger["spec"] |= {"task": "elsewhere.tasks.run"}
    assert inbox.record(backend, [stranger], "default") == set()
    assert inbox.record(backend, [stranger], "default") == set()
    assert caplog.text.count("No receiver is called for tasks elsewhere.tasks.run") == 1


def test_inbox_ignores_rows_of_another_backend(backend: Backend, receivers: Receivers) -> None:
    signals.task_ended.connect(receivers.alert)
    inbox.record(backend, [OOM], "default")
    TaskEnd.objects.update(backend="other")
    assert not dispatch_next(backend)
    assert inbox.next_due([backend], "default") is None


def test_inbox_knows_whose_ends_nobody_dispatches(backend: Backend, receivers: Receivers) -> None:
    """The alias was renamed in TASKS: they would wait for ever, without a word."""
    signals.task_ended.connect(receivers.alert)
    inbox.record(backend, [OOM, named("other", failure("Expired"))], "default")
    assert inbox.of_unknown_backends("default") == []
    TaskEnd.objects.update(backend="former")
    assert inbox.of_unknown_backends("default") == [("former", 2)]
    TaskEnd.objects.filter(task_id="oom").update(next_try_at=None)
    assert inbox.of_unknown_backends("default") == [("former", 1)]


def test_inbox_records_ends_as_dispatched(backend: Backend, receivers: Receivers) -> None:
    signals.task_ended.connect(receivers.alert)
    inbox.record(backend, [OOM], "default", dispatched=True)
    inbox.record(backend, [OOM], "default")
    assert (dispatch_all(backend), receivers.calls) == (0, [])


@pytest.mark.parametrize(
    ("dispatched", "due", "age", "there", "left"),
    [
        (True, False, {"hours": 1}, False, False),
        (True, False, {"hours": 1}, True, True),
        # Another process may be about to record the same.
        (True, False, {"minutes": 1}, False, True),
        # Pending: the row has the resource.
        (False, True, {"days": 30}, False, True),
        # A dead letter.
        (False, False, {"hours": 1}, False, True),
        (False, False, {"days": 8}, False, False),
        (False, False, {"days": 8}, True, True),
    ],
)
def test_inbox_prunes_rows_of_tasks_that_are_gone(
    backend: Backend, dispatched: bool, due: bool, age: Any, there: bool, left: bool
) -> None:
    now = timezone.now()
    TaskEnd.objects.create(
        key="u",
        uid="u",
        task_id="t",
        backend="default",
        seen_at=now - timedelta(**age),
        dispatched_at=now if dispatched else None,
        next_try_at=now if due else None,
    )
    assert inbox.prune("default", {"u"} if there else {"v"}, now, "default") == (not left)
    assert TaskEnd.objects.exists() == left


def test_inbox_logs_no_arguments(backend: Backend, receivers: Receivers, caplog: pytest.LogCaptureFixture) -> None:
    signals.task_ended.connect(receivers.book)
    receivers.errors = [ValueError("no")]
    secret = named("secret", failure("OOMKilled"))
    secret["spec"] |= {"payload": '{"args":["hush"],"kwargs":{}}'}
    with caplog.at_level(logging.DEBUG):
        inbox.record(backend, [secret], "default")
        dispatch_all(backend)
    assert "hush" not in caplog.text


def test_inbox_bounds_the_bytes_of_a_statement(backend: Backend, receivers: Receivers) -> None:
    """MariaDB refuses a statement of more than 16 MiB, for ever; and what it escapes is twice as long."""
    signals.task_ended.connect(receivers.alert)
    result = json.dumps("x" * (RESULT_MAX_BYTES - 2))
    many = [named(f"t{n}", some_resource("Succeeded", attempt(1), finishedAt=AT, result=result)) for n in range(20)]
    inserts: list[int] = []

    def count(execute: Any, sql: str, params: Any, *more: Any) -> Any:
        if sql.startswith("INSERT"):
            inserts.append(sum(len(value) for value in params if isinstance(value, str)))
        return execute(sql, params, *more)

    with connection.execute_wrapper(count):
        inbox.record(backend, many, "default")
    assert TaskEnd.objects.count() == len(many)
    assert sum(inserts) > 20 * RESULT_MAX_BYTES
    assert max(inserts) < 16 * 1024 * 1024 / 2


def test_inbox_looks_once_for_many_rows(backend: Backend, receivers: Receivers) -> None:
    """Dead letters that are tried again are due at one time: to find the first of them is a sort of all."""
    signals.task_ended.connect(receivers.alert)
    inbox.record(backend, [named(f"oom-{number}", OOM) for number in range(5)], "default")
    searches: list[str] = []

    def count(execute: Any, sql: str, *args: Any) -> Any:
        searches.extend([sql] if sql.startswith("SELECT") and '"next_try_at" ASC' in sql else [])
        return execute(sql, *args)

    with connection.execute_wrapper(count):
        assert dispatch_all(backend) == 5
    assert (len(receivers.calls), len(searches)) == (5, 2)


def test_inbox_ends_where_others_have_all_ends_that_are_due(
    backend: Backend, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals.task_ended.connect(receivers.alert)
    inbox.record(backend, [OOM], "default")
    monkeypatch.setattr(inbox, "_locked", lambda rows: None)
    assert (dispatch_all(backend), receivers.calls) == (0, [])
