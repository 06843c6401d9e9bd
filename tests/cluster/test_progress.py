"""How far a task is, while it runs and afterwards; and what becomes of one that sends no heartbeat."""

from __future__ import annotations

import json

from django.tasks.backends.base import BaseTaskBackend
from shop import probes

from django_tasks_kubernetes import Fixed, Retry, exceptions
from tests.cluster.test_reports import Reporter
from tests.support.operator import OperatorProcess
from tests.support.stage import Stage
from tests.support.tasks import FINISH_SECONDS, GO, finish, go, status_of, wait_phase, wait_status
from tools.kubectl import Kubectl, wait_for


def test_seen_while_it_runs_and_kept_afterwards(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = probes.say_progress.enqueue(42, 100, "reading orders", path=GO)
    status = wait_status(kubectl, result.id, lambda status: "progress" in status, "says how far it is")
    assert (status["phase"], status["progress"]["text"], status["progress"]["attempt"]) == ("Running", "42/100", 1)
    line = kubectl("get", "djangotasks", result.id).splitlines()[-1]
    assert "42/100" in line
    result.refresh()
    progress = result.progress  # type: ignore[attr-defined]
    assert (progress.done, progress.total, progress.message, progress.percent) == (42, 100, "reading orders", 42)
    go(kubectl, f"{result.id}-1")
    finish(result)
    after = result.progress  # type: ignore[attr-defined]
    assert (after.done, after.message, after.percent) == (100, "the end", 100)
    assert after.updated_at > progress.updated_at


def test_a_thousand_calls_a_second_are_a_write_a_second(stage: Stage) -> None:
    name = stage.enqueue("flood_progress", 8)
    status = stage.wait_phase(name, "Succeeded", "Failed")
    returned = json.loads(status["result"])
    writes = stage.proxy.writes(resource="djangotasks", subresource="status", name=name)
    # The one that says Running may come apart, and so may what was on its way at the end; the outcome always does.
    assert 3 <= len(writes) <= returned["seconds"] + 4, [call.body for call in writes]
    assert returned["calls"] > 10 * len(writes)
    # The last word is not lost.
    assert status["progress"]["text"] == str(returned["calls"])
    assert status["progress"]["message"] == f"call {returned['calls']}"
    # Nor is there a line in the log for each.
    assert stage.operator.log().count(f"{name}: ") <= 3


def test_of_an_async_task(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = probes.count_async.enqueue(1000, GO)
    wait_status(
        kubectl, result.id, lambda status: (status.get("progress") or {}).get("text") == "1000/1000", "the last"
    )
    go(kubectl, f"{result.id}-1")
    assert finish(result).return_value == 1000


def test_a_task_that_hangs_is_stopped_and_tried_again(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    once_more = Retry(max_attempts=2, backoff=Fixed(delay=0))
    hangs = probes.hang.using(heartbeat_timeout=3, grace_period=1, retry=once_more)  # type: ignore[call-arg]
    result = hangs.enqueue()
    finish(result)
    assert [error.exception_class for error in result.errors] == [exceptions.HeartbeatTimeout] * 2
    assert "heartbeat timeout of 3 s" in result.errors[0].traceback
    status = status_of(kubectl, result.id)
    assert (status["reason"], status["interruptions"]) == ("HeartbeatTimeout", 0)
    # Of the second attempt, and not what the first one left.
    assert (status["progress"]["text"], status["progress"]["attempt"]) == ("1/3", 2)


def test_heartbeats_count_and_the_absence_of_the_operator_does_not(
    backend: BaseTaskBackend, kubectl: Kubectl, operator: OperatorProcess
) -> None:
    """The task runs for several times its heartbeat timeout, and for more than one of it nobody listens."""
    beats = probes.beat.using(heartbeat_timeout=6)  # type: ignore[call-arg]
    result = beats.enqueue(60, 0.5)
    pod = f"{result.id}-1"

    def said(number: int) -> None:
        def look() -> bool | None:
            return True if f"beat {number}\n" in kubectl("logs", pod) else None

        wait_for(f"beat {number}", look, seconds=FINISH_SECONDS)

    wait_phase(kubectl, result.id, "Running")
    said(20)
    operator.stop()
    said(40)
    operator.start()
    assert finish(result).return_value == 60
    assert len(status_of(kubectl, result.id)["attempts"]) == 1


def test_of_another_attempt_or_with_another_token(
    backend: BaseTaskBackend, kubectl: Kubectl, operator: OperatorProcess
) -> None:
    result = probes.say_progress.enqueue(1, 4, path=GO)
    before = wait_status(kubectl, result.id, lambda status: "progress" in status, "says how far it is")
    reporter = Reporter(operator, kubectl, result.id)
    body = json.dumps({"startedAt": "2026-11-23T12:00:00Z", "done": 3})
    assert reporter.send(body, kind="progress", attempt=2) == 409
    assert reporter.send(body, kind="progress", token="x") == 403
    assert reporter.send("{}", kind="progress") == 400
    assert reporter.send(body + " " * 100_000, kind="progress") == 413
    assert status_of(kubectl, result.id) == before
    assert reporter.send(body, kind="progress") == 202
    wait_status(kubectl, result.id, lambda status: status["progress"]["text"] == "3", "the new progress")
    go(kubectl, f"{result.id}-1")
    finish(result)
    # What comes within a second after the last is taken for later, and then it is late.
    wait_for("it is refused", lambda: reporter.send(body, kind="progress") == 409 or None, seconds=FINISH_SECONDS)
    assert result.progress.percent == 100  # type: ignore[attr-defined]
