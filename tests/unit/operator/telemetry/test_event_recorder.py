"""Events are sent in the background: counted, rate limited, and dropped when there are too many."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import pytest

from djangotasks_api.models import DjangoTask, TaskStatus
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Reason
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.resources import Resource
from djangotasks_operator.scheduling.limits import Limits
from djangotasks_operator.status import endings
from djangotasks_operator.telemetry.event_recorder import BURST, PENDING_MAX, TASK_BURST, EventRecorder
from tests.support.builders import at, make_task
from tests.unit.operator.harness import until
from tests.unit.operator.model.calls import Calls
from tests.unit.operator.model.server import ApiServer, Clock, Object

NEW = TaskStatus()
RETRYING = endings.attempt_ended_without_outcome(
    "receipt", NEW, Reason.OOM_KILLED, "Raise the limit.", Limits(max_attempts=3), at(2)
)
UNREPORTED = endings.with_outcome(
    "receipt",
    NEW,
    Outcome(started_at=at(1).isoformat(), finished_at=at(2).isoformat(), result="1"),
    Limits(),
    at(2),
    unreported="The pod did not reach the operator.",
)
FAILED = endings.attempt_ended_without_outcome("receipt", NEW, Reason.OOM_KILLED, "Raise the limit.", Limits(), at(2))


class EventsApi(Calls):
    """An API server that may be slow, or refuse."""

    def __init__(self) -> None:
        super().__init__(ApiServer(Clock()))
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    @property
    def events(self) -> list[dict[str, Any]]:
        return [dict(body) for body in self.server.list("events")]

    async def create(
        self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False, strict: bool = False
    ) -> Object:
        await self._admit()
        return await super().create(resource, namespace, body, dry_run=dry_run, strict=strict)

    async def patch(self, resource: Resource, namespace: str, name: str, change: Object) -> Object:
        await self._admit()
        return await self._call(f"patch events {name}", lambda: self.server.update("events", name, change))

    async def _admit(self) -> None:
        await self.open.wait()
        if self.error is not None:
            raise self.error


class Recording:
    """A recorder that sends to this API server."""

    def __init__(self) -> None:
        self.api, self.done, self.clock = EventsApi(), Counter[str](), Clock()
        self.recorder = EventRecorder(
            cast(Api, self.api), lambda result: self.done.update([result]), self.clock.seconds, self._sleep
        )
        self.slept: list[float] = []

    def record(self, new: TaskStatus, task: DjangoTask | None = None, seconds: float = 0) -> None:
        self.recorder.record(task or make_task(), new, at(seconds))

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)

    async def sent(self, count: int) -> None:
        await until(lambda: self.done["sent"] >= count)


def story(body: Callable[[Recording], Any]) -> None:
    async def run() -> None:
        recording = Recording()
        sender = asyncio.create_task(recording.recorder.run())
        try:
            await body(recording)
            assert not sender.done()
        finally:
            sender.cancel()

    asyncio.run(run())


def test_an_event_names_its_task() -> None:
    async def body(recording: Recording) -> None:
        recording.record(FAILED)
        await recording.sent(1)
        (event,) = recording.api.events
        involved = event["involvedObject"]
        assert (involved["kind"], involved["namespace"], involved["name"]) == ("DjangoTask", "shop", "receipt")
        assert involved["uid"] == make_task().metadata.uid
        assert (event["type"], event["reason"], event["count"]) == ("Warning", "Failed", 1)
        assert event["source"] == {"component": "djangotasks-operator"}

    story(body)


def test_a_repeated_event_is_counted() -> None:
    async def body(recording: Recording) -> None:
        for number in range(3):
            recording.record(RETRYING, seconds=number)
            await recording.sent(number + 1)
        recording.record(FAILED, seconds=9)
        await recording.sent(4)
        retrying, failed = recording.api.events
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


def test_an_event_repeated_before_it_is_sent_is_one_write() -> None:
    async def body(recording: Recording) -> None:
        for _ in range(3):
            recording.record(RETRYING)
        await recording.sent(1)
        (event,) = recording.api.events
        assert (event["count"], len(recording.api.requests)) == (3, 1)

    story(body)


def test_an_event_that_expired_is_created_again() -> None:
    async def body(recording: Recording) -> None:
        recording.record(RETRYING)
        await recording.sent(1)
        recording.api.server.objects.clear()
        recording.record(RETRYING)
        await recording.sent(2)
        assert [event["count"] for event in recording.api.events] == [2]

    story(body)


def test_tasks_of_one_name_have_events_of_their_own() -> None:
    async def body(recording: Recording) -> None:
        recording.record(RETRYING)
        recording.record(RETRYING, make_task(uid="another"))
        await recording.sent(2)
        assert sorted(e["involvedObject"]["uid"] for e in recording.api.events) == ["another", "uid-of-the-task"]

    story(body)


def test_events_of_one_task_are_rate_limited() -> None:
    async def body(recording: Recording) -> None:
        for number in range(TASK_BURST):
            recording.record(RETRYING)
            await recording.sent(number + 1)
        recording.record(RETRYING)
        assert recording.done["dropped"] == 1
        recording.record(RETRYING, make_task(uid="another"))
        await recording.sent(TASK_BURST + 1)
        recording.clock.advance(60)
        recording.record(RETRYING)
        await recording.sent(TASK_BURST + 2)
        counts = [e["count"] for e in recording.api.events if e["involvedObject"]["uid"] != "another"]
        assert counts == [TASK_BURST + 2], "what was dropped is counted with the next"

    story(body)


def test_tasks_of_a_queue_whose_pods_do_not_report_do_not_all_say_so() -> None:
    async def body(recording: Recording) -> None:
        for number in range(TASK_BURST + 3):
            recording.record(UNREPORTED, make_task(uid=str(number)))
        recording.record(UNREPORTED, make_task(queue="another"))
        await recording.sent(TASK_BURST + 1)
        assert recording.done["dropped"] == 3

    story(body)


def test_all_events_are_rate_limited() -> None:
    async def body(recording: Recording) -> None:
        for number in range(BURST + 5):
            recording.record(RETRYING, make_task(uid=str(number)))
        await recording.sent(BURST + 5)
        assert recording.slept == pytest.approx([0.1] * 5)

    story(body)


def test_a_slow_api_server_costs_events_and_nothing_else() -> None:
    async def body(recording: Recording) -> None:
        recording.api.open.clear()
        recording.record(RETRYING, make_task(uid="first"))
        await asyncio.sleep(0.01)
        for number in range(PENDING_MAX + 10):
            recording.record(RETRYING, make_task(uid=str(number)))
        assert (recording.done["dropped"], recording.done["sent"]) == (10, 0)
        recording.api.open.set()
        await recording.sent(1)

    story(body)


@pytest.mark.parametrize(
    "error", [ApiError(403, {"message": "no right"}), ApiError(500, {}), OSError(), TimeoutError(), KeyError("defect")]
)
def test_a_failed_write_does_not_end_the_sender(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    async def body(recording: Recording) -> None:
        recording.api.error = error
        for uid in ("one", "two"):
            recording.record(RETRYING, make_task(uid=uid))
        await until(lambda: recording.done["failed"] == 2)
        recording.api.error = None
        recording.record(RETRYING, make_task(uid="three"))
        await recording.sent(1)

    story(body)
    refused = isinstance(error, ApiError) and error.status == 403
    assert caplog.text.count("Events cannot be written") == refused, "once, not for each"
