"""Tasks that are rows of the outbox still, and those that are sent between two looks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils import timezone

from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.stores.outbox import OutboxStore, cancel_row, find_row, has_row
from tests.unit.backend.resources import FakeTasks

pytestmark = pytest.mark.django_db


def resource(name: str) -> dict[str, Any]:
    return {"kind": "DjangoTask", "metadata": {"name": name}, "spec": {"task": "a.b"}}


def row(name: str) -> None:
    now = timezone.now()
    OutboxTask.objects.create(
        id=name, backend="default", resource=json.dumps(resource(name)), created_at=now, next_try_at=now
    )


class Sent(FakeTasks):
    """The relay sends the row just after the first look."""

    def get(self, name: str) -> dict[str, Any]:
        try:
            return super().get(name)
        except TaskResultDoesNotExist:
            if OutboxTask.objects.filter(pk=name).delete()[0]:
                self.resources[name] = resource(name)
            raise


def test_a_row_is_read_as_the_task_that_it_becomes() -> None:
    row("one")
    store = OutboxStore(FakeTasks(resource("two")), "default")  # type: ignore[arg-type]  # it creates nothing
    assert [store.get(name)["metadata"]["name"] for name in ("one", "two")] == ["one", "two"]
    assert sorted(store.names()) == ["one", "two"]
    with pytest.raises(TaskResultDoesNotExist):
        store.get("three")


def test_a_row_that_is_sent_between_two_looks_is_found() -> None:
    row("one")
    store = OutboxStore(Sent(), "default")  # type: ignore[arg-type]
    assert store.get("one")["metadata"]["name"] == "one"


def test_a_cancelled_row_keeps_its_first_reason() -> None:
    row("one")
    assert [cancel_row("default", "one", reason) for reason in ("first", "second")] == [True, True]
    assert not cancel_row("default", "two", "x")
    found = find_row("default", "one")
    assert found is not None
    assert (found["spec"]["cancel"], found["spec"]["cancelReason"]) == (True, "first")
    assert (has_row("default", "one"), has_row("default", "two"), find_row("default", "two")) == (True, False, None)


def test_cancelling_reaches_the_row_or_the_task() -> None:
    row("one")
    cluster = FakeTasks(resource("two"))
    store = OutboxStore(cluster, "default")  # type: ignore[arg-type]
    assert store.cancel("one", "why")["spec"]["cancelReason"] == "why"
    store.cancel("two", "why")
    assert cluster.cancelled[-1] == ("two", "why")
    with pytest.raises(TaskResultDoesNotExist):
        store.cancel("three", "why")
