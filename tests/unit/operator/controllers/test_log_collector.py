"""Logs are fetched in the background: in turn, a few times, and then not."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import LogTail, TaskStatus
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers.log_collector import FETCHES_IN_FLIGHT, RETRY_SECONDS, TRIES, LogCollector
from djangotasks_operator.decide.actions import FetchLog
from djangotasks_operator.decide.log_retention import LogTailState
from djangotasks_operator.decide.snapshot import Snapshot
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import NAMESPACE, at, make_attempt, make_pod, make_snapshot, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.model.calls import Calls, run
from tests.unit.operator.model.server import ApiServer, Clock

KEY = Key(NAMESPACE, "receipt")
ENDED, ALIVE = make_pod(exit_code=1), make_pod(running_since=at(-5))
BUSY = ApiError(500, {"message": "dial tcp: i/o timeout"})


class Logs(ApiServer):
    """An API server that has this log, or cannot get it."""

    log: bytes | Exception = b"words\n"

    def log_end(self, pod: str) -> bytes:
        if isinstance(self.log, Exception):
            raise self.log
        return self.log


@pytest.fixture
def server() -> Logs:
    return Logs(Clock())


@pytest.fixture
def operator(server: Logs) -> InMemoryOperator:
    return make_operator(Calls(server))


@pytest.fixture
def logs(operator: InMemoryOperator) -> LogCollector:
    return operator.term.logs


def failed(**status: Any) -> Snapshot:
    attempt = make_attempt(finished_at=at(-1), reason="TaskError")
    return make_snapshot(make_task(status=TaskStatus(attempts=[attempt], **status)), pods=(ENDED,))


def tail_of(logs: LogCollector, snapshot: Snapshot | None = None) -> LogTailState | None:
    return logs.tails(KEY, snapshot or failed()).get(1)


def finish(operator: InMemoryOperator, number: int | None = None) -> None:
    """Answer the fetches that are on their way."""
    for _ in range(len(operator.spawned) if number is None else number):
        run(operator.spawned.pop(0))


def ready(operator: InMemoryOperator) -> list[str]:
    """The keys that were added to the queue, taken from it."""
    keys = []
    while (key := operator.work.tasks.take()) is not None:
        operator.work.tasks.done(key)
        keys.append(key.name)
    return keys


def test_a_fetch_runs_in_the_background(operator: InMemoryOperator, logs: LogCollector) -> None:
    logs.fetch(KEY, FetchLog(ENDED))
    assert (tail_of(logs), ready(operator)) == (LogTailState(reading=True), [])
    finish(operator)
    assert (tail_of(logs), ready(operator)) == (LogTailState(text="words", final=True), ["receipt"])


def test_a_running_containers_log_is_not_final(operator: InMemoryOperator, logs: LogCollector) -> None:
    logs.fetch(KEY, FetchLog(ALIVE, before_deletion=True))
    assert tail_of(logs) == LogTailState(reading=True, blocks_deletion=True)
    finish(operator)
    assert tail_of(logs) == LogTailState(text="words")


@pytest.mark.parametrize("error", [BUSY, TimeoutError(), ConnectionError("closed")])
def test_a_node_that_does_not_answer_is_asked_a_few_times(
    error: Exception, server: Logs, operator: InMemoryOperator, logs: LogCollector
) -> None:
    server.log = error
    for tries in range(1, TRIES):
        logs.fetch(KEY, FetchLog(ENDED))
        finish(operator)
        assert (tail_of(logs), ready(operator)) == (LogTailState(tries=tries), [])
        assert operator.work.tasks.delay() == RETRY_SECONDS * 2 ** (tries - 1)
        operator.clock.advance(RETRY_SECONDS * 2 ** (tries - 1))
        assert ready(operator) == ["receipt"]
    logs.fetch(KEY, FetchLog(ENDED))
    finish(operator)
    tail = tail_of(logs)
    assert tail is not None
    assert (tail.final, tail.text) == (True, None)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refused_fetch_is_not_repeated(
    status: int, server: Logs, operator: InMemoryOperator, logs: LogCollector, caplog: pytest.LogCaptureFixture
) -> None:
    server.log = ApiError(status, {"reason": "No", "message": "why"})
    logs.fetch(KEY, FetchLog(ENDED))
    finish(operator)
    assert (tail_of(logs), ready(operator)) == (LogTailState(final=True), ["receipt"])
    assert "its log is not kept" in caplog.text


def test_a_pods_deletion_waits_for_one_try(server: Logs, operator: InMemoryOperator, logs: LogCollector) -> None:
    server.log = BUSY
    logs.fetch(KEY, FetchLog(ALIVE, before_deletion=True))
    finish(operator)
    assert (tail_of(logs), ready(operator)) == (LogTailState(final=True, blocks_deletion=True), ["receipt"])


def test_an_early_log_stays_when_the_pod_is_gone(
    server: Logs, operator: InMemoryOperator, logs: LogCollector, caplog: pytest.LogCaptureFixture
) -> None:
    logs.fetch(KEY, FetchLog(ALIVE, before_deletion=True))
    finish(operator)
    server.log = ApiError(404, {})
    logs.fetch(KEY, FetchLog(ENDED))
    finish(operator)
    assert tail_of(logs) == LogTailState(text="words", final=True)
    assert not caplog.records


def test_only_a_few_logs_are_fetched_at_once(operator: InMemoryOperator, logs: LogCollector) -> None:
    keys = [Key(NAMESPACE, f"task-{number}") for number in range(FETCHES_IN_FLIGHT + 2)]
    for key in keys:
        logs.fetch(key, FetchLog(ENDED))
    assert len(operator.spawned) == FETCHES_IN_FLIGHT
    logs.fetch(KEY, FetchLog(ALIVE, before_deletion=True))
    assert tail_of(logs) == LogTailState(final=True), "other tasks' logs keep no pod from its deletion"
    finish(operator, 2)
    assert len(operator.spawned) == FETCHES_IN_FLIGHT
    finish(operator)
    finish(operator)
    assert ready(operator) == [key.name for key in keys]


def test_a_defect_keeps_no_pod_from_its_deletion(server: Logs, operator: InMemoryOperator, logs: LogCollector) -> None:
    server.log = ValueError("a defect")
    logs.fetch(KEY, FetchLog(ALIVE, before_deletion=True))
    finish(operator)
    assert (tail_of(logs), ready(operator)) == (LogTailState(final=True), ["receipt"])


@pytest.mark.parametrize(
    "snapshot",
    [failed(log_tail=LogTail(attempt=1, text="")), make_snapshot(make_task(uid="another")), None],
    ids=["stored", "another task of the name", "a deleted task"],
)
def test_a_settled_log_is_forgotten(snapshot: Snapshot | None, operator: InMemoryOperator, logs: LogCollector) -> None:
    logs.fetch(KEY, FetchLog(ENDED))
    finish(operator)
    if snapshot is None:
        logs.forget(KEY)
    else:
        assert tail_of(logs, snapshot) is None
    assert tail_of(logs) is None


def test_a_log_of_a_deleted_task_is_dropped(operator: InMemoryOperator, logs: LogCollector) -> None:
    logs.fetch(KEY, FetchLog(ENDED))
    logs.forget(KEY)
    finish(operator)
    assert tail_of(logs) is None


def test_a_text_that_cannot_be_stored_is_given_up(operator: InMemoryOperator, logs: LogCollector) -> None:
    logs.fetch(KEY, FetchLog(ENDED))
    finish(operator)
    for _ in range(TRIES):
        tail = tail_of(logs)
        assert tail is not None
        assert tail.text == "words"
        logs.refused(KEY, 1)
    tail = tail_of(logs)
    assert tail is not None
    assert (tail.text, tail.final) == (None, True)
