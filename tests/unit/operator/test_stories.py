"""Stories that went wrong once, told with the model's world."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from djangotasks_api.names import TASK_PLURAL
from tests.unit.operator.model.calm import calm_down
from tests.unit.operator.model.replica import Replica
from tests.unit.operator.model.story import Story, quick
from tests.unit.operator.model.world import Process, make_outcome

NO_WAIT = {"backoff": {"initialSeconds": 0}}


@pytest.fixture
def story() -> Iterator[Story]:
    """Nothing has happened yet: there is a queue without a limit."""
    with quick():
        story = Story()
        story.world.put_queue("default", None)
        yield story
        story.close()


def get_on(story: Story) -> None:
    story.operator_gets_on(lambda *items: items[0])
    story.watcher.look()


def status(story: Story, name: str = "a") -> dict[str, Any]:
    found: dict[str, Any] = story.server.objects[TASK_PLURAL, name]["status"]
    return found


def start(story: Story, pod: str) -> Process:
    """The pod's container starts, and nobody hears of that."""
    process = story.world.start(next(p for p in story.world.waiting() if p.name == pod))
    assert process is not None
    story.world.reports.clear()
    return process


def fail(story: Story, process: Process) -> None:
    """The process tells the leader of its failure, and lives on for a while."""
    story.world.finish(process, make_outcome("failure", process, story.world.clock.now.isoformat()))
    story.deliver(story.world.reports.pop(), story.leader)
    story.leader.drain()


@pytest.mark.parametrize("deleting", [False, True], ids=["the Job is gone", "the Job is being deleted"])
def test_no_attempt_starts_while_the_pod_of_the_last_one_lives(story: Story, deleting: bool) -> None:
    """Somebody deletes the Job of an attempt that has failed, and whose container has not ended yet."""
    story.world.enqueue("a", {"policy": {"maxAttempts": 2} | NO_WAIT})
    get_on(story)
    fail(story, start(story, "a-1"))
    if deleting:
        story.server.update("jobs", "a-1", {"metadata": {"deletionTimestamp": story.world.clock.stamp()}})
    else:
        story.server.delete("jobs", "a-1")
    get_on(story)
    assert [pod.name for pod in story.world.pods()] == ["a-1"]
    story.server.collect()
    (pod,) = story.world.pods()
    story.world.confirm_deletion(pod, shown=True) if pod.deleting else story.world.end(pod, 1)
    get_on(story)
    assert [pod.name for pod in story.world.waiting()] == ["a-2"]


def test_an_outcome_is_taken_by_a_replica_that_is_late(story: Story) -> None:
    """The standby has not seen yet that the first attempt ended, when the second one reports to it."""
    story.world.enqueue("a", {"policy": {"maxAttempts": 2} | NO_WAIT})
    get_on(story)
    process = start(story, "a-1")
    fail(story, process)
    story.world.end(process.pod, 1)
    story.leader.see_all()
    story.leader.drain()
    second = start(story, "a-2")
    story.world.finish(second, make_outcome("success", second, story.world.clock.now.isoformat()))
    story.deliver(story.world.reports.pop(), story.replicas[1])
    story.replicas[1].drain()
    story.watcher.look()
    assert status(story)["phase"] == "Succeeded"


def test_what_waits_for_a_quota_asks_less_and_less_often(story: Story) -> None:
    story.server.refusal = "exceeded quota: narrow"
    story.world.enqueue("a", {})
    for _ in range(600):
        get_on(story)
        story.world.clock.advance(1)
    assert status(story)["reason"] == "QuotaExceeded"
    assert story.leader.queue.retries < 30
    story.server.refusal = None
    story.world.clock.advance(60)
    get_on(story)
    start(story, "a-1")


def test_a_log_is_read_once_whoever_leads(story: Story) -> None:
    """And the log of a success not at all."""
    for name in "ab":
        story.world.enqueue(name, {})
    get_on(story)
    failed, succeeded = start(story, "a-1"), start(story, "b-1")
    fail(story, failed)
    story.world.finish(succeeded, make_outcome("success", succeeded, story.world.clock.now.isoformat()))
    story.deliver(story.world.reports.pop(), story.leader)
    assert "logTail" not in status(story), "not before the container has ended"
    for process in (failed, succeeded):
        story.world.end(process.pod, 1)
    get_on(story)
    assert status(story)["logTail"] == {"attempt": 1, "text": "the log of a-1"}
    story.leader.close()
    story.replicas = [story.replicas[1], Replica(story.server, leads=False)]
    story.leader.lead()
    get_on(story)
    assert story.server.logs_read == ["a-1"]


def test_a_pod_is_not_deleted_before_its_log_is_read(story: Story) -> None:
    story.world.enqueue("a", {"policy": {"timeoutSeconds": 5}})
    get_on(story)
    process = start(story, "a-1")
    story.world.report(process)
    story.deliver(story.world.reports.pop(), story.leader)
    story.leader.drain()
    story.world.clock.advance(6)
    get_on(story)
    assert [pod.name for pod in story.world.deleting()] == ["a-1"]
    assert story.server.logs_read == ["a-1"]
    story.world.confirm_deletion(process.pod, shown=False)
    get_on(story)
    assert status(story)["reason"] == "DeadlineExceeded"
    assert status(story)["logTail"]["text"] == "the log of a-1"


def silent_task(story: Story, **policy: Any) -> Process:
    """A task that runs, with a heartbeat timeout of a minute, and has said something once."""
    story.world.enqueue("a", {"policy": {"heartbeatTimeoutSeconds": 60} | policy})
    get_on(story)
    process = start(story, "a-1")
    say(story, process)
    return process


def say(story: Story, process: Process) -> None:
    story.world.say(process)
    story.deliver(story.world.reports.pop(), story.leader)
    story.leader.drain()


def test_the_operator_wakes_for_a_task_that_hangs(story: Story) -> None:
    process = silent_task(story)
    process.hangs = True
    calm_down(story)
    assert (status(story)["phase"], status(story)["reason"]) == ("Failed", "HeartbeatTimeout")
    assert not process.alive


@pytest.mark.parametrize("trouble", ["restart", "failover"])
def test_what_was_said_while_nobody_led_may_have_been_lost(story: Story, trouble: str) -> None:
    silent_task(story)
    story.world.clock.advance(300)
    story.process_is_gone(lambda *_: trouble)
    get_on(story)
    assert "reason" not in status(story)
    story.world.clock.advance(59)
    get_on(story)
    assert "reason" not in status(story)
    story.world.clock.advance(2)
    get_on(story)
    assert status(story)["reason"] == "HeartbeatTimeout"


def test_what_was_said_while_the_api_server_was_away_could_not_be_stored(story: Story) -> None:
    silent_task(story)
    story.world.clock.advance(61)
    assert story.leader.begin_work()
    story.leader.fail(0)
    get_on(story)
    story.world.clock.advance(10)
    get_on(story)
    assert "reason" not in status(story)
    story.world.clock.advance(51)
    get_on(story)
    assert status(story)["reason"] == "HeartbeatTimeout"


def test_a_sign_of_life_in_the_last_moment(story: Story) -> None:
    """The leader is about to write that the attempt is silent, when another replica hears of it."""
    process = silent_task(story)
    story.world.clock.advance(61)
    assert story.leader.begin_work()
    story.world.say(process)
    story.deliver(story.world.reports.pop(), story.replicas[1])
    story.replicas[1].drain()
    get_on(story)
    assert (status(story).get("reason"), status(story)["progress"]["text"]) == (None, "2")
    # What comes too late changes nothing: it is being stopped.
    story.world.clock.advance(61)
    get_on(story)
    assert status(story)["reason"] == "HeartbeatTimeout"
    say(story, process)
    assert (status(story)["reason"], status(story)["progress"]["text"]) == ("HeartbeatTimeout", "2")


def test_an_outcome_of_an_attempt_that_is_being_stopped_for_its_silence_is_not_lost(story: Story) -> None:
    process = silent_task(story)
    story.world.clock.advance(61)
    get_on(story)
    story.world.finish(process, make_outcome("success", process, story.world.clock.now.isoformat()))
    story.deliver(story.world.reports.pop(), story.leader)
    get_on(story)
    assert (status(story)["phase"], status(story)["result"]) == ("Succeeded", "42")
