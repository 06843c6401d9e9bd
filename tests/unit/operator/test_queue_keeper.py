"""When a queue is looked at, what is asked then, and when its status is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from djangotasks_api.models import DjangoTaskQueue, QueueStatus, TaskStatus
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.api import ApiError
from djangotasks_operator.backlog import Backlog
from djangotasks_operator.cluster import Cluster
from djangotasks_operator.queue_keeper import QueueKeeper
from djangotasks_operator.start import NotYet, Starter, Template
from djangotasks_operator.store import Key, Store
from djangotasks_operator.workqueue import WorkQueue
from tests.support.builders import NAMESPACE, at, make_queue, make_task

KEY = Key(NAMESPACE, "default")
REFUSAL = NotYet(Reason.INVALID_TEMPLATE, "spec.containers: no")
BROKEN = TaskStatus(reason=Reason.INVALID_TEMPLATE, message="spec.containers: no")


class World:
    """A queue, and what the API server says to it."""

    def __init__(self, **spec: Any) -> None:
        self.now = at(0)
        self.version = 1
        self.image = "shop:1"
        self.missing: NotYet | None = None
        self.refusal: NotYet | None = None
        self.error: ApiError | None = None
        self.asked: list[str] = []
        self.written: list[QueueStatus] = []
        self.store = Store()
        self.put(**spec)
        self.work: WorkQueue[Key] = WorkQueue()
        self.backlog: Backlog[Key, Key] = Backlog(1)
        self.keeper = QueueKeeper(
            cast(Cluster, self), cast(Starter, self), self.backlog, self.work, now=lambda: self.now
        )

    def put(self, generation: int = 1, **spec: Any) -> None:
        known = self.store.queue(KEY)
        self.version += 1
        metadata = {"generation": generation, "resource_version": str(self.version), "uid": "u"}
        queue = make_queue(**spec)
        update = {"metadata": queue.metadata.model_copy(update=metadata)}
        self.store.put_queue(queue.model_copy(update=update | ({"status": known.status} if known else {})))

    async def template(self, _: DjangoTaskQueue) -> Template:
        self.asked.append("template")
        if self.missing is not None:
            raise self.missing
        return {"image": self.image}, "task"

    async def rehearse(self, _: DjangoTaskQueue, template: Template) -> None:
        self.asked.append("rehearse")
        if self.refusal is not None:
            raise self.refusal

    async def write_queue_status(self, queue: DjangoTaskQueue, status: QueueStatus) -> None:
        if self.error is not None:
            raise self.error
        self.version += 1
        self.written.append(status)
        metadata = queue.metadata.model_copy(update={"resource_version": str(self.version)})
        self.store.put_queue(queue.model_copy(update={"status": status, "metadata": metadata}))

    async def keep(self) -> tuple[list[str], str]:
        """Looks once. Returns what was asked, and the condition's reason."""
        self.asked.clear()
        assert await self.keeper.keep(KEY)
        queue = self.store.queue(KEY)
        assert queue is not None
        return list(self.asked), queue.status.conditions[0].reason


BOTH = ["template", "rehearse"]


def told(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


def test_a_queue_of_its_own_template_is_asked_about_once() -> None:
    async def story() -> None:
        world = World()
        assert await world.keep() == (BOTH, "Ready")
        world.now = at(100_000)
        assert await world.keep() == ([], "Ready")
        assert len(world.written) == 1
        world.put(generation=2, suspended=True)
        assert await world.keep() == (BOTH, "Suspended")
        assert (len(world.written), len(world.work)) == (2, 0)

    told(story)


def test_a_fault_is_asked_about_until_it_is_repaired() -> None:
    async def story() -> None:
        world = World()
        world.refusal = REFUSAL
        assert await world.keep() == (BOTH, "InvalidTemplate")
        world.now = at(14)
        assert await world.keep() == ([], "InvalidTemplate")
        world.now, world.refusal = at(16), NotYet(Reason.INVALID_TEMPLATE, "the same in other words")
        assert await world.keep() == (BOTH, "InvalidTemplate")
        assert len(world.written) == 1
        world.now, world.refusal = at(32), None
        assert await world.keep() == (BOTH, "Ready")

    told(story)


def test_a_deployment_is_read_now_and_then_and_its_template_tried_when_it_is_new() -> None:
    async def story() -> None:
        world = World(template=None, pod_template_from={"deployment": "web"})
        world.missing = NotYet(Reason.DEPLOYMENT_NOT_FOUND, "there is none")
        assert await world.keep() == (["template"], "DeploymentNotFound")
        world.now, world.missing = at(16), None
        assert await world.keep() == (BOTH, "Ready")
        world.now = at(77)
        assert await world.keep() == (["template"], "Ready")
        world.now, world.image, world.refusal = at(138), "shop:2", REFUSAL
        assert await world.keep() == (BOTH, "InvalidTemplate")

    told(story)


@pytest.mark.parametrize("reason", [Reason.QUOTA_EXCEEDED, Reason.JOB_NAME_TAKEN])
def test_what_passes_is_no_fault(reason: Reason) -> None:
    async def story() -> None:
        world = World()
        world.refusal = NotYet(reason, "not now")
        assert await world.keep() == (BOTH, "Ready")

    told(story)


def test_a_task_that_could_not_be_started_raises_doubts() -> None:
    async def story() -> None:
        world = World()
        await world.keep()
        world.refusal = REFUSAL
        world.keeper.note(make_task(), TaskStatus(phase=Phase.FAILED, reason=Reason.TASK_ERROR))
        assert await world.keep() == ([], "Ready")
        world.keeper.note(make_task(), BROKEN)
        assert await world.keep() == (BOTH, "InvalidTemplate")
        assert world.written[-1].last_error == "InvalidTemplate: spec.containers: no"
        assert world.written[-1].last_error_at == at(0)

    told(story)


def test_the_tasks_are_counted() -> None:
    async def story() -> None:
        world = World()
        for name in ("a", "b", "c"):
            world.store.put_task(make_task(name, uid=name, enqueued_at=at(-5)))
        world.backlog.occupy(Key(NAMESPACE, "a"), KEY)
        await world.keep()
        assert (world.written[-1].queued, world.written[-1].running) == (2, 1)
        assert world.written[-1].oldest_queued_at == at(-5)
        world.now = at(60)
        await world.keep()
        assert len(world.written) == 1

    told(story)


@pytest.mark.parametrize(
    ("error", "done"),
    [(ApiError(409, {"reason": "Conflict"}), False), (ApiError(404, {"reason": "NotFound"}), True)],
    ids=["it has changed", "it is gone"],
)
def test_a_write_that_is_refused(error: ApiError, done: bool) -> None:
    async def story() -> None:
        world = World()
        world.error = error
        assert await world.keeper.keep(KEY) is done

    told(story)


def test_only_what_is_there_is_looked_at() -> None:
    async def story() -> None:
        world = World()
        other = Key(NAMESPACE, "no-such-queue")
        world.keeper.look(other)
        assert world.work._due == {}
        world.keeper.look(KEY)
        assert set(world.work._due) == {KEY}
        world.keeper.take_stock()
        assert len(world.work) == 1
        assert await world.keeper.keep(other)
        assert world.written == []

    told(story)
