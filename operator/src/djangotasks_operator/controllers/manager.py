"""Run the controllers while this process holds the Lease."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from djangotasks_operator.controllers.admission import Admission
from djangotasks_operator.controllers.term import Term
from djangotasks_operator.controllers.work_queues import WorkQueues
from djangotasks_operator.runtime.errors import REQUEST_ERRORS
from djangotasks_operator.runtime.leader_election import Election
from djangotasks_operator.telemetry.health import PASS_LIMIT

logger = logging.getLogger(__name__)

# Ready keys are taken at once, unless all workers wait for the API server: some of them end sooner than this.
DISPATCH_LIMIT = 300.0
RELIST_SECONDS = 1.0


class ControllerManager:
    def __init__(
        self,
        new_term: Callable[[], Term],
        work: WorkQueues,
        resync: Callable[[], Awaitable[None]],
        election: Election,
    ) -> None:
        """`resync`: brings the cache up to date, and adds the keys of all tasks to their queue."""
        self._new_term = new_term
        self._work = work
        self._resync = resync
        self._election = election
        self._term: Term | None = None
        self._dispatching = False

    def waiting(self) -> int:
        """How many tasks are ready to start and wait for admission."""
        return 0 if self._term is None else self._term.admission.waiting()

    def admission(self) -> Admission | None:
        """Who may start; None until the tasks that are in progress have been counted."""
        return self._term.admission if self._term is not None and self._dispatching else None

    def awaiting_deletion(self) -> int:
        """How many finished tasks are to be deleted now."""
        return len(self._work.deletions)

    def problem(self) -> str | None:
        """Say what is stuck, for health."""
        tasks = self._work.tasks
        for queue in (tasks, self._work.schedules, self._work.holds):
            key, seconds = queue.longest()
            if seconds > PASS_LIMIT:
                return f"reconcile: {key} has been worked on for {seconds:.0f} s"
        if self._dispatching and (seconds := tasks.stalled()) > DISPATCH_LIMIT:
            return f"dispatcher: {len(tasks)} keys are ready, and none was taken for {seconds:.0f} s"
        return None

    async def run(self) -> None:
        """Work until cancelled: lead whenever the election is won. Ends with an exception for a defect only."""
        while True:
            await self._election.won()
            self._work.clear()
            self._work.open()
            term = self._term = self._new_term()
            try:
                await self._until_lost(self._lead(term))
            finally:
                self._dispatching = False
                term.close()
                self._work.clear()

    async def _lead(self, term: Term) -> None:
        while True:
            try:
                await self._resync()
                break
            except REQUEST_ERRORS as error:
                logger.warning("cannot list tasks, Jobs and Pods: %s", error)
                await asyncio.sleep(RELIST_SECONDS)
        await term.initialize()
        self._dispatching = True
        async with asyncio.TaskGroup() as group:
            for controller in term.controllers:
                group.create_task(controller.run())

    async def _until_lost(self, work: Awaitable[None]) -> None:
        working = asyncio.ensure_future(work)
        losing = asyncio.create_task(self._election.lost())
        try:
            await asyncio.wait((working, losing), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
        finally:
            for task in (working, losing):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait((working, losing))
