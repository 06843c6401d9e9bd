"""The request of a standby pod, over real HTTP: held, answered, refused, and by whom."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from djangotasks_api.assignment import Assignment
from djangotasks_api.standby import StandbyAccess
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.waiting_standbys import HELD_OF_NAMESPACE, Gone, TooMany, WaitingStandbys
from djangotasks_operator.pods.tokens import sign, sign_standby
from djangotasks_operator.reports.standbys_endpoint import BURST, StandbysEndpoint
from tests.support.assignments import make_assignment
from tests.unit.operator.reports.serving import KEY, LOCAL, serving

pytestmark = pytest.mark.thorough

POD = Key("shop", "default-0123456789")
QUEUE = "uid-of-default"


class Leader:
    """What the leader knows of the pod."""

    def __init__(self) -> None:
        self.task: Assignment | None = None
        self.gone = False
        self.here = asyncio.Event()

    async def task_of(self, pod: Key, queue_uid: str) -> Assignment | None:
        assert (pod, queue_uid) == (POD, QUEUE)
        if self.gone:
            raise Gone("the attempt is over")
        return self.task

    def arrived(self, pod: Key) -> None:
        self.here.set()

    def left(self, pod: Key) -> None: ...


type Ask = Callable[..., Awaitable[tuple[int, str]]]
type Story = Callable[[WaitingStandbys, Leader, Ask], Awaitable[None]]


def play(story: Story, *, seconds: float = 20, leader: str | None = None, leads: bool = True) -> None:
    """`leader`: what a replica says that does not lead."""

    async def run() -> None:
        waiting, source = WaitingStandbys(lambda: leader), Leader()
        if leads:
            waiting.lead(source)
        async with (
            serving(standbys=StandbysEndpoint(waiting, [KEY], seconds)) as port,
            aiohttp.ClientSession() as session,
        ):

            async def ask(
                pod: str = POD.name, queue: str = QUEUE, token: str = sign_standby(KEY, *POD, QUEUE)
            ) -> tuple[int, str]:
                path = StandbyAccess(url="", namespace=POD.namespace, pod=pod, queue_uid=queue).path
                headers = {"Authorization": f"Bearer {token}"}
                async with session.post(f"http://{LOCAL}:{port}{path}", headers=headers) as response:
                    return response.status, await response.text()

            await story(waiting, source, ask)

    asyncio.run(asyncio.wait_for(run(), 20))


def test_it_is_held_until_there_is_a_task() -> None:
    async def story(waiting: WaitingStandbys, leader: Leader, ask: Ask) -> None:
        asked = asyncio.ensure_future(ask())
        await leader.here.wait()
        assert waiting.is_ready(POD)
        waiting.deliver(POD, make_assignment(worker_id=POD.name))
        status, text = await asked
        assert (status, Assignment.from_json(text)) == (200, make_assignment(worker_id=POD.name))
        assert not waiting.is_ready(POD)

    play(story)


def test_it_is_answered_at_once_where_there_is_one() -> None:
    async def story(waiting: WaitingStandbys, leader: Leader, ask: Ask) -> None:
        leader.task = make_assignment()
        assert (await ask())[0] == 200
        # The answer may not have arrived.
        assert (await ask())[0] == 200

    play(story)


def test_it_asks_again_after_a_while() -> None:
    async def story(waiting: WaitingStandbys, leader: Leader, ask: Ask) -> None:
        assert await ask() == (204, "")
        assert not waiting.is_ready(POD)

    play(story, seconds=0.05)


def test_of_two_requests_the_later_one_counts() -> None:
    async def story(waiting: WaitingStandbys, leader: Leader, ask: Ask) -> None:
        first = asyncio.ensure_future(ask())
        await leader.here.wait()
        leader.here.clear()
        second = asyncio.ensure_future(ask())
        await leader.here.wait()
        assert (await first)[0] == 204
        waiting.deliver(POD, make_assignment())
        assert (await second)[0] == 200

    play(story)


def test_a_pod_that_is_gone_is_not_ready() -> None:
    async def story(waiting: WaitingStandbys, leader: Leader, ask: Ask) -> None:
        asked = asyncio.ensure_future(ask())
        await leader.here.wait()
        asked.cancel()
        while waiting.is_ready(POD):  # noqa: ASYNC110 - the server notices when it can
            await asyncio.sleep(0.005)

    play(story)


def test_it_ends_where_there_will_be_none() -> None:
    async def story(waiting: WaitingStandbys, leader: Leader, ask: Ask) -> None:
        leader.gone = True
        assert await ask() == (410, "the attempt is over\n")

    play(story)


@pytest.mark.parametrize("address", ["http://10.0.0.7:8080", None])
def test_another_replica_says_where_the_leader_is(address: str | None) -> None:
    async def story(waiting: WaitingStandbys, leader: Leader, ask: Ask) -> None:
        status, text = await ask()
        assert (status, json.loads(text)) == (503, {} if address is None else {"leader": address})

    play(story, leader=address, leads=False)


def test_all_ask_again_when_the_lease_is_lost() -> None:
    async def story(waiting: WaitingStandbys, leader: Leader, ask: Ask) -> None:
        asked = asyncio.ensure_future(ask())
        await leader.here.wait()
        waiting.stop()
        assert (await asked)[0] == 204
        assert (await ask())[0] == 503

    play(story)


ATTEMPT = sign(KEY, "shop", "u", 1)
WRONG: dict[str, dict[str, str]] = {
    "another pod": {"pod": "default-abcdefabcd"},
    "another queue": {"queue": "uid-of-urgent"},
    "no token": {"token": ""},
    "an attempt's token": {"token": ATTEMPT},
    "another key": {"token": sign_standby(b"x" * 32, *POD, QUEUE)},
    "an odd one": {"token": "é" * 64},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_token_is_of_one_pod_of_one_queue(wrong: dict[str, str]) -> None:
    async def story(waiting: WaitingStandbys, leader: Leader, ask: Ask) -> None:
        leader.task = make_assignment()
        assert (await ask(**wrong))[0] == 403

    play(story)


def test_a_standbys_token_is_no_attempts() -> None:
    """It has four parts, and an attempt's three: whatever the names are, they differ."""
    assert sign_standby(KEY, "shop", "a", "u") != sign(KEY, "standby/shop", "a/u", 1)


def test_who_asks_all_the_time_waits() -> None:
    async def story(waiting: WaitingStandbys, leader: Leader, ask: Ask) -> None:
        leader.gone = True
        answers = [(await ask())[0] for _ in range(BURST + 1)]
        assert answers == [410] * BURST + [429]

    play(story)


class AnyPods(Leader):
    """It knows all pods that ask."""

    async def task_of(self, pod: Key, queue_uid: str) -> Assignment | None:
        return None


def test_a_namespace_holds_half_of_all_at_most() -> None:
    async def story() -> None:
        waiting = WaitingStandbys()
        waiting.lead(AnyPods())

        async def ask(namespace: str, name: str) -> None:
            await waiting.next(Key(namespace, name), QUEUE, lambda: True, 20)

        async with asyncio.TaskGroup() as group:
            for number in range(HELD_OF_NAMESPACE):
                group.create_task(ask("shop", f"default-{number}"))
            await asyncio.sleep(0)
            with pytest.raises(TooMany):
                await ask("shop", "one-more")
            group.create_task(ask("bank", "default"))
            group.create_task(ask("shop", "default-0"))
            await asyncio.sleep(0)
            assert waiting.is_ready(Key("bank", "default"))
            assert waiting.is_ready(Key("shop", "default-0")), "a pod that asks again has its place"
            waiting.stop()

    asyncio.run(asyncio.wait_for(story(), 20))
