"""The leader runs the controllers, and says what is stuck in them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

import pytest

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers import manager
from djangotasks_operator.controllers.manager import DISPATCH_LIMIT, ControllerManager
from djangotasks_operator.controllers.term import Term
from djangotasks_operator.controllers.work_queues import WorkQueues
from djangotasks_operator.runtime.controller import Controller, Result
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.leader_election import Election, SoleCandidate
from djangotasks_operator.telemetry.health import PASS_LIMIT
from tests.unit.operator.harness import until
from tests.unit.operator.model.server import Clock

A, B, C = (Key("shop", name) for name in "abc")


class BlockedTerm:
    """A term whose reconciles end when they are let."""

    def __init__(self, work: WorkQueues, workers: int) -> None:
        self.open = asyncio.Event()
        self.closed = False
        self.initialized = False
        self.controllers = [Controller(work.tasks, self.reconcile, workers=workers)]

    async def reconcile(self, _: Key) -> Result:
        await self.open.wait()
        return Result.DONE

    async def initialize(self) -> None:
        self.initialized = True

    def close(self) -> None:
        self.closed = True


class ManualElection(SoleCandidate):
    """Wins and loses as a test says."""

    def __init__(self) -> None:
        self.leading, self.not_leading = asyncio.Event(), asyncio.Event()

    async def won(self) -> None:
        await self.leading.wait()

    async def lost(self) -> None:
        await self.not_leading.wait()


class Managed:
    """A manager that runs, with its queues on a clock that stands still."""

    def __init__(
        self,
        *,
        workers: int = 64,
        election: Election | None = None,
        resync: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.clock = Clock()
        self.work = WorkQueues(self.clock.seconds)
        self.workers = workers
        self.terms: list[BlockedTerm] = []
        self.manager = ControllerManager(self._new_term, self.work, resync or nothing, election or SoleCandidate())

    def _new_term(self) -> Term:
        self.terms.append(BlockedTerm(self.work, self.workers))
        return cast(Term, self.terms[-1])

    async def started(self) -> None:
        await until(lambda: bool(self.terms) and self.terms[-1].initialized)


async def nothing() -> None:
    pass


def run(make: Callable[[], Managed], story: Callable[[Managed], Coroutine[Any, Any, None]]) -> None:
    async def work() -> None:
        managed = make()
        running = asyncio.create_task(managed.manager.run())
        try:
            await story(managed)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(work())


def test_a_reconcile_that_does_not_end_is_a_problem() -> None:
    async def story(managed: Managed) -> None:
        await managed.started()
        managed.work.tasks.add(A)
        await until(lambda: len(managed.work.tasks) == 0)
        managed.clock.advance(PASS_LIMIT)
        assert managed.manager.problem() is None
        managed.clock.advance(1)
        assert managed.manager.problem() == "reconcile: shop/a has been worked on for 601 s"
        managed.terms[-1].open.set()
        await until(lambda: managed.manager.problem() is None)

    run(Managed, story)


def test_ready_keys_that_no_worker_takes_are_a_problem() -> None:
    async def story(managed: Managed) -> None:
        await managed.started()
        for key in (A, B):
            managed.work.tasks.add(key)
        await until(lambda: len(managed.work.tasks) == 0)
        managed.work.tasks.add(C)
        managed.clock.advance(DISPATCH_LIMIT + 1)
        assert managed.manager.problem() == "dispatcher: 1 keys are ready, and none was taken for 301 s"

    run(lambda: Managed(workers=2), story)


def test_busy_workers_are_no_problem_while_no_key_is_ready() -> None:
    async def story(managed: Managed) -> None:
        await managed.started()
        for key in (A, B):
            managed.work.tasks.add(key)
        await until(lambda: len(managed.work.tasks) == 0)
        managed.clock.advance(DISPATCH_LIMIT + 1)
        assert managed.manager.problem() is None

    run(lambda: Managed(workers=2), story)


def test_a_due_key_that_no_worker_takes_is_a_problem() -> None:
    async def story(managed: Managed) -> None:
        await managed.started()
        managed.work.tasks.add(A)
        await until(lambda: len(managed.work.tasks) == 0)
        managed.work.tasks.add_after(B, 10)
        managed.clock.advance(DISPATCH_LIMIT + 11)
        assert managed.manager.problem() == "dispatcher: 0 keys are ready, and none was taken for 301 s"

    run(lambda: Managed(workers=1), story)


def test_an_idle_leader_has_no_problem() -> None:
    async def story(managed: Managed) -> None:
        await managed.started()
        managed.terms[-1].open.set()
        managed.work.tasks.add(A)
        managed.work.tasks.add_after(B, 36_000)
        await until(lambda: managed.work.tasks.longest()[0] is None and len(managed.work.tasks) == 0)
        managed.clock.advance(3600)
        assert managed.manager.problem() is None

    run(Managed, story)


def test_a_standby_takes_no_keys_and_has_no_problem() -> None:
    async def story(managed: Managed) -> None:
        managed.work.tasks.add(A)
        for _ in range(10):
            await asyncio.sleep(0)
        managed.clock.advance(3600)
        assert (len(managed.work.tasks), managed.manager.problem(), managed.terms) == (1, None, [])

    run(lambda: Managed(election=ManualElection()), story)


def test_a_leader_that_still_lists_has_no_problem() -> None:
    """A list has a limit of its own."""

    async def listing() -> None:
        await asyncio.Event().wait()

    async def story(managed: Managed) -> None:
        await until(lambda: bool(managed.terms))
        managed.work.tasks.add(A)
        managed.clock.advance(3600)
        assert (managed.manager.problem(), managed.terms[-1].initialized) == (None, False)

    run(lambda: Managed(resync=listing), story)


def test_a_leader_lists_again_when_the_list_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "RELIST_SECONDS", 0.01)
    answers = [ApiError(503, {}), None]

    async def listing() -> None:
        if (error := answers.pop(0)) is not None:
            raise error

    async def story(managed: Managed) -> None:
        await managed.started()
        assert answers == []

    run(lambda: Managed(resync=listing), story)


def test_each_term_begins_with_empty_queues_and_ends_when_the_election_is_lost() -> None:
    election: list[ManualElection] = []

    def make() -> Managed:
        election.append(ManualElection())
        return Managed(election=election[0])

    async def story(managed: Managed) -> None:
        managed.work.tasks.add_after(A, 10)
        election[0].leading.set()
        await managed.started()
        assert managed.work.tasks.delay() is None, "what a standby collected is listed again"
        first = managed.terms[-1]
        election[0].leading.clear()
        election[0].not_leading.set()
        await until(lambda: first.closed)
        election[0].not_leading.clear()
        election[0].leading.set()
        await until(lambda: len(managed.terms) == 2)
        assert not managed.terms[-1].closed

    run(make, story)
