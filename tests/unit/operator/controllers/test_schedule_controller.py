"""The controller of schedules does what `due` decides, and its status says so."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.names import SCHEDULE_PLURAL, TASK_PLURAL, scheduled_task_name
from djangotasks_api.schedules.due import Decision, due
from djangotasks_api.schedules.plan import Plan
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers import schedule_controller
from tests.support.builders import NAMESPACE, NOW
from tests.unit.operator.controllers.scheduled_times import FIRST, MINUTE, condition, end, task_names, to
from tests.unit.operator.harness import InMemoryOperator

QUEUE_MISSING = "QueueNotFound"


def test_a_task_is_created_when_it_is_due_and_the_status_says_so(operator: InMemoryOperator) -> None:
    operator.put_schedule(timeZone="Asia/Kolkata")
    operator.drain()
    status = operator.schedule_status()
    assert condition(operator) == ("True", "Ready")
    assert status["nextScheduledFor"].endswith("+05:30")
    assert "lastTask" not in status
    to(operator, 0)
    name = scheduled_task_name("nightly", FIRST)
    assert task_names(operator) == [name]
    body = operator.server.get(TASK_PLURAL, name)
    assert body["spec"]["scheduledFor"] == FIRST.isoformat().replace("+00:00", "Z")
    assert body["metadata"]["labels"]["djangotasks.dev/schedule"] == "nightly"
    # With what else changes within some seconds.
    assert "lastTask" not in operator.schedule_status()
    operator.wait(5)
    status = operator.schedule_status()
    assert (status["lastTask"], status["active"], status["observedGeneration"]) == (name, 1, 1)


def test_what_follows_from_a_creation_is_decided_once_and_after_the_others(
    operator: InMemoryOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each decision is a millisecond by which all that are due in the same moment would be later."""
    for name in ("nightly", "hourly"):
        operator.put_schedule(name)
    to(operator, -1)
    decided: list[str] = []

    def counted(plan: Plan, *arguments: Any, **waits: Any) -> Decision:
        decided.append(plan.name)
        return due(plan, *arguments, **waits)

    monkeypatch.setattr(schedule_controller, "due", counted)
    operator.wait(1)
    assert len(operator.names(TASK_PLURAL)) == 2
    assert decided[:2] == decided[2:]
    assert sorted(decided[:2]) == ["hourly", "nightly"]


def test_a_status_that_is_none_keeps_no_task_from_its_time(operator: InMemoryOperator) -> None:
    operator.put_schedule()
    operator.server.update(SCHEDULE_PLURAL, "nightly", {"status": {"pending": 1, "skipped": "x"}})
    operator.relist()
    to(operator, 0)
    assert task_names(operator) == [scheduled_task_name("nightly", FIRST)]


def test_the_next_time_is_left_out_while_a_task_runs_and_the_one_after_is_not(operator: InMemoryOperator) -> None:
    operator.put_schedule()
    to(operator, 65)
    assert operator.schedule_status()["skipped"]["reason"] == "PreviousUnfinished"
    end(operator, scheduled_task_name("nightly", FIRST))
    to(operator, 125)
    assert task_names(operator)[1:] == [scheduled_task_name("nightly", FIRST + 2 * MINUTE)]
    status = operator.schedule_status()
    assert (status["skipped"]["count"], status["active"]) == (1, 1)


def test_what_waits_is_created_as_soon_as_the_task_has_finished(operator: InMemoryOperator) -> None:
    operator.put_schedule(concurrencyPolicy="Queue")
    to(operator, 60)
    assert operator.schedule_status()["pending"]
    end(operator, scheduled_task_name("nightly", FIRST))
    assert len(task_names(operator)) == 2
    assert "pending" not in operator.schedule_status()


@pytest.mark.parametrize("policy", ["Forbid", "Queue"])
def test_a_restored_task_that_keeps_others_from_being_created_is_named(operator: InMemoryOperator, policy: str) -> None:
    restore_task(operator)
    operator.put_schedule(concurrencyPolicy=policy)
    to(operator, 20)
    assert condition(operator) == ("False", "Restored")
    (ready,) = operator.schedule_status()["conditions"]
    assert f"Nothing is created until {RESTORED} has ended (concurrencyPolicy {policy})." in ready["message"]
    assert f"kubectl label djangotask {RESTORED} djangotasks.dev/restored-" in ready["message"]
    assert task_names(operator) == [RESTORED]
    # The way out.
    operator.server.update(TASK_PLURAL, RESTORED, {"metadata": {"labels": {"djangotasks.dev/restored": None}}})
    operator.relist()
    operator.drain()
    assert condition(operator) == ("True", "Ready")


@pytest.mark.parametrize("policy", ["Allow", "Replace"])
def test_a_restored_task_that_is_in_nobodys_way_is_not_named(operator: InMemoryOperator, policy: str) -> None:
    restore_task(operator)
    operator.put_schedule(concurrencyPolicy=policy)
    to(operator, 20)
    assert condition(operator) == ("True", "Ready")
    assert len(task_names(operator)) == 2


RESTORED = "nightly-202611200000"


def restore_task(operator: InMemoryOperator) -> None:
    metadata = {"name": RESTORED, "labels": {"djangotasks.dev/restored": "true"}}
    spec = {"task": "shop.tasks.nightly", "schedule": "nightly", "scheduledFor": "2026-11-20T00:00:00Z"}
    operator.server.create(TASK_PLURAL, {"metadata": metadata, "spec": spec})


def test_a_task_is_replaced_once_it_is_cancelled(operator: InMemoryOperator) -> None:
    operator.put_schedule(concurrencyPolicy="Replace", task={"task": "a.b", "queue": "missing"})
    to(operator, 60)
    first, second = task_names(operator)
    old = operator.server.get(TASK_PLURAL, first)
    assert (old["spec"]["cancel"], old["status"]["phase"]) == (True, "Cancelled")
    assert second == scheduled_task_name("nightly", FIRST + MINUTE)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"cron": ["0 25 * * *"]}, ("False", "InvalidSchedule")),
        ({"timeZone": "Mars/Olympus"}, ("False", "UnknownTimeZone")),
        ({"task": {"task": "a.b", "queue": "missing"}}, ("False", QUEUE_MISSING)),
        ({"task": {"task": "a.b", "overrides": {"nodeSelector": {"disk": "ssd"}}}}, ("False", "NotAllowed")),
        ({"suspended": True}, ("True", "Suspended")),
        ({"endAt": "2020-01-01T00:00:00Z"}, ("True", "Ended")),
        ({"startAt": "9999-12-31T23:59:59Z"}, ("True", "Ended")),
        ({"startAt": "9999-12-31T23:59:59-10:00"}, ("True", "Ended")),
        ({"startAt": 5}, ("False", "InvalidSchedule")),
        ({"cron": 5}, ("False", "InvalidSchedule")),
        ({"jitterSeconds": 10**9}, ("False", "InvalidSchedule")),
    ],
)
def test_the_condition_says_what_is_wrong(
    operator: InMemoryOperator, spec: dict[str, Any], expected: tuple[str, str]
) -> None:
    operator.put_schedule(**spec)
    operator.drain()
    assert condition(operator) == expected
    assert operator.schedule_status()["conditions"][0]["message"]


def test_a_zone_that_is_newer_than_the_operator_says_so(operator: InMemoryOperator) -> None:
    """America/Coyhaique came in 2025: the check of a project that knows it finds nothing wrong."""
    operator.put_schedule(timeZone="America/Atlantis")
    operator.drain()
    assert "the operator is older than the zone" in operator.schedule_status()["conditions"][0]["message"]


def test_a_queue_that_is_made_makes_its_schedules_ready(operator: InMemoryOperator) -> None:
    operator.put_schedule(task={"task": "a.b", "queue": "late"})
    operator.drain()
    assert condition(operator) == ("False", QUEUE_MISSING)
    operator.put_queue("late")
    operator.drain()
    assert condition(operator) == ("True", "Ready")


def test_an_edit_creates_nothing_for_the_past(operator: InMemoryOperator) -> None:
    operator.put_schedule(cron=["0 0 1 1 *"])
    operator.drain()
    operator.put_schedule(cron=[f"{NOW:%M %H} * * *"])
    operator.drain()
    assert task_names(operator) == []
    status = operator.schedule_status()
    assert status["observedGeneration"] == 2


def test_a_large_payload_is_read_when_it_is_needed(operator: InMemoryOperator) -> None:
    payload = '{"args":["' + "x" * 5000 + '"],"kwargs":{}}'
    operator.put_schedule(task={"task": "a.b", "payload": payload})
    schedule = operator.store.schedules.get(Key(NAMESPACE, "nightly"))
    assert schedule is not None
    assert schedule.spec["task"] == {"task": "a.b"}
    to(operator, 0)
    assert operator.server.get(TASK_PLURAL, task_names(operator)[0])["spec"]["payload"] == payload


def test_a_task_that_a_jitter_makes_late_has_not_expired(operator: InMemoryOperator) -> None:
    operator.put_schedule(cron=["* * * * *"], jitterSeconds=60, startingDeadlineSeconds=10, concurrencyPolicy="Allow")
    to(operator, 300)
    specs = [operator.server.get(TASK_PLURAL, name)["spec"] for name in task_names(operator)]
    assert specs
    assert all(spec["enqueuedAt"] < spec["expiresAt"] for spec in specs)


def test_a_schedule_that_is_deleted_is_forgotten(operator: InMemoryOperator) -> None:
    operator.put_schedule()
    operator.drain()
    operator.server.delete(SCHEDULE_PLURAL, "nightly")
    operator.relist()
    to(operator, 60)
    assert task_names(operator) == []
    assert operator.store.schedules.all() == []


@pytest.mark.parametrize("known", [True, False])
def test_a_schedule_that_is_being_deleted_creates_nothing_any_more(operator: InMemoryOperator, known: bool) -> None:
    """A finalizer keeps it, or kubectl delete --cascade=foreground does for a moment. As of a CronJob."""
    operator.put_schedule()
    operator.drain()
    operator.server.update(SCHEDULE_PLURAL, "nightly", {"metadata": DELETING})
    if known:
        operator.relist()
    to(operator, 60)
    assert task_names(operator) == []


# As the API server does it.
DELETING = {"deletionTimestamp": "2026-11-23T12:00:00Z", "finalizers": ["example.com/backup"], "generation": 2}


@pytest.mark.thorough
def test_a_broken_schedule_delays_no_other(operator: InMemoryOperator) -> None:
    """solid_queue#292: one bad schedule, and all stop without a word."""
    for n in range(100):
        operator.put_schedule(f"bad-{n}", cron=["61 * * * *"])
    operator.put_schedule()
    to(operator, 0)
    assert task_names(operator) == [scheduled_task_name("nightly", FIRST)]
