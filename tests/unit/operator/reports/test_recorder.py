"""Reports on their way to the status: how many writes they cost, and which are stale."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from djangotasks_api.items import ItemsReport
from djangotasks_api.models import TaskStatus
from djangotasks_api.names import TASK_PLURAL
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase, Reason
from djangotasks_api.reports import ProgressReport, Started
from djangotasks_api.stored import TextRef
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.reports.recorder import DELAYED_STARTS_MAX, Stale
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import NAMESPACE, NOW, at, make_attempt, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator

STARTED = at(-10).isoformat()
RUNNING = TaskStatus(phase=Phase.RUNNING, attempts=[make_attempt(started_at=at(-10))], started_at=at(-10))


def progress(done: int) -> ProgressReport:
    return ProgressReport(started_at=STARTED, done=done)


def attempt(operator: InMemoryOperator, number: int = 1) -> AttemptRef:
    uid = operator.server.get(TASK_PLURAL, "receipt")["metadata"]["uid"]
    return AttemptRef(Key(NAMESPACE, "receipt"), uid, number)


def writes(operator: InMemoryOperator) -> int:
    return operator.api.requests.count(f"patch {TASK_PLURAL} receipt")


def text(operator: InMemoryOperator) -> str:
    shown = operator.status().progress
    assert shown is not None
    return shown.text


def with_task(story: Callable[[InMemoryOperator], Awaitable[Any]], status: TaskStatus = RUNNING) -> InMemoryOperator:
    """Play a story with a standby that knows a task, until it has nothing left to write."""

    async def play() -> InMemoryOperator:
        operator = make_operator(leads=False)
        operator.put_task(make_task(status=status))
        await story(operator)
        await operator.recorder.idle()
        return operator

    return asyncio.run(play())


def test_a_burst_of_progress_is_two_writes() -> None:
    async def story(operator: InMemoryOperator) -> None:
        await operator.recorder.progress(attempt(operator), progress(1))
        assert text(operator) == "1"
        for number in range(2, 1000):
            await operator.recorder.progress(attempt(operator), progress(number))

    operator = with_task(story)
    assert (writes(operator), text(operator)) == (2, "999")


def test_concurrent_progress_is_two_writes() -> None:
    async def story(operator: InMemoryOperator) -> None:
        ref = attempt(operator)
        await asyncio.gather(*(operator.recorder.progress(ref, progress(number)) for number in range(1, 100)))

    operator = with_task(story)
    assert (writes(operator), text(operator)) == (2, "99")


def test_a_start_and_progress_are_one_write() -> None:
    async def story(operator: InMemoryOperator) -> None:
        operator.recorder.started(attempt(operator), Started(started_at=STARTED))
        await operator.recorder.progress(attempt(operator), progress(1))

    operator = with_task(story, TaskStatus())
    status = operator.status()
    # It says that it started before the task was made, which is not believed.
    assert (writes(operator), status.phase, status.started_at) == (1, Phase.RUNNING, at(0))


def test_a_start_that_nothing_overtakes_is_shown() -> None:
    async def story(operator: InMemoryOperator) -> None:
        for _ in range(2):
            operator.recorder.started(attempt(operator), Started(started_at=STARTED))

    operator = with_task(story, TaskStatus())
    assert (writes(operator), operator.status().phase) == (1, Phase.RUNNING)


def test_another_uid_under_a_tasks_name_delays_no_start_of_it() -> None:
    """As with a token of one's own, and another task's name in the path."""

    async def story(operator: InMemoryOperator) -> None:
        other = attempt(operator)._replace(uid="another")
        operator.recorder.started(other, Started(started_at=STARTED))
        operator.recorder.started(attempt(operator), Started(started_at=STARTED))
        with pytest.raises(Stale):
            await operator.recorder.outcome(other, Outcome(started_at=STARTED, finished_at=STARTED, result="1"))

    operator = with_task(story, TaskStatus())
    assert operator.status().phase is Phase.RUNNING


def test_starts_that_are_delayed_are_bounded() -> None:
    """Each is answered at once, and may read the task later: so many at once are enough."""

    async def story(operator: InMemoryOperator) -> None:
        for number in range(1000):
            other = AttemptRef(Key(NAMESPACE, f"unknown-{number}"), f"uid-{number}", 1)
            operator.recorder.started(other, Started(started_at=STARTED))

    operator = with_task(story, TaskStatus())
    assert 0 < sum("unknown-" in each for each in operator.api.requests) <= DELAYED_STARTS_MAX


def test_an_invented_name_is_no_second_start() -> None:
    async def story(operator: InMemoryOperator) -> None:
        operator.recorder.started(attempt(operator), Started(started_at=STARTED))
        for number in range(100):
            invented = attempt(operator)._replace(task=Key(NAMESPACE, f"invented-{number}"))
            operator.recorder.started(invented, Started(started_at=STARTED))

    operator = with_task(story, TaskStatus())
    assert operator.status().phase is Phase.RUNNING
    assert not [each for each in operator.api.requests if "invented" in each]


def test_an_outcome_discards_progress_that_waits() -> None:
    outcome = Outcome(started_at=STARTED, finished_at=STARTED, result="1", progress=progress(3))

    async def story(operator: InMemoryOperator) -> None:
        for number in (1, 2):
            await operator.recorder.progress(attempt(operator), progress(number))
        await operator.recorder.outcome(attempt(operator), outcome)
        operator.api.requests.clear()
        await operator.recorder.idle()
        assert operator.api.requests == []

    operator = with_task(story)
    assert (operator.status().phase, text(operator)) == (Phase.SUCCEEDED, "3")


def test_the_same_outcome_sent_twice_is_accepted_twice() -> None:
    outcome = Outcome(started_at=STARTED, finished_at=STARTED, result="1")

    async def story(operator: InMemoryOperator) -> None:
        for _ in range(2):
            await operator.recorder.outcome(attempt(operator), outcome)
        with pytest.raises(Stale, match="attempt 1 has ended already"):
            await operator.recorder.outcome(
                attempt(operator), Outcome(started_at=STARTED, finished_at=at(1).isoformat(), result="2")
            )

    operator = with_task(story)
    assert (writes(operator), operator.status().result) == (1, "1")


@pytest.mark.parametrize(
    ("status", "number"),
    [
        (RUNNING, 2),
        (RUNNING.model_copy(update={"phase": Phase.CANCELLED}), 1),
        (RUNNING.model_copy(update={"attempts": [make_attempt(finished_at=NOW), make_attempt(2)]}), 1),
        (RUNNING.model_copy(update={"attempts": [make_attempt(reason=Reason.HEARTBEAT_TIMEOUT)]}), 1),
    ],
    ids=["a later one", "finished", "an earlier one", "being stopped"],
)
def test_progress_of_another_than_the_current_attempt_is_stale(status: TaskStatus, number: int) -> None:
    async def story(operator: InMemoryOperator) -> None:
        with pytest.raises(Stale):
            await operator.recorder.progress(attempt(operator, number), progress(1))

    assert writes(with_task(story, status)) == 0


def test_progress_of_a_deleted_task_is_stale() -> None:
    async def story(operator: InMemoryOperator) -> None:
        ref = attempt(operator)
        operator.server.remove(TASK_PLURAL, "receipt")
        with pytest.raises(Stale, match="the task is gone"):
            await operator.recorder.progress(ref, progress(1))

    with_task(story)


WEBHOOK = 'Internal error occurred: failed calling webhook "w": no endpoints'
POLICY = "is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no"


@pytest.mark.parametrize(
    ("error", "here", "elsewhere"),
    [
        (TimeoutError(), True, True),
        (ConnectionError(), True, True),
        (ApiError(503, {}), True, True),
        (ApiError(429, {}), True, True),
        (ApiError(403, {}), True, False),
        (ApiError(422, {"message": POLICY}), True, False),
        (ApiError(500, {"message": WEBHOOK}), True, False),
        (ApiError(422, {}), False, False),
        (ApiError(500, {"message": "etcdserver: request is too large"}), False, False),
    ],
    ids=repr,
)
def test_statuses_that_cannot_be_written_interrupt_the_intake(error: Exception, here: bool, elsewhere: bool) -> None:
    """Heartbeats that were sent meanwhile cannot be stored, so they are not missed: where they could not."""

    async def story(operator: InMemoryOperator) -> None:
        def away(request: str) -> None:
            if request.startswith("patch"):
                raise error

        operator.api.before_request = away
        with pytest.raises(type(error)):
            await operator.recorder.progress(attempt(operator), progress(1))

    intake = with_task(story).intake
    assert [intake.accepted_since(namespace) == NOW for namespace in (NAMESPACE, "other")] == [here, elsewhere]


ITEMS = ItemsReport(completed="0", result="[1,null]")


@pytest.mark.parametrize("reason", [None, Reason.DEADLINE_EXCEEDED])
def test_what_an_attempt_leaves_is_stored_also_while_it_is_stopped(reason: Reason | None) -> None:
    stopping = RUNNING.attempts[0].model_copy(update={"reason": reason})

    async def story(operator: InMemoryOperator) -> None:
        await operator.recorder.items(attempt(operator), ITEMS)

    operator = with_task(story, RUNNING.model_copy(update={"attempts": [stopping]}))
    status = operator.server.get(TASK_PLURAL, "receipt")["status"]
    assert (status["items"]["completed"], status["result"], status["phase"]) == ("0", "[1,null]", "Running")


@pytest.mark.parametrize(("number", "status"), [(2, RUNNING), (1, TaskStatus(phase=Phase.FAILED))])
def test_what_another_attempt_leaves_is_stale(number: int, status: TaskStatus) -> None:
    async def story(operator: InMemoryOperator) -> None:
        with pytest.raises(Stale):
            await operator.recorder.items(attempt(operator, number), ITEMS)

    assert "items" not in with_task(story, status).server.get(TASK_PLURAL, "receipt")["status"]


def test_a_result_in_a_storage_replaces_what_an_earlier_attempt_has_left() -> None:
    ref = TextRef(storage="tasks", name=f"djangotasks/{NAMESPACE}/receipt.result-1.0.json", size=9, sha256="0" * 64)
    outcome = Outcome(started_at=STARTED, finished_at=at(0).isoformat(), result_ref=ref)

    async def story(operator: InMemoryOperator) -> None:
        await operator.recorder.items(attempt(operator), ITEMS)
        await operator.recorder.outcome(attempt(operator), outcome)

    status = with_task(story).server.get(TASK_PLURAL, "receipt")["status"]
    assert (status["phase"], status["resultRef"]["name"]) == ("Succeeded", ref.name)
    assert "result" not in status
    assert "items" not in status
