"""Scenarios that went wrong once, on the model check's simulation."""

from __future__ import annotations

import pytest

from djangotasks_api.names import TASK_PLURAL
from djangotasks_operator.controllers.task_controller import UNWATCHED_SECONDS
from tests.unit.operator.controllers.scenario_steps import settle, start, status
from tests.unit.operator.model.outcomes import make_outcome
from tests.unit.operator.model.replica import Replica
from tests.unit.operator.model.scenario import Scenario
from tests.unit.operator.model.server import merged
from tests.unit.operator.model.simulation import Process

NO_WAIT = {"backoff": {"initialSeconds": 0}}


def fail(scenario: Scenario, process: Process) -> None:
    """The process tells the leader of its failure, and lives on for a while."""
    scenario.world.finish(process, make_outcome("failure", process, scenario.world.clock.now.isoformat()))
    scenario.deliver(scenario.world.reports.pop(), scenario.leader)
    scenario.leader.drain()


@pytest.mark.parametrize("deleting", [False, True], ids=["the Job is gone", "the Job is being deleted"])
def test_no_attempt_starts_while_the_last_attempts_pod_lives(scenario: Scenario, deleting: bool) -> None:
    """Somebody deletes the Job of an attempt that has failed, and whose container has not ended yet."""
    scenario.world.enqueue("a", {"policy": {"maxAttempts": 2} | NO_WAIT})
    settle(scenario)
    fail(scenario, start(scenario, "a-1"))
    if deleting:
        scenario.server.update("jobs", "a-1", {"metadata": {"deletionTimestamp": scenario.world.clock.stamp()}})
    else:
        scenario.server.delete("jobs", "a-1")
    settle(scenario)
    assert [pod.name for pod in scenario.world.pods()] == ["a-1"]
    scenario.server.collect()
    (pod,) = scenario.world.pods()
    scenario.world.confirm_deletion(pod, shown=True) if pod.deleting else scenario.world.end(pod, 1)
    settle(scenario)
    assert [pod.name for pod in scenario.world.waiting()] == ["a-2"]


@pytest.mark.parametrize("again", [False, True], ids=["gone", "enqueued again"])
def test_a_pod_without_an_owner_does_not_outlive_its_task(scenario: Scenario, again: bool) -> None:
    """kubectl delete job --cascade=orphan, or a policy that strips ownerReferences: the garbage collector leaves it."""
    scenario.world.enqueue("a", {})
    settle(scenario)
    start(scenario, "a-1")
    body = scenario.server.get("pods", "a-1")
    scenario.server.update("pods", "a-1", {"metadata": {"ownerReferences": []}})
    scenario.server.delete("jobs", "a-1")
    settle(scenario)
    assert not scenario.world.deleting(), "its task is there, and it runs"
    scenario.server.delete(TASK_PLURAL, "a")
    if again:
        scenario.world.enqueue("a", {})
    scenario.server.collect()
    settle(scenario)
    (pod,) = scenario.world.deleting()
    assert pod.uid == body["metadata"]["uid"]
    scenario.world.confirm_deletion(pod, shown=False)
    settle(scenario)
    scenario.world.clock.advance(60)
    settle(scenario)
    assert [pod.name for pod in scenario.world.waiting()] == (["a-1"] if again else [])


def test_a_late_standby_accepts_an_outcome(scenario: Scenario) -> None:
    """The standby has not seen yet that the first attempt ended, when the second one reports to it."""
    scenario.world.enqueue("a", {"policy": {"maxAttempts": 2} | NO_WAIT})
    settle(scenario)
    process = start(scenario, "a-1")
    fail(scenario, process)
    scenario.world.end(process.pod, 1)
    scenario.leader.see_all()
    scenario.leader.drain()
    second = start(scenario, "a-2")
    scenario.world.finish(second, make_outcome("success", second, scenario.world.clock.now.isoformat()))
    scenario.deliver(scenario.world.reports.pop(), scenario.replicas[1])
    scenario.replicas[1].drain()
    scenario.look()
    assert status(scenario)["phase"] == "Succeeded"


@pytest.mark.thorough
def test_a_task_blocked_by_a_quota_is_retried_less_and_less_often(scenario: Scenario) -> None:
    scenario.server.refusal = "exceeded quota: narrow"
    scenario.world.enqueue("a", {})
    for _ in range(600):
        settle(scenario)
        scenario.world.clock.advance(1)
    assert status(scenario)["reason"] == "QuotaExceeded"
    assert scenario.leader.tasks.retries < 30
    scenario.server.refusal = None
    scenario.world.clock.advance(60)
    settle(scenario)
    start(scenario, "a-1")


def test_a_task_says_what_is_left_when_one_of_two_problems_is_solved(scenario: Scenario) -> None:
    quota = 'pods "a-1" is forbidden: failed quota: compute: must specify {} for: task'
    scenario.world.enqueue("a", {})
    for missing in ("requests.cpu", "limits.memory"):
        scenario.server.refusal = quota.format(missing)
        for _ in range(3):
            settle(scenario)
            scenario.world.clock.advance(60)
        assert (status(scenario)["reason"], missing in status(scenario)["message"]) == ("InvalidTemplate", True)
    version = scenario.server.get(TASK_PLURAL, "a")["metadata"]["resourceVersion"]
    settle(scenario)
    assert scenario.server.get(TASK_PLURAL, "a")["metadata"]["resourceVersion"] == version, "it is written once"


def test_a_log_is_fetched_once_in_spite_of_a_failover(scenario: Scenario) -> None:
    """And the log of a success not at all."""
    for name in "ab":
        scenario.world.enqueue(name, {})
    settle(scenario)
    failed, succeeded = start(scenario, "a-1"), start(scenario, "b-1")
    fail(scenario, failed)
    scenario.world.finish(succeeded, make_outcome("success", succeeded, scenario.world.clock.now.isoformat()))
    scenario.deliver(scenario.world.reports.pop(), scenario.leader)
    assert "logTail" not in status(scenario), "not before the container has ended"
    for process in (failed, succeeded):
        scenario.world.end(process.pod, 1)
    settle(scenario)
    assert status(scenario)["logTail"] == {"attempt": 1, "text": "the log of a-1"}
    scenario.leader.close()
    scenario.replicas = [scenario.replicas[1], Replica(scenario.server, leads=False)]
    scenario.leader.lead()
    settle(scenario)
    assert scenario.server.logs_read == ["a-1"]


def test_a_pod_is_not_deleted_before_its_log_is_fetched(scenario: Scenario) -> None:
    scenario.world.enqueue("a", {"policy": {"timeoutSeconds": 5}})
    settle(scenario)
    process = start(scenario, "a-1")
    scenario.world.report(process)
    scenario.deliver(scenario.world.reports.pop(), scenario.leader)
    scenario.leader.drain()
    scenario.world.clock.advance(6)
    settle(scenario)
    assert [pod.name for pod in scenario.world.deleting()] == ["a-1"]
    assert scenario.server.logs_read == ["a-1"]
    scenario.world.confirm_deletion(process.pod, shown=False)
    settle(scenario)
    assert status(scenario)["reason"] == "DeadlineExceeded"
    assert status(scenario)["logTail"]["text"] == "the log of a-1"


def take_labels(scenario: Scenario, plural: str, name: str) -> None:
    """Take the operator's labels from an object: its watches, which select by them, say that it is gone."""
    body = scenario.server.objects[plural, name]
    scenario.server.remove(plural, name)
    scenario.server.objects[plural, name] = merged(body, {"metadata": {"labels": None}})


def test_a_pod_without_its_labels_is_still_the_attempts_pod(scenario: Scenario) -> None:
    """A second attempt beside it would run the task twice at once. Its end is seen by looking at it."""
    scenario.world.enqueue("a", {"policy": {"maxAttempts": 2} | NO_WAIT})
    settle(scenario)
    process = start(scenario, "a-1")
    scenario.world.report(process)
    scenario.deliver(scenario.world.reports.pop(), scenario.leader)
    settle(scenario)
    take_labels(scenario, "pods", "a-1")
    settle(scenario)
    assert status(scenario)["phase"] == "Running"
    scenario.world.finish(process, make_outcome("success", process, scenario.world.clock.now.isoformat()))
    scenario.world.end(process.pod, 0)
    scenario.server.events.pop()  # no watch delivers it
    scenario.world.clock.advance(UNWATCHED_SECONDS)
    settle(scenario)
    assert status(scenario)["phase"] == "Succeeded"
    assert [name for plural, name in scenario.server.objects if plural == "pods"] == ["a-1"]


def test_a_pod_without_its_labels_that_is_deleted_is_an_interruption(scenario: Scenario) -> None:
    scenario.world.enqueue("a", {"policy": {"maxAttempts": 1}})
    settle(scenario)
    process = start(scenario, "a-1")
    settle(scenario)
    take_labels(scenario, "pods", "a-1")
    settle(scenario)
    process.alive = False
    del scenario.server.objects["pods", "a-1"]
    for _ in range(3):
        scenario.world.clock.advance(UNWATCHED_SECONDS)
        settle(scenario)
    assert status(scenario)["attempts"][0]["reason"] == "PodDeleted"
    assert [pod.name for pod in scenario.world.waiting()] == ["a-2"]


def test_a_copy_of_a_pod_is_not_the_attempts_pod(scenario: Scenario) -> None:
    """`kubectl debug --copy-to=copy --keep-labels`: its end is not the attempt's."""
    scenario.world.enqueue("a", {"policy": {"maxAttempts": 2} | NO_WAIT})
    settle(scenario)
    start(scenario, "a-1")
    body = scenario.server.get("pods", "a-1")
    scenario.server.create("pods", {**body, "metadata": {**body["metadata"], "name": "copy"}})
    scenario.server.update("pods", "copy", {"status": {"phase": "Failed"}})
    settle(scenario)
    scenario.server.remove("pods", "copy")
    settle(scenario)
    assert not status(scenario).get("attempts")
    assert [pod.name for pod in scenario.world.pods()] == ["a-1"]
