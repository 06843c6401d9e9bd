"""What is written for schedules goes into the cache at once; what has changed or is gone meanwhile does no harm."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.names import SCHEDULE_PLURAL, TASK_PLURAL
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.schedule_writer import ScheduleWriter
from djangotasks_operator.cache.schedules import CachedSchedule
from tests.support.builders import NAMESPACE
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.model.calls import run

KEY = Key(NAMESPACE, "nightly")
MANIFEST: dict[str, Any] = {
    "kind": "DjangoTask",
    "metadata": {"name": "nightly-1"},
    "spec": {"task": "a.b", "schedule": "nightly"},
}


@pytest.fixture
def operator() -> InMemoryOperator:
    operator = make_operator(leads=False)
    operator.put_schedule()
    return operator


@pytest.fixture
def writer(operator: InMemoryOperator) -> ScheduleWriter:
    return ScheduleWriter(operator.writer)


def cached(operator: InMemoryOperator) -> CachedSchedule:
    found = operator.store.schedules.get(KEY)
    assert found is not None
    return found


def test_a_status_is_written_and_cached(operator: InMemoryOperator, writer: ScheduleWriter) -> None:
    assert run(writer.write_status(cached(operator), {"active": 1, "lastTask": "a"}))
    assert run(writer.write_status(cached(operator), {"active": 1}))
    assert operator.schedule_status() == cached(operator).status == {"active": 1}


def test_a_schedule_that_has_changed_is_read_instead(operator: InMemoryOperator, writer: ScheduleWriter) -> None:
    old = cached(operator)
    operator.server.update(SCHEDULE_PLURAL, "nightly", {"spec": {"suspended": True}})
    assert not run(writer.write_status(old, {"active": 1}))
    assert cached(operator).spec["suspended"] is True
    assert operator.schedule_status() == {}


def test_a_schedule_that_is_gone_is_forgotten(operator: InMemoryOperator, writer: ScheduleWriter) -> None:
    old = cached(operator)
    operator.server.delete(SCHEDULE_PLURAL, "nightly")
    assert not run(writer.write_status(old, {"active": 1}))
    assert operator.store.schedules.get(KEY) is None


def test_a_task_that_exists_is_found(operator: InMemoryOperator, writer: ScheduleWriter) -> None:
    first, second = run(writer.create(NAMESPACE, MANIFEST)), run(writer.create(NAMESPACE, MANIFEST))
    assert first == second
    assert operator.store.schedules.unfinished(KEY).keys() == {"nightly-1"}


def test_a_task_is_cancelled_once(operator: InMemoryOperator, writer: ScheduleWriter) -> None:
    run(writer.create(NAMESPACE, MANIFEST))
    for _ in range(2):
        run(writer.cancel(NAMESPACE, "nightly-1", "nightly", "replaced"))
    assert operator.api.requests.count("patch djangotasks nightly-1") == 1
    assert operator.server.get(TASK_PLURAL, "nightly-1")["spec"]["cancelReason"] == "replaced"


def test_another_task_of_the_name_is_not_cancelled(operator: InMemoryOperator, writer: ScheduleWriter) -> None:
    run(writer.create(NAMESPACE, MANIFEST))
    operator.server.delete(TASK_PLURAL, "nightly-1")
    operator.server.create(TASK_PLURAL, MANIFEST)
    run(writer.cancel(NAMESPACE, "nightly-1", "nightly", "replaced"))
    assert "cancel" not in operator.server.get(TASK_PLURAL, "nightly-1")["spec"]
    assert operator.store.task(Key(NAMESPACE, "nightly-1")) is None
