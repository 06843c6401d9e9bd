"""Watches that end, expire or fall silent: what they did not tell is noticed all the same, and without a flood of lists.

After a 410 everything is listed again, and deleted objects are forgotten; of queues, which kopf watches, by the resync.
"""

from __future__ import annotations

import time

import pytest

from tests.support.faults import Rule, Status
from tests.support.stage import JOBS, PODS, QUEUES, TASKS, Stage
from tests.support.tasks import FINISH_SECONDS
from tools.kubectl import wait_for

QUICK_RESYNC = pytest.mark.parametrize("stage", [("--resync-seconds", "3")], indirect=True)
# Tasks, Jobs, Pods, standby pods, workflows, holds and schedules by reflectors; queues by kopf.
WATCHED = 8


@pytest.fixture(autouse=True)
def _watching(stage: Stage) -> None:
    """An operator is ready a moment before its watches are open."""
    wait_for(
        "the watches", lambda: stage.proxy.open_watches() == WATCHED or None, seconds=FINISH_SECONDS, why=stage.tell
    )


def calls(stage: Stage, verb: str, since: float) -> int:
    return sum(call.verb == verb and call.at > since for call in list(stage.proxy.calls))


def test_watches_that_end_are_taken_up_where_they_were(stage: Stage) -> None:
    """As the server does with those who read too slowly: nothing is missed, and nothing listed again."""
    began = time.monotonic()
    names = []
    for _ in range(6):
        names.append(stage.enqueue("add", 1, 2))
        before = calls(stage, "watch", began)
        cut = stage.proxy.cut_watches()
        wait_for("new watches", lambda: calls(stage, "watch", began) >= before + cut or None, seconds=FINISH_SECONDS)  # noqa: B023
    assert WATCHED < calls(stage, "watch", began) <= 6 * WATCHED + 2
    for name in names:
        stage.wait_phase(name, "Succeeded", seconds=FINISH_SECONDS)
    stage.assert_once(*names)
    assert calls(stage, "list", began) == 0


def test_what_was_made_while_a_watch_expired_is_listed(stage: Stage) -> None:
    """Without a resync, which is minutes away."""
    began = time.monotonic()
    assert stage.proxy.stall_watches() == WATCHED
    names = [stage.enqueue("add", 1, 2) for _ in range(3)]
    assert stage.proxy.expire_watches() == WATCHED
    for name in names:
        stage.wait_phase(name, "Succeeded", seconds=FINISH_SECONDS)
    stage.assert_once(*names)
    assert calls(stage, "list", began) <= 2 * WATCHED, "each kind once: the metadata, and what is new"


@QUICK_RESYNC
def test_what_was_deleted_while_a_watch_expired_is_noticed_by_the_resync(stage: Stage) -> None:
    stage.add_queue("narrow", concurrency=1)
    holder, interrupted = stage.enqueue("sleep", 600, queue="narrow"), stage.enqueue("sleep_at_first", 600)
    for name in (holder, interrupted):
        stage.wait_phase(name, "Running")
    waits = stage.enqueue("add", 1, 2, queue="narrow")
    assert stage.proxy.stall_watches() == WATCHED
    stage.request("DELETE", f"{TASKS}/{holder}")
    stage.request("DELETE", f"{PODS}/{interrupted}-1?gracePeriodSeconds=0")
    stage.request("DELETE", f"{QUEUES}/default")
    for kind, name in ((TASKS, holder), (PODS, f"{interrupted}-1")):
        path = f"{kind}/{name}".format(namespace=stage.namespace)
        wait_for(f"{name} is gone", lambda: stage.proxy.request("GET", path)[0] == 404 or None, seconds=FINISH_SECONDS)  # noqa: B023
    assert stage.proxy.expire_watches() == WATCHED
    stage.wait_phase(waits, "Succeeded", seconds=FINISH_SECONDS)
    status = stage.wait(interrupted, lambda status: status["interruptions"], "interrupted", seconds=FINISH_SECONDS)
    assert status["attempts"][0]["reason"] == "PodDeleted"

    def misses_the_queue() -> str | None:
        name = stage.enqueue("add", 1, 2)
        status = stage.wait(
            name, lambda s: s.get("reason") == "QueueNotFound" or s["phase"] == "Succeeded", "an answer"
        )
        return name if status["phase"] != "Succeeded" else None

    # The interrupted task may have gone on before: kopf delivers queues, at its own pace.
    late = wait_for("the queue is missed", misses_the_queue, seconds=FINISH_SECONDS)
    stage.add_queue("default")
    for name in (late, interrupted):
        stage.wait_phase(name, "Succeeded")
    assert len(stage.of_task(JOBS, interrupted)) == 2


@QUICK_RESYNC
def test_a_silent_watch_delays_no_task_for_longer_than_the_resync(stage: Stage) -> None:
    assert stage.proxy.stall_watches() == WATCHED
    names = [stage.enqueue("fail_until", 2, policy={"maxAttempts": 2, "backoff": {"initialSeconds": 0.1}})]
    for name in names:
        stage.wait_phase(name, "Succeeded", seconds=FINISH_SECONDS)
    stage.assert_once(*names, attempts=2)


@pytest.mark.slow
def test_a_silent_watch_is_opened_again(stage: Stage) -> None:
    """After 70 s in which not even a bookmark came; the resync is minutes away."""
    assert stage.proxy.stall_watches() == WATCHED
    began = time.monotonic()
    name = stage.enqueue("add", 1, 2)
    stage.wait_phase(name, "Succeeded", seconds=FINISH_SECONDS)
    assert calls(stage, "list", began) == 0
    stage.assert_once(name)


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_watches_that_are_refused_are_opened_again(stage: Stage, status: int) -> None:
    rule = Rule(Status(status, {"Retry-After": "2"}), "watch .*", times=2 * WATCHED)
    stage.proxy.add(rule)
    began = time.monotonic()
    assert stage.proxy.cut_watches() == WATCHED
    wait_for("all are open", lambda: rule.hits == rule.times or None, seconds=FINISH_SECONDS, why=stage.tell)
    stage.wait_phase(stage.enqueue("add", 1, 2), "Succeeded", seconds=FINISH_SECONDS)
    assert calls(stage, "watch", began) <= 3 * WATCHED + 2
    assert stage.operator.running


# On demand (make test-faults): a busy machine makes them fail for want of time.
pytestmark = pytest.mark.slow
