"""Events are written by the way: counted, bounded, and dropped when there are too many."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import pytest

from djangotasks_api.models import DjangoTask, TaskStatus
from djangotasks_api.phases import Reason
from djangotasks_operator import transitions
from djangotasks_operator.api import Api, ApiError, Resource
from djangotasks_operator.bucket import Bucket
from djangotasks_operator.events import BURST, PENDING_MAX, TASK_BURST, Events
from djangotasks_operator.policy import Limits
from tests.support.builders import at, make_task

DEADLINE = 5.0
NEW = TaskStatus()
RETRYING = transitions.died("receipt", NEW, Reason.OOM_KILLED, "Raise the limit.", Limits(max_attempts=3), at(2))
FAILED = transitions.died("receipt", NEW, Reason.OOM_KILLED, "Raise the limit.", Limits(), at(2))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket() -> None:
    clock = Clock()
    bucket = Bucket(2, 0.5, clock)
    assert [bucket.wait() for _ in range(3)] == [0, 0, 2]
    clock.now += 1
    assert bucket.wait() == 1
    clock.now += 1
    assert [bucket.wait(), bucket.wait()] == [0, 2]
    clock.now += 1000
    assert [bucket.wait() for _ in range(3)] == [0, 0, 2]


class FakeApi:
    """Keeps what is written. `refuse`: is asked before each write, and may raise or wait."""

    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.writes = 0
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def create(self, resource: Resource, namespace: str, body: dict[str, Any]) -> dict[str, Any]:
        await self._write()
        assert (resource, namespace) == (("/api/v1", "events"), body["metadata"]["namespace"])
        self.events[body["metadata"]["name"]] = body
        return body

    async def patch(self, resource: Resource, namespace: str, name: str, change: dict[str, Any]) -> dict[str, Any]:
        await self._write()
        if name not in self.events:
            raise ApiError(404, {"reason": "NotFound"})
        self.events[name] |= change
        return self.events[name]

    async def _write(self) -> None:
        await self.open.wait()
        self.writes += 1
        if self.error is not None:
            raise self.error


class Stage:
    def __init__(self) -> None:
        self.api, self.done, self.clock = FakeApi(), Counter[str](), Clock()
        self.events = Events(cast(Api, self.api), lambda result: self.done.update([result]), self.clock)

    def tell(self, new: TaskStatus, task: DjangoTask | None = None, seconds: float = 0) -> None:
        self.events.tell(task or make_task(), new, at(seconds))

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not done():  # noqa: ASYNC110 - the sender has no event to wait for
                await asyncio.sleep(0)

    async def sent(self, count: int) -> None:
        await self.until(lambda: self.done["sent"] >= count)


def story(body: Callable[[Stage], Any]) -> None:
    async def run() -> None:
        stage = Stage()
        sender = asyncio.create_task(stage.events.run())
        try:
            await body(stage)
            assert not sender.done()
        finally:
            sender.cancel()

    asyncio.run(run())


def test_an_event_is_on_its_task() -> None:
    async def body(stage: Stage) -> None:
        stage.tell(FAILED)
        await stage.sent(1)
        (event,) = stage.api.events.values()
        involved = event["involvedObject"]
        assert (involved["kind"], involved["namespace"], involved["name"]) == ("DjangoTask", "shop", "receipt")
        assert involved["uid"] == make_task().metadata.uid
        assert (event["type"], event["reason"], event["count"]) == ("Warning", "Failed", 1)
        assert event["source"] == {"component": "djangotasks-operator"}

    story(body)


def test_what_repeats_is_counted_in_one_event() -> None:
    async def body(stage: Stage) -> None:
        for number in range(3):
            stage.tell(RETRYING, seconds=number)
            await stage.sent(number + 1)
        stage.tell(FAILED, seconds=9)
        await stage.sent(4)
        retrying, failed = stage.api.events.values()
        assert (retrying["reason"], retrying["count"], failed["reason"], failed["count"]) == (
            "Retrying",
            3,
            "Failed",
            1,
        )
        assert (retrying["firstTimestamp"], retrying["lastTimestamp"]) == (
            "2026-11-23T12:00:00Z",
            "2026-11-23T12:00:02Z",
        )

    story(body)


def test_what_repeats_before_it_is_sent_is_one_write() -> None:
    async def body(stage: Stage) -> None:
        for _ in range(3):
            stage.tell(RETRYING)
        await stage.sent(1)
        (event,) = stage.api.events.values()
        assert (event["count"], stage.api.writes) == (3, 1)

    story(body)


def test_an_event_that_expired_is_made_anew() -> None:
    async def body(stage: Stage) -> None:
        stage.tell(RETRYING)
        await stage.sent(1)
        stage.api.events.clear()
        stage.tell(RETRYING)
        await stage.sent(2)
        assert [event["count"] for event in stage.api.events.values()] == [2]

    story(body)


def test_a_task_of_the_same_name_has_its_own() -> None:
    async def body(stage: Stage) -> None:
        stage.tell(RETRYING)
        stage.tell(RETRYING, make_task(uid="another"))
        await stage.sent(2)
        assert sorted(e["involvedObject"]["uid"] for e in stage.api.events.values()) == ["another", "uid-of-the-task"]

    story(body)


def test_a_task_may_not_say_too_much() -> None:
    async def body(stage: Stage) -> None:
        for number in range(TASK_BURST):
            stage.tell(RETRYING)
            await stage.sent(number + 1)
        stage.tell(RETRYING)
        assert stage.done["dropped"] == 1
        stage.tell(RETRYING, make_task(uid="another"))
        await stage.sent(TASK_BURST + 1)
        stage.clock.now += 60
        stage.tell(RETRYING)
        await stage.sent(TASK_BURST + 2)
        counts = [e["count"] for e in stage.api.events.values() if e["involvedObject"]["uid"] != "another"]
        assert counts == [TASK_BURST + 2], "what was dropped is counted with the next"

    story(body)


def test_all_of_them_may_not_say_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def body(stage: Stage) -> None:
        sleep = asyncio.sleep

        async def wait(seconds: float) -> None:
            if seconds:
                waits.append(seconds)
                stage.clock.now += seconds
            await sleep(0)

        monkeypatch.setattr(asyncio, "sleep", wait)
        for number in range(BURST + 5):
            stage.tell(RETRYING, make_task(uid=str(number)))
        await stage.sent(BURST + 5)
        assert waits == pytest.approx([0.1] * 5)

    story(body)


def test_a_slow_api_server_costs_events_and_nothing_else() -> None:
    async def body(stage: Stage) -> None:
        stage.api.open.clear()
        stage.tell(RETRYING, make_task(uid="first"))
        await asyncio.sleep(0.01)
        for number in range(PENDING_MAX + 10):
            stage.tell(RETRYING, make_task(uid=str(number)))
        assert (stage.done["dropped"], stage.done["sent"]) == (10, 0)
        stage.api.open.set()
        await stage.sent(1)

    story(body)


@pytest.mark.parametrize(
    "error", [ApiError(403, {"message": "no right"}), ApiError(500, {}), OSError(), TimeoutError(), KeyError("defect")]
)
def test_what_goes_wrong_ends_nothing(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    async def body(stage: Stage) -> None:
        stage.api.error = error
        for uid in ("one", "two"):
            stage.tell(RETRYING, make_task(uid=uid))
        await stage.until(lambda: stage.done["failed"] == 2)
        stage.api.error = None
        stage.tell(RETRYING, make_task(uid="three"))
        await stage.sent(1)

    story(body)
    refused = isinstance(error, ApiError) and error.status == 403
    assert caplog.text.count("Events cannot be written") == refused, "once, not for each"
