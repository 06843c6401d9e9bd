"""Logs are read beside everything else: in time, in turn, a few times, and then not."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest

from djangotasks_api.models import LogTail, TaskStatus
from djangotasks_operator.api import ApiError
from djangotasks_operator.keeplog import ReadLog, Tail
from djangotasks_operator.observed import Pod
from djangotasks_operator.snapshot import Snapshot
from djangotasks_operator.store import Key
from djangotasks_operator.tails import READS, RETRY_SECONDS, TRIES, Tails
from tests.support.builders import NAMESPACE, at, make_attempt, make_pod, make_snapshot, make_task

KEY = Key(NAMESPACE, "receipt")
ENDED, ALIVE = make_pod(exit_code=1), make_pod(running_since=at(-5))
BUSY = ApiError(500, {"message": "dial tcp: i/o timeout"})


class World:
    """A cluster that gives logs, a queue that is told, and a loop that runs what it is told to run."""

    def __init__(self) -> None:
        self.log: bytes | Exception = b"words\n"
        self.added: list[str] = []
        self.later: list[tuple[str, float]] = []
        self.spawned: list[Coroutine[Any, Any, None]] = []
        queue: Any = self
        cluster: Any = self
        self.tails = Tails(cluster, queue, self.spawned.append)

    async def read_log(self, pod: Pod) -> bytes:
        if isinstance(self.log, Exception):
            raise self.log
        return self.log

    def add(self, key: Key) -> None:
        self.added.append(key.name)

    def add_after(self, key: Key, delay: float) -> None:
        self.later.append((key.name, delay))

    def run(self, number: int | None = None) -> None:
        for _ in range(len(self.spawned) if number is None else number):
            with pytest.raises(StopIteration):
                self.spawned.pop(0).send(None)

    def tail(self, snapshot: Snapshot | None = None) -> Tail | None:
        return self.tails.of(KEY, snapshot or failed()).get(1)


def failed(**status: Any) -> Snapshot:
    attempt = make_attempt(finished_at=at(-1), reason="TaskError")
    return make_snapshot(make_task(status=TaskStatus(attempts=[attempt], **status)), pods=(ENDED,))


def test_it_is_read_beside_everything_else() -> None:
    world = World()
    world.tails.begin(KEY, ReadLog(ENDED))
    assert world.tail() == Tail(reading=True)
    assert not world.added
    world.run()
    assert world.tail() == Tail(text="words", final=True)
    assert world.added == ["receipt"]


def test_what_is_read_of_a_running_container_is_not_all() -> None:
    world = World()
    world.tails.begin(KEY, ReadLog(ALIVE, hurry=True))
    assert world.tail() == Tail(reading=True, awaited=True)
    world.run()
    assert world.tail() == Tail(text="words")


@pytest.mark.parametrize("error", [BUSY, TimeoutError(), ConnectionError("closed")])
def test_a_node_that_does_not_answer_is_asked_again_and_then_not(error: Exception) -> None:
    world = World()
    world.log = error
    for tries in range(1, TRIES):
        world.tails.begin(KEY, ReadLog(ENDED))
        world.run()
        assert world.tail() == Tail(tries=tries)
    assert world.later == [("receipt", RETRY_SECONDS * 2**n) for n in range(TRIES - 1)]
    assert not world.added
    world.tails.begin(KEY, ReadLog(ENDED))
    world.run()
    tail = world.tail()
    assert tail is not None
    assert (tail.final, tail.text) == (True, None)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_is_the_end(status: int, caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.log = ApiError(status, {"reason": "No", "message": "why"})
    world.tails.begin(KEY, ReadLog(ENDED))
    world.run()
    assert world.tail() == Tail(final=True)
    assert world.added == ["receipt"]
    assert "its log is not kept" in caplog.text


def test_a_pod_that_waits_to_be_deleted_waits_for_one_try() -> None:
    world = World()
    world.log = BUSY
    world.tails.begin(KEY, ReadLog(ALIVE, hurry=True))
    world.run()
    assert (world.tail(), world.added) == (Tail(final=True, awaited=True), ["receipt"])


def test_what_was_read_early_stays_when_the_pod_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.tails.begin(KEY, ReadLog(ALIVE, hurry=True))
    world.run()
    world.log = ApiError(404, {})
    world.tails.begin(KEY, ReadLog(ENDED))
    world.run()
    assert world.tail() == Tail(text="words", final=True)
    assert not caplog.records


def test_only_a_few_are_read_at_once() -> None:
    world = World()
    keys = [Key(NAMESPACE, f"task-{number}") for number in range(READS + 2)]
    for key in keys:
        world.tails.begin(key, ReadLog(ENDED))
    assert len(world.spawned) == READS
    world.tails.begin(KEY, ReadLog(ALIVE, hurry=True))
    assert world.tail() == Tail(final=True), "a pod is not kept from its deletion by others' logs"
    world.run(2)
    assert len(world.spawned) == READS
    world.run()
    world.run()
    assert world.added == [key.name for key in keys]


def test_a_defect_keeps_no_pod_waiting() -> None:
    world = World()
    world.log = ValueError("a defect")
    world.tails.begin(KEY, ReadLog(ALIVE, hurry=True))
    world.run()
    assert (world.tail(), world.added) == (Tail(final=True), ["receipt"])


def test_what_is_kept_or_gone_is_forgotten() -> None:
    world = World()
    for snapshot in (
        failed(log_tail=LogTail(attempt=1, text="")),
        make_snapshot(make_task(uid="another")),
        None,
    ):
        world.tails.begin(KEY, ReadLog(ENDED))
        world.run()
        if snapshot is None:
            world.tails.forget(KEY)
        else:
            assert world.tail(snapshot) is None
        assert world.tail() is None


def test_an_answer_for_a_task_that_is_gone_changes_nothing() -> None:
    world = World()
    world.tails.begin(KEY, ReadLog(ENDED))
    world.tails.forget(KEY)
    world.run()
    assert world.tail() is None


def test_a_text_that_is_refused_is_given_up() -> None:
    world = World()
    world.tails.begin(KEY, ReadLog(ENDED))
    world.run()
    for _ in range(TRIES):
        tail = world.tail()
        assert tail is not None
        assert tail.text == "words"
        world.tails.refused(KEY, 1)
    tail = world.tail()
    assert tail is not None
    assert (tail.text, tail.final) == (None, True)
