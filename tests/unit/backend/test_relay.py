"""The relay, where another process works on the same rows."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import override_settings

from django_tasks_kubernetes.exceptions import ApiUnavailable
from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.relay import Relayed, relay
from django_tasks_kubernetes.stores.outbox import cancel_row
from tests.unit.backend.enqueue.test_outbox import Cluster, left, outbox_cluster, rows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def cluster() -> Iterator[Cluster]:
    with outbox_cluster() as cluster:
        yield cluster


def test_relay_cancels_a_task_that_was_created_before(cluster: Cluster) -> None:
    id_ = left(1)
    cluster.create(json.loads(OutboxTask.objects.get().resource))
    assert cancel_row("default", id_, "withdrawn")
    assert relay("default") == Relayed(sent=1)
    assert (rows(), cluster.cancelled) == ([], [(id_, "withdrawn")])


def test_relay_goes_on_after_a_refused_row(cluster: Cluster) -> None:
    first, second = left(1), left(2)
    cluster.refused = {first}
    assert relay("default") == Relayed(sent=1, refused=1)
    assert ([*cluster.resources], rows()) == ([second], [first])
    assert (OutboxTask.objects.get().tries, OutboxTask.objects.get().error) == (1, "not this one")


def test_relay_stops_between_two_rows(cluster: Cluster) -> None:
    left(1), left(2)
    answers = iter([True, False])
    assert relay("default", lambda: next(answers)) == Relayed(sent=1)
    assert len(rows()) == 1


def test_relay_looks_once_for_many_rows(cluster: Cluster) -> None:
    """To find the first of all that are due at one time is a sort of them, and after it the same of those left."""
    ids, searches = [left(number) for number in range(5)], []

    def count(execute: Any, sql: str, *args: Any) -> Any:
        searches.extend([sql] if sql.startswith("SELECT") and '"next_try_at" ASC' in sql else [])
        return execute(sql, *args)

    with connection.execute_wrapper(count):
        assert relay("default") == Relayed(sent=5)
    assert (sorted(cluster.resources), len(searches)) == (sorted(ids), 2)


def test_relay_ends_where_others_hold_all_rows_that_are_due(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    left(1), left(2)
    monkeypatch.setattr("django_tasks_kubernetes.relay._locked", lambda rows, using: None)
    passes = iter(range(5))
    assert relay("default", lambda: next(passes, None) is not None) == Relayed()
    assert next(passes) == 2


def test_relay_passes_over_a_row_that_another_one_has_just_sent(cluster: Cluster) -> None:
    [left(number) for number in range(3)]
    first, second, third = OutboxTask.objects.order_by("next_try_at", "pk")

    def another_sends() -> bool:
        if first.pk in cluster.resources:
            OutboxTask.objects.filter(pk=second.pk).delete()
        return True

    assert relay("default", another_sends) == Relayed(sent=2)
    assert ([*cluster.resources], rows()) == ([first.pk, third.pk], [])


def test_relay_says_what_is_away_where_the_database_has_ended_the_transaction_meanwhile(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with idle_in_transaction_session_timeout: a request with its retries takes 40 s."""
    left(1)
    lost: list[str] = []

    def end_transaction(execute: Any, sql: str, *args: Any) -> Any:
        if lost and connection.in_atomic_block:
            raise OperationalError("terminating connection due to idle-in-transaction timeout")
        return execute(sql, *args)

    def create(self: Cluster, resource: Any) -> None:
        lost.append(resource["metadata"]["name"])
        raise ApiUnavailable("gave no answer")

    monkeypatch.setattr(Cluster, "create", create)
    with connection.execute_wrapper(end_transaction):
        assert relay("default") == Relayed(away={"default": "gave no answer"})
    assert (OutboxTask.objects.get().tries, OutboxTask.objects.get().error) == (1, "gave no answer")


class WritesElsewhere:
    """A router that names a database for writes which is not the outbox's."""

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "elsewhere"


def test_relay_writes_to_the_database_of_its_rows(cluster: Cluster) -> None:
    """Not where a router would write: else one row is sent for ever."""
    sent, refused = left(1), left(2)
    cluster.refused = {refused}
    passes = iter(range(5))
    with override_settings(DATABASE_ROUTERS=[f"{__name__}.WritesElsewhere"]):
        assert relay("default", lambda: next(passes, None) is not None) == Relayed(sent=1, refused=1)
    assert ([*cluster.resources], rows()) == ([sent], [refused])
    assert OutboxTask.objects.get().tries == 1


def test_relay_begins_a_row_again_that_another_transaction_was_preferred_to(cluster: Cluster) -> None:
    """As with SERIALIZABLE and several relays. The database is not away, and no other row waits for it."""
    ids, conflicts = [left(1), left(2)], [1, 2, 3]

    def conflict(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith("DELETE") and conflicts:
            conflicts.pop()
            error = OperationalError("could not serialize access due to read/write dependencies")
            error.__cause__ = type("SerializationFailure", (Exception,), {"sqlstate": "40001"})()
            raise error
        return execute(sql, *args)

    with connection.execute_wrapper(conflict):
        assert relay("default") == Relayed(sent=2)
    assert (sorted(cluster.resources), rows()) == (sorted(ids), [])
