"""How an object of each kind gets into the store and out of it."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_operator.cache.kinds import (
    JOB_SOURCE,
    POD_SOURCE,
    QUEUE_SOURCE,
    SCHEDULE_SOURCE,
    TASK_SOURCE,
    WORKFLOW_SOURCE,
)
from djangotasks_operator.cache.store import Store
from djangotasks_operator.runtime.reflector import Kind
from tests.support.builders import NAMESPACE
from tests.unit.operator.hostile.attempts import JOB, POD
from tests.unit.operator.hostile.queues import QUEUE
from tests.unit.operator.hostile.tasks import SCHEDULE, TASK, WORKFLOW

KINDS: list[tuple[Kind[Store, Any], dict[str, Any]]] = [
    (QUEUE_SOURCE, QUEUE),
    (SCHEDULE_SOURCE, SCHEDULE),
    (TASK_SOURCE, TASK),
    (WORKFLOW_SOURCE, WORKFLOW),
    (JOB_SOURCE, JOB),
    (POD_SOURCE, POD),
]
EACH_KIND = pytest.mark.parametrize(("kind", "body"), KINDS, ids=[kind.resource.plural for kind, _ in KINDS])


def stored(body: dict[str, Any], version: int, uid: str = "u") -> dict[str, Any]:
    """As the API server has it."""
    given = {
        "namespace": NAMESPACE,
        "uid": uid,
        "resourceVersion": str(version),
        "creationTimestamp": "2026-11-23T12:00:00Z",
    }
    return {**body, "metadata": {**body["metadata"], **given}}


def apply(kind: Kind[Store, Any], store: Store, type_: str, body: dict[str, Any]) -> int:
    """How many are known then."""
    kind.apply_event(store, {"type": type_, "object": body})
    return len(kind.known(store))


@EACH_KIND
def test_an_object_is_kept_until_it_is_deleted(kind: Kind[Store, Any], body: dict[str, Any]) -> None:
    store = Store()
    assert apply(kind, store, "ADDED", stored(body, 2)) == 1
    (item,) = kind.known(store)
    assert kind.identity(item) == (NAMESPACE, "u")
    assert apply(kind, store, "MODIFIED", stored(body, 3)) == 1
    assert apply(kind, store, "DELETED", stored(body, 4)) == 0
    assert apply(kind, store, "MODIFIED", stored(body, 3)) == 0, "a late event"


@EACH_KIND
def test_the_deletion_of_another_object_of_the_name_is_not_its_own(
    kind: Kind[Store, Any], body: dict[str, Any]
) -> None:
    store = Store()
    apply(kind, store, "ADDED", stored(body, 5, "new"))
    assert apply(kind, store, "DELETED", stored(body, 6, "old")) == 1


def test_jobs_and_pods_are_those_with_the_label_of_a_task() -> None:
    assert {kind.resource.plural for kind, _ in KINDS if kind.selector} == {"jobs", "pods"}
