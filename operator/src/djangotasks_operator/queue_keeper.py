"""Keeps the status of each queue: how many of its tasks wait and run, and whether any can be started.

A queue is looked at when its spec changes, and a while after something happened to its tasks: what is over within that
time needs no write.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from djangotasks_api.models import DjangoTask, DjangoTaskQueue, TaskStatus
from djangotasks_api.phases import Reason
from djangotasks_operator.api import ApiError
from djangotasks_operator.backlog import Backlog
from djangotasks_operator.cluster import Cluster
from djangotasks_operator.queue_status import FAULTS_OF_THE_QUEUE, Mishap, Problem, mishap, new_status, tally
from djangotasks_operator.start import NotYet, Starter, Template
from djangotasks_operator.store import Key
from djangotasks_operator.transitions import sentence
from djangotasks_operator.workqueue import WorkQueue

# From when something happens to a queue's tasks until its status tells of it, which is the pace of its writes too.
NEWS_SECONDS = 5.0
# How often a queue is looked at that something is wrong with, and one that follows a Deployment.
PROBLEM_INTERVAL = timedelta(seconds=15)
DEPLOYMENT_INTERVAL = timedelta(seconds=60)
# What stands in a task's way, and is no fault of its queue.
PASSING = frozenset({Reason.QUOTA_EXCEEDED, Reason.JOB_NAME_TAKEN})


@dataclass(slots=True)
class Checked:
    """What was found when a queue was looked at. `identity`: of its spec. `template`: None where there is none.
    `doubted`: a task could not be started since."""

    identity: tuple[str, int]
    at: datetime
    template: Template | None
    problem: Problem | None
    doubted: bool = False


class QueueKeeper:
    """`work`: the queues that are to be looked at."""

    def __init__(
        self,
        cluster: Cluster,
        starter: Starter,
        backlog: Backlog[Key, Key],
        work: WorkQueue[Key],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster = cluster
        self._store = cluster.store
        self._starter = starter
        self._backlog = backlog
        self._work = work
        self._now = now
        self._checked: dict[Key, Checked] = {}
        self._mishaps: dict[Key, Mishap] = {}

    def take_stock(self) -> None:
        """Looks at all queues once."""
        for queue in self._store.queues():
            self._work.add(Key(queue.metadata.namespace, queue.metadata.name))

    def look(self, queue: Key) -> None:
        """Something happened to a task of the queue. Takes no time."""
        if self._store.queue(queue) is not None:
            self._work.add_after(queue, NEWS_SECONDS)

    def note(self, task: DjangoTask, status: TaskStatus) -> None:
        """A task's status was written. `task`: as it was before."""
        if (found := mishap(task.status, status, self._now())) is None:
            return
        queue = Key(task.metadata.namespace, task.spec.queue)
        self._mishaps[queue] = found
        if status.reason in FAULTS_OF_THE_QUEUE and (checked := self._checked.get(queue)) is not None:
            checked.doubted = True
        self.look(queue)

    async def keep(self, key: Key) -> bool:
        """Looks at the queue, and writes what is new. False: it has changed meanwhile, and is to be looked at again."""
        if (queue := self._store.queue(key)) is None:
            self._checked.pop(key, None)
            self._mishaps.pop(key, None)
            return True
        checked = await self._check(key, queue)
        now = self._now()
        counts = tally(self._store.unfinished(key), self._backlog.has_place, now)
        status = new_status(queue, counts, checked.problem, self._mishaps.get(key), now)
        if status != queue.status:
            try:
                await self._cluster.write_queue_status(queue, status)
            except ApiError as error:
                # One that is gone, or a CRD of before there was a status: there is nothing to write.
                if not error.outdated:
                    raise
                return error.not_found
        if (interval := _interval(queue, checked)) is not None:
            self._work.add_after(key, interval.total_seconds())
        return True

    async def _check(self, key: Key, queue: DjangoTaskQueue) -> Checked:
        """Whether a task of the queue could be started: as known, or found out anew where that is due."""
        now, known = self._now(), self._checked.get(key)
        identity = queue.metadata.uid, queue.metadata.generation
        if known is not None and known.identity == identity and not known.doubted:
            interval = _interval(queue, known)
            if interval is None or now - known.at < interval:
                return known
        if known is not None and known.identity != identity:
            known = None
        template, problem = await self._try(queue, known)
        if known is not None and known.problem is not None and problem is not None and template == known.template:
            # The API server may word the same refusal in more than one way.
            problem = known.problem if known.problem.reason == problem.reason else problem
        checked = self._checked[key] = Checked(identity, now, template, problem)
        return checked

    async def _try(self, queue: DjangoTaskQueue, known: Checked | None) -> tuple[Template | None, Problem | None]:
        template: Template | None = None
        try:
            template = await self._starter.template(queue)
            well = known is not None and known.problem is None and not known.doubted
            if known is None or not (well and known.template == template):
                await self._starter.rehearse(queue, template)
        except NotYet as refused:
            if refused.reason not in PASSING:
                return template, Problem(refused.reason, sentence(refused.message))
        return template, None


def _interval(queue: DjangoTaskQueue, checked: Checked) -> timedelta | None:
    """Until it is looked at again, whatever happens. None: when its spec changes."""
    if checked.problem is not None:
        return PROBLEM_INTERVAL
    return DEPLOYMENT_INTERVAL if queue.spec.pod_template_from is not None else None
