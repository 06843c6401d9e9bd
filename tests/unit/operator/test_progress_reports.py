"""Reports of progress on their way to the status: how many writes they cost, and which are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from djangotasks_api.models import DjangoTask, TaskStatus
from djangotasks_api.names import TASK_PLURAL
from djangotasks_api.outcome import Outcome, ProgressReport, Started
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator import reports
from djangotasks_operator.api import Api, ApiError
from djangotasks_operator.cluster import Cluster
from djangotasks_operator.reports import Reports, Stale
from djangotasks_operator.store import Key, Store
from tests.support.builders import NAMESPACE, NOW, at, make_attempt
from tests.unit.operator.model.calls import Calls
from tests.unit.operator.model.server import ApiServer, Clock

KEY = Key(NAMESPACE, "receipt")
STARTED = at(-10).isoformat()
RUNNING = TaskStatus(phase=Phase.RUNNING, attempts=[make_attempt(started_at=at(-10))], started_at=at(-10))


def said(done: int) -> ProgressReport:
    return ProgressReport(started_at=STARTED, done=done)


class Scene:
    """A task on a simulated API server, and the operator's reports, which know it."""

    def __init__(self, status: TaskStatus) -> None:
        self.server = ApiServer(Clock())
        body = {"metadata": {"name": "receipt"}, "spec": {"task": "shop.tasks.send"},
                "status": status.model_dump(mode="json", by_alias=True, exclude_none=True)}  # fmt: skip
        self.uid: str = self.server.create(TASK_PLURAL, body)["metadata"]["uid"]
        self.store = Store()
        self.reports = Reports(Cluster(cast(Api, Calls(self.server)), self.store), now=lambda: NOW)

    @property
    def status(self) -> TaskStatus:
        return DjangoTask.model_validate(self.server.get(TASK_PLURAL, "receipt")).status

    @property
    def writes(self) -> int:
        return len(self.server.events) - 1

    async def say(self, done: int, attempt: int = 1) -> None:
        await self.reports.progress(KEY, self.uid, attempt, said(done))

    async def pass_seconds(self) -> None:
        """Until nothing is kept back any more."""
        await asyncio.gather(*self.reports._resting)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "PROGRESS_SECONDS", 0)
    monkeypatch.setattr(reports, "STARTED_DELAY", 0)


def play(story: Callable[[Scene], Awaitable[Any]], status: TaskStatus = RUNNING) -> Scene:
    async def run() -> Scene:
        scene = Scene(status)
        await story(scene)
        await scene.pass_seconds()
        return scene

    return asyncio.run(run())


def test_a_burst_is_two_writes_the_first_and_the_last() -> None:
    async def story(scene: Scene) -> None:
        await scene.say(1)
        assert scene.status.progress is not None
        assert scene.status.progress.text == "1"
        for number in range(2, 1000):
            await scene.say(number)

    scene = play(story)
    assert scene.writes == 2
    assert scene.status.progress is not None
    assert scene.status.progress.text == "999"


def test_many_at_once_are_two_writes_as_well() -> None:
    async def story(scene: Scene) -> None:
        await asyncio.gather(*(scene.say(number) for number in range(1, 100)))

    scene = play(story)
    assert scene.writes == 2
    assert scene.status.progress is not None
    assert scene.status.progress.text == "99"


def test_the_start_and_the_progress_are_one_write() -> None:
    async def story(scene: Scene) -> None:
        scene.reports.started(KEY, scene.uid, 1, Started(started_at=STARTED))
        await scene.say(1)

    scene = play(story, TaskStatus())
    assert (scene.writes, scene.status.phase, scene.status.started_at) == (1, Phase.RUNNING, at(-10))


def test_what_waits_is_nothing_once_the_outcome_is_there() -> None:
    outcome = Outcome(started_at=STARTED, finished_at=STARTED, result="1", progress=said(3))

    async def story(scene: Scene) -> None:
        await scene.say(1)
        await scene.say(2)
        await scene.reports.outcome(KEY, scene.uid, 1, outcome)
        scene.server.get = lambda *_: pytest.fail("it is read for nothing")  # type: ignore[method-assign]
        await scene.pass_seconds()
        del scene.server.get

    scene = play(story)
    assert (scene.writes, scene.status.phase) == (2, Phase.SUCCEEDED)
    assert scene.status.progress is not None
    assert scene.status.progress.text == "3"


@pytest.mark.parametrize(
    ("status", "attempt"),
    [
        (RUNNING, 2),
        (RUNNING.model_copy(update={"phase": Phase.CANCELLED}), 1),
        (RUNNING.model_copy(update={"attempts": [make_attempt(finished_at=NOW), make_attempt(2)]}), 1),
        (RUNNING.model_copy(update={"attempts": [make_attempt(reason=Reason.HEARTBEAT_TIMEOUT)]}), 1),
    ],
    ids=["a later one", "finished", "an earlier one", "being stopped"],
)
def test_of_an_attempt_that_is_not_the_current_one(status: TaskStatus, attempt: int) -> None:
    async def story(scene: Scene) -> None:
        with pytest.raises(Stale):
            await scene.say(1, attempt)

    assert play(story, status).writes == 0


def test_of_a_task_that_is_gone() -> None:
    async def story(scene: Scene) -> None:
        scene.server.remove(TASK_PLURAL, "receipt")
        with pytest.raises(Stale):
            await scene.say(1)

    asyncio.run(_alone(story))


async def _alone(story: Callable[[Scene], Awaitable[Any]]) -> None:
    scene = Scene(RUNNING)
    await story(scene)
    await scene.pass_seconds()


@pytest.mark.parametrize(
    ("error", "deaf"),
    [(TimeoutError(), True), (ConnectionError(), True), (ApiError(503, {}), True), (ApiError(422, {}), False)],
    ids=repr,
)
def test_an_api_server_that_is_away_makes_nobody_silent(error: Exception, deaf: bool) -> None:
    async def story(scene: Scene) -> None:
        def away(*_: object) -> None:
            raise error

        scene.server.patch_status = away  # type: ignore[assignment, method-assign]
        with pytest.raises(type(error)):
            await scene.say(1)

    assert play(story).store.listening_since == (NOW if deaf else None)
