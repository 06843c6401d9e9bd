"""The cache of schedules knows the latest version of each, and which of its tasks have not finished."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import DjangoTask
from djangotasks_api.schedules.due import Unfinished
from djangotasks_api.schedules.plan import digest
from djangotasks_api.schedules.record import Record
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.schedules import CachedSchedule, Schedules, parse_schedule
from djangotasks_operator.cache.tombstones import Tombstones
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from tests.support.builders import NAMESPACE

KEY = Key(NAMESPACE, "nightly")


def body(version: int = 1, *, uid: str = "u", generation: int = 1, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "nightly",
            "namespace": NAMESPACE,
            "uid": uid,
            "resourceVersion": str(version),
            "generation": generation,
            "creationTimestamp": "2026-11-23T12:00:00Z",
        },
        "spec": {"cron": ["@daily"], "task": {"task": "a.b"}} | spec,
    }


def parsed(*arguments: Any, **values: Any) -> CachedSchedule:
    return parse_schedule(body(*arguments, **values))


def task(name: str = "nightly-202611240000", phase: str = "Queued", **spec: Any) -> DjangoTask:
    spec = {"task": "a.b", "schedule": "nightly", "scheduledFor": "2026-11-24T00:00:00Z"} | spec
    metadata = {"name": name, "namespace": NAMESPACE, "uid": name}
    return DjangoTask.model_validate({"metadata": metadata, "spec": spec, "status": {"phase": phase}})


SUSPENDED: Any = {"timing": digest(body(suspended=True)["spec"]), "since": "2026-11-23T00:00:00Z"}


@pytest.fixture
def changes() -> list[Key]:
    return []


@pytest.fixture
def schedules(changes: list[Key]) -> Schedules:
    return Schedules(changes.append, WatchMonitor(), Tombstones())


def test_a_new_spec_is_a_change_and_a_new_status_is_none(schedules: Schedules, changes: list[Key]) -> None:
    schedules.put(parsed(1))
    schedules.put(parsed(2))
    assert changes == [KEY]
    schedules.put(parsed(3, generation=2))
    schedules.put(parsed(2, generation=1))
    assert changes == [KEY, KEY]
    found = schedules.get(KEY)
    assert found is not None
    assert found.generation == 2


def test_one_that_was_deleted_does_not_come_back(schedules: Schedules, changes: list[Key]) -> None:
    schedules.put(parsed(1))
    schedules.drop(parsed(2))
    schedules.put(parsed(3))
    assert schedules.get(KEY) is None
    schedules.put(parsed(4, uid="another"))
    schedules.drop(parsed(5))
    assert schedules.get(KEY) is not None
    assert changes == [KEY] * 3


def test_the_unfinished_tasks_are_known(schedules: Schedules, changes: list[Key]) -> None:
    schedules.put_task(task())
    schedules.put_task(task())
    assert schedules.unfinished(KEY) == {"nightly-202611240000": Unfinished(runs=("task", "a.b"))}
    schedules.put_task(task(cancel=True))
    assert schedules.unfinished(KEY) == {"nightly-202611240000": Unfinished(cancelled=True, runs=("task", "a.b"))}
    schedules.put_task(task(phase="Cancelled"))
    assert schedules.unfinished(KEY) == {}
    schedules.put_task(task("other", schedule=None, scheduledFor=None))
    assert changes == [KEY] * 3


@pytest.mark.parametrize(
    ("name", "last", "held"),
    [
        ("nightly-202611240000", None, True),
        ("nightly-202611240000", "2026-11-23T00:00:00Z", True),
        ("nightly-202611240000", "2026-11-24T00:00:00Z", False),
        # Created by hand, for the schedule: no leader would create it again.
        ("3f0c6c1e", None, False),
    ],
)
def test_a_task_is_held_until_its_schedule_has_it(
    schedules: Schedules, name: str, last: str | None, held: bool
) -> None:
    status = {} if last is None else {"lastScheduledFor": last}
    schedules.put(parse_schedule(body() | {"status": status}))
    found = task(name, "Succeeded")
    assert schedules.holds(found.metadata, found.spec.schedule, found.spec.scheduled_for) is held


def test_a_schedule_that_is_being_deleted_holds_no_task(schedules: Schedules, changes: list[Key]) -> None:
    """It would create none a second time."""
    schedules.put(parse_schedule(body()))
    deleting = body(2)
    deleting["metadata"]["deletionTimestamp"] = "2026-11-24T00:00:00Z"
    schedules.put(parse_schedule(deleting))
    found = task(phase="Succeeded")
    assert not schedules.holds(found.metadata, found.spec.schedule, found.spec.scheduled_for)
    assert changes == [KEY, KEY]


@pytest.mark.parametrize(
    ("status", "held"),
    [
        (SUSPENDED, False),
        # That it is suspended is not recorded: resumed before, it would not know that its times are to be left out.
        (SUSPENDED | {"timing": digest(body()["spec"])}, True),
        ({}, True),
    ],
)
def test_a_backfill_of_a_suspended_schedule_is_not_held(schedules: Schedules, status: Any, held: bool) -> None:
    """Neither its TTL nor the limits of its queue would end before somebody resumes the schedule."""
    schedules.put(parse_schedule(body(suspended=True) | {"status": status}))
    found = task(phase="Succeeded")
    assert schedules.holds(found.metadata, found.spec.schedule, found.spec.scheduled_for) is held


def test_a_task_without_a_schedule_is_not_held(schedules: Schedules) -> None:
    assert not schedules.holds(task(phase="Succeeded").metadata, None, None)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"cron": 5}, "cron"),
        ({"task": []}, "task"),
        ({"jitterSeconds": -1}, "jitterSeconds"),
        ({"cron": None}, "one of"),
    ],
)
def test_a_spec_that_the_model_rejects_says_so(spec: dict[str, Any], words: str) -> None:
    found = parsed(**spec)
    assert found.invalid is not None
    assert words in found.invalid
    assert found.spec == {}


@pytest.mark.parametrize("value", [["x"], [], {}, 5, 0.5, True, "soon"])
@pytest.mark.parametrize("name", ["since", "lastScheduledFor", "pending"])
def test_a_status_that_the_model_rejects_is_none(name: str, value: Any) -> None:
    """Numbers would be times for pydantic, and none for those who read the text."""
    schedule = parse_schedule(body() | {"status": {name: value}})
    assert (schedule.status, Record.of(schedule.status)) == ({}, Record())


def test_schedules_are_found_by_their_queue(schedules: Schedules) -> None:
    schedules.put(parsed(task={"task": "a.b", "queue": "reports"}))
    assert schedules.of_queue(Key(NAMESPACE, "reports")) == [KEY]
    assert schedules.of_queue(Key("other", "reports")) == []
