"""When a task goes to the cluster, by OPTIONS["ENQUEUE"]."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, transaction

from django_tasks_kubernetes.conf import Enqueue
from django_tasks_kubernetes.enqueue.delivery import Immediate, OnCommit, Outbox, delivery_for
from django_tasks_kubernetes.enqueue.new_task import NewTask, new_task
from django_tasks_kubernetes.exceptions import NotCommitted
from tests.unit.backend import tasks


class Recorded:
    """What is asked of the writer."""

    def __init__(self) -> None:
        self.created: list[str] = []
        self.writer: Any = SimpleNamespace(alias="default", create=self.create)

    def create(self, new: NewTask) -> Any:
        self.created.append(new.name)
        return "created"


def made() -> NewTask:
    return new_task(tasks.echo, [], {}, "default")


@pytest.mark.parametrize(
    ("mode", "expected", "uses_database", "needs_app"),
    [
        (Enqueue.IMMEDIATE, Immediate, False, False),
        (Enqueue.ON_COMMIT, OnCommit, True, False),
        (Enqueue.OUTBOX, Outbox, True, True),
    ],
)
def test_each_mode_has_a_delivery(mode: Enqueue, expected: type, uses_database: bool, needs_app: bool) -> None:
    found = delivery_for(mode)
    assert (found, found.uses_database, found.needs_app) == (expected, uses_database, needs_app)


def test_immediate_creates_within_the_call() -> None:
    recorded, new = Recorded(), made()
    delivery = Immediate(recorded.writer, DEFAULT_DB_ALIAS)
    assert delivery.deliver(delivery.prepare(new)) == "created"  # type: ignore[comparison-overlap]  # of the recorder
    assert (recorded.created, delivery.is_pending(new.name)) == ([new.name], False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("commits", [True, False])
def test_on_commit_creates_with_the_transaction(commits: bool) -> None:
    recorded, new = Recorded(), made()
    delivery = OnCommit(recorded.writer, DEFAULT_DB_ALIAS)
    with transaction.atomic():
        assert delivery.deliver(new) is new.result
        with pytest.raises(NotCommitted, match="Wait after it"):
            delivery.is_pending(new.name)
        assert recorded.created == []
        transaction.set_rollback(not commits)
    assert recorded.created == ([new.name] if commits else [])
    assert not delivery.is_pending(new.name)


@pytest.mark.django_db(transaction=True)
def test_on_commit_creates_at_once_without_a_transaction() -> None:
    recorded, new = Recorded(), made()
    OnCommit(recorded.writer, DEFAULT_DB_ALIAS).deliver(new)
    assert recorded.created == [new.name]
