"""Whatever is in a row of the outbox holds up that row alone: a good one behind it is sent in the same pass."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.relay import relay
from tests.unit.backend.enqueue.test_outbox import left, outbox_cluster
from tests.unit.operator.hostile.tasks import TASK
from tests.unit.operator.hostile.values import DEEP, HOSTILE, mutated, nested, text_of

pytestmark = pytest.mark.django_db(transaction=True)

RESOURCE: dict[str, Any] = {"apiVersion": "djangotasks.dev/v1alpha1", "kind": "DjangoTask", **TASK}


@settings(deadline=None)
@given(
    mutated(RESOURCE, *RESOURCE).map(text_of)
    | HOSTILE.map(text_of)
    | st.sampled_from(["", "{", "[1]", "null", '"x"', "NaN"]),
    st.sampled_from(["default", "", "gone", "a\n b"]),
    st.none() | st.sampled_from(["", "x" * 256, "\u202e"]),
)
@pytest.mark.thorough
def test_a_hostile_row(resource: str, backend: str, cancel_reason: str | None) -> None:
    OutboxTask.objects.all().delete()
    now = timezone.now()
    with outbox_cluster() as cluster:
        good = left(1)
        OutboxTask.objects.create(
            id="receipt",
            backend=backend,
            resource=resource,
            cancel_reason=cancel_reason,
            created_at=now,
            # It is due first.
            next_try_at="1999-01-01T00:00:00Z",
        )
        relay("default")
        assert good in cluster.resources
        relay("default")
        row = OutboxTask.objects.filter(pk="receipt").first()
        assert row is None or (row.tries, bool(row.error), row.next_try_at > now) == (1, True, True)


def test_a_row_that_is_nested_too_deeply() -> None:
    with outbox_cluster() as cluster:
        good = left(1)
        deep = "[" * 200_000 + "]" * 200_000
        OutboxTask.objects.create(
            id="deep", backend="default", resource=deep, created_at=timezone.now(), next_try_at="1999-01-01T00:00:00Z"
        )
        relay("default")
        assert list(cluster.resources) == [good]
    assert "RecursionError" in OutboxTask.objects.get(pk="deep").error


def test_a_row_that_can_be_read_and_not_be_written() -> None:
    """Python reads deeper JSON than it copies, or writes in some of its versions."""
    with outbox_cluster() as cluster:
        id_, good = left(1), left(2)
        body = json.loads(OutboxTask.objects.get(pk=id_).resource)
        body["spec"]["deep"] = "HERE"
        deep = json.dumps(body).replace('"HERE"', text_of(nested(DEEP, "object")))
        OutboxTask.objects.filter(pk=id_).update(resource=deep, next_try_at="1999-01-01T00:00:00Z")
        relay("default")
        assert list(cluster.resources) == [good]
    row = OutboxTask.objects.get(pk=id_)
    assert (row.tries, "recursion" in row.error) == (1, True)


def test_a_row_of_another_name() -> None:
    """Else it would be sent for ever: nothing would find its task again."""
    with outbox_cluster() as cluster:
        id_ = left(1)
        row = OutboxTask.objects.get(pk=id_)
        body = json.loads(row.resource)
        body["metadata"]["name"] = "other"
        OutboxTask.objects.filter(pk=id_).update(resource=json.dumps(body))
        relay("default")
        assert not cluster.resources
    assert "another name" in OutboxTask.objects.get(pk=id_).error
