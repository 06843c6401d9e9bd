"""Schedules on the real cluster: their tasks are created on the minute, once, whatever is done to the operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from djangotasks_api.names import scheduled_task_name
from tests.support.faults import AFTER, BEFORE, Crash, Moment, Rule
from tests.support.operator import OperatorProcess
from tests.support.stage import EVENTS, TASKS, Stage
from tests.support.zygote import Zygote
from tools.cluster.cluster import Cluster
from tools.kubectl import wait_for

SCHEDULES = "/apis/djangotasks.dev/v1alpha1/namespaces/{namespace}/djangotaskschedules"
MINUTE = timedelta(minutes=1)
# To the next minute, and what a busy machine needs.
SECONDS = 300.0
Object = dict[str, Any]


def add_schedule(stage: Stage, name: str, task: str = "add", *, args: str = "[1,2]", **spec: Any) -> None:
    template = {"task": f"shop.probes.{task}", "payload": f'{{"args":{args},"kwargs":{{}}}}'} | spec.pop(
        "task_spec", {}
    )
    body = {"everyMinutes": 1, "task": template} | spec
    if "cron" in body:
        del body["everyMinutes"]
    manifest = {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskSchedule",
        "metadata": {"name": name},
        "spec": body,
    }
    stage.request("POST", SCHEDULES, manifest)


def change(stage: Stage, name: str, **spec: Any) -> None:
    stage.request("PATCH", f"{SCHEDULES}/{name}", {"spec": spec})


def status(stage: Stage, name: str) -> Object:
    found: Object = stage.request("GET", f"{SCHEDULES}/{name}").get("status", {})
    return found


def wait_schedule(stage: Stage, name: str, check: Callable[[Object], object], what: str) -> Object:
    last: Object = {}

    def look() -> Object | None:
        last.clear()
        last.update(status(stage, name))
        return last if check(last) else None

    return wait_for(f"schedule {name}: {what}", look, seconds=SECONDS, why=lambda: stage.tell(last))


def tasks_of(stage: Stage, name: str) -> list[Object]:
    items: list[Object] = stage.request("GET", f"{TASKS}?labelSelector=djangotasks.dev/schedule={name}")["items"]
    return items


def wait_tasks(stage: Stage, name: str, count: int = 1) -> list[Object]:
    def look() -> list[Object] | None:
        found = tasks_of(stage, name)
        return found if len(found) >= count else None

    return wait_for(
        f"{count} tasks of {name}", look, seconds=SECONDS + 60 * count, why=lambda: stage.tell(status(stage, name))
    )


def time_of(task: Object) -> datetime:
    return datetime.fromisoformat(task["spec"]["scheduledFor"])


def reason(found: Object) -> str:
    conditions: list[dict[str, str]] = found.get("conditions", [])
    return conditions[0]["reason"] if conditions else ""


def now() -> datetime:
    return datetime.now(UTC)


def test_the_life_of_a_schedule(stage: Stage) -> None:
    """Created on the minute, seen with kubectl; edits and the end of a suspension run nothing for the past; deleting it
    stops no task."""
    add_schedule(stage, "often", timeZone="Asia/Kolkata")
    past = now() - timedelta(hours=1)
    add_schedule(stage, "edited", cron=["0 0 1 1 *"])
    add_schedule(stage, "paused", suspended=True)
    add_schedule(stage, "nowhere", task_spec={"queue": "missing"})
    add_schedule(stage, "lost", cron=["0 2 * * *"], timeZone="Mars/Olympus")
    add_schedule(stage, "greedy", cron=["0 0 1 1 *"], task_spec={"overrides": {"nodeSelector": {"disk": "ssd"}}})
    taken = scheduled_task_name("often", (now() + 2 * MINUTE).replace(second=0, microsecond=0))

    ready = wait_schedule(stage, "often", lambda found: found.get("nextScheduledFor"), "says when it is due")
    assert (reason(ready), ready["nextScheduledFor"][-6:]) == ("Ready", "+05:30")
    assert reason(wait_schedule(stage, "paused", reason, "is seen")) == "Suspended"
    assert "nextScheduledFor" not in status(stage, "paused")
    assert reason(wait_schedule(stage, "lost", reason, "is not ready")) == "UnknownTimeZone"
    assert reason(wait_schedule(stage, "nowhere", reason, "has no queue")) == "QueueNotFound"
    assert reason(wait_schedule(stage, "greedy", reason, "asks for too much")) == "NotAllowed"
    wait_schedule(stage, "edited", lambda found: found.get("timing"), "is seen")
    change(stage, "edited", cron=[f"{past:%M %H} * * *"])

    (task,) = wait_tasks(stage, "often")
    enqueued_at = datetime.fromisoformat(task["spec"]["enqueuedAt"])
    assert task["metadata"]["name"] == scheduled_task_name("often", time_of(task))
    assert (time_of(task).second, task["spec"]["schedule"]) == (0, "often")
    assert timedelta(0) <= enqueued_at - time_of(task) < MINUTE
    assert stage.wait_phase(task["metadata"]["name"], "Succeeded")["result"] == "3"
    seen = wait_schedule(stage, "often", lambda found: found.get("lastTask"), "recorded it")
    assert datetime.fromisoformat(seen["lastScheduledFor"]) == time_of(task)

    # A person may take the place of the next one.
    manifest = {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTask",
        "metadata": {"name": taken},
        "spec": {"task": "shop.probes.add", "payload": '{"args":[3,4],"kwargs":{}}'},
    }
    code, answer = stage.proxy.request("POST", TASKS.format(namespace=stage.namespace), manifest)
    assert code in (201, 409), answer
    # On a busy machine it may be there already.
    if code == 201:
        found = wait_schedule(stage, "often", lambda found: found.get("skipped"), "left it to its owner")
        assert found["skipped"]["reason"] == "NameTaken"
    resumed = now()
    change(stage, "paused", suspended=False)
    wait_schedule(stage, "paused", lambda found: reason(found) == "Ready", "is resumed")
    assert min(map(time_of, wait_tasks(stage, "paused"))) > resumed
    assert tasks_of(stage, "edited") == []
    assert [item["status"]["reason"] for item in wait_tasks(stage, "nowhere")] == ["QueueNotFound"]
    events = stage.request("GET", f"{EVENTS}?fieldSelector=involvedObject.kind=DjangoTaskSchedule")["items"]
    said = {(event["involvedObject"]["name"], event["reason"]) for event in events}
    assert {("lost", "NotReady"), ("nowhere", "NotReady")} <= said

    stage.request("DELETE", f"{SCHEDULES}/often")
    assert task["metadata"]["name"] in {item["metadata"]["name"] for item in tasks_of(stage, "often")}


def test_what_changed_while_the_watch_expired_is_noticed(stage: Stage) -> None:
    """Created, edited, deleted, and made again under the same name."""
    for name in ("edited", "deleted", "again"):
        add_schedule(stage, name)
        wait_schedule(stage, name, lambda found: reason(found) == "Ready", "is seen")
    stage.proxy.stall_watches()
    change(stage, "edited", suspended=True)
    stage.request("DELETE", f"{SCHEDULES}/deleted")
    stage.request("DELETE", f"{SCHEDULES}/again")
    add_schedule(stage, "again", cron=["0 2 * * *"], timeZone="Mars/Olympus")
    add_schedule(stage, "new", suspended=True)
    changed = now()
    stage.proxy.expire_watches()
    for name, expected in (("edited", "Suspended"), ("again", "UnknownTimeZone"), ("new", "Suspended")):
        wait_schedule(stage, name, lambda found: reason(found) == expected, f"is {expected}")  # noqa: B023
    # Until all would have been due.
    add_schedule(stage, "clock")
    wait_tasks(stage, "clock")
    for name in ("edited", "deleted", "again", "new"):
        assert [task for task in tasks_of(stage, name) if time_of(task) > changed] == []


def test_what_is_due_while_a_task_runs(stage: Stage) -> None:
    """The four policies side by side, with tasks that do not end."""
    for policy in ("Allow", "Forbid", "Replace", "Queue"):
        add_schedule(stage, policy.lower(), "sleep", args="[600]", concurrencyPolicy=policy)
    wait_tasks(stage, "allow", 2)
    queued = wait_schedule(stage, "queue", lambda found: found.get("pending"), "holds a time")
    assert len(tasks_of(stage, "queue")) == 1
    skipped = wait_schedule(stage, "forbid", lambda found: found.get("skipped"), "left one out")
    assert (skipped["skipped"]["reason"], len(tasks_of(stage, "forbid"))) == ("PreviousUnfinished", 1)
    first, second = sorted(wait_tasks(stage, "replace", 2), key=time_of)[:2]
    replaced = stage.status(first["metadata"]["name"])
    assert replaced["phase"] == "Cancelled"
    assert replaced["message"].endswith("Reason given: replaced by the schedule replace")
    # Where that takes it a minute, it is replaced as well.
    stage.wait_phase(second["metadata"]["name"], "Running", "Cancelled")
    # What waited is created when the task has ended.
    (running,) = tasks_of(stage, "queue")
    stage.cancel(running["metadata"]["name"])
    times = {time_of(task) for task in wait_tasks(stage, "queue", 2)}
    assert datetime.fromisoformat(queued["pending"]) in times


POINTS = [
    ("create djangotasks", BEFORE),
    ("create djangotasks", AFTER),
    ("patch djangotaskschedules/status", BEFORE),
    ("patch djangotaskschedules/status", AFTER),
]


@pytest.mark.slow
@pytest.mark.parametrize(("label", "moment"), POINTS, ids=lambda value: str(value).replace("djangotask", ""))
def test_the_leader_is_killed_at_a_call(stage: Stage, label: str, moment: Moment) -> None:
    """The time has one task, and it is recorded."""
    add_schedule(stage, "often", concurrencyPolicy="Allow", catchUp="All")
    wait_schedule(stage, "often", reason, "is ready")
    begun = now()
    stage.proxy.add(rule := Rule(Crash(), label, moment=moment))
    wait_for("the crash", lambda: rule.hits or None, seconds=SECONDS)
    stage.operator.start()
    wait_tasks(stage, "often", 2)
    recorded = wait_schedule(stage, "often", lambda found: found.get("lastScheduledFor"), "is recorded")
    times = sorted(time_of(task) for task in tasks_of(stage, "often"))
    assert all(b - a == MINUTE for a, b in pairwise(times)), times
    assert times[0] - begun <= MINUTE
    assert datetime.fromisoformat(recorded["lastScheduledFor"]) in times
    created = [call for call in stage.proxy.writes(verb="create", status=201) if call.resource == "djangotasks"]
    assert len(created) <= len(times) + 1


@pytest.fixture
def second_leader(stage: Stage, cluster: Cluster, zygote: Zygote, tmp_path: Path) -> Iterator[OperatorProcess]:
    """Neither takes part in an election, so both lead."""
    folder = tmp_path / "second"
    folder.mkdir()
    operator = OperatorProcess(
        cluster, stage.namespace, folder, kubeconfig=stage.proxy.kubeconfig, options=(), zygote=zygote
    )
    operator.start()
    yield operator
    operator.close()


@pytest.mark.slow
def test_two_leaders_make_one_task(stage: Stage, second_leader: OperatorProcess) -> None:
    names = [f"often-{n}" for n in range(5)]
    for name in names:
        # Their tasks wait for a queue: two leaders may not run tasks.
        add_schedule(stage, name, concurrencyPolicy="Allow", task_spec={"queue": "missing"})
    wait_tasks(stage, names[-1], 2)
    for name in names:
        times = [time_of(task) for task in tasks_of(stage, name)]
        assert len(times) == len(set(times))
        assert status(stage, name).get("skipped") is None


@pytest.mark.slow
def test_while_no_operator_runs(stage: Stage) -> None:
    """The latest time is caught up on, once; or each; or none."""
    # Allow, for the operator may be killed before the first task has run.
    add_schedule(stage, "latest", concurrencyPolicy="Allow")
    add_schedule(stage, "all", catchUp="All", concurrencyPolicy="Allow")
    wait_schedule(stage, "all", reason, "is ready")
    wait_schedule(stage, "latest", reason, "is ready")
    wait_tasks(stage, "all")
    stage.operator.kill()
    before = {name: {time_of(task) for task in tasks_of(stage, name)} for name in ("latest", "all")}
    until = max(before["all"]) + 2 * MINUTE + timedelta(seconds=5)
    wait_for("two minutes to pass", lambda: now() > until or None, seconds=300)
    stage.operator.start()
    wait_tasks(stage, "all", len(before["all"]) + 2)
    missed = {max(before["all"]) + MINUTE, max(before["all"]) + 2 * MINUTE}
    assert {time_of(task) for task in tasks_of(stage, "all")} >= missed
    found = wait_schedule(stage, "latest", lambda found: found.get("skipped"), "says what it left out")
    assert found["skipped"]["reason"] == "Missed"
    assert max(missed) in {time_of(task) for task in tasks_of(stage, "latest")}
    assert min(missed) not in {time_of(task) for task in tasks_of(stage, "latest")}
