"""A pod that does not start: its task says why, from its Events, and few are read."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, cast

import pytest

from djangotasks_api.bounds import MESSAGE_MAX_CHARS
from djangotasks_api.models import Policy
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.store import Store
from djangotasks_operator.controllers.event_reader import REFUSED, EventReader
from djangotasks_operator.pods.views import Pod
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import make_pod, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.model.server import Clock
from tests.unit.operator.pods.test_events import PULLING, SECRET, event

SECRET_WORDS = 'FailedMount: MountVolume.SetUp failed for volume "c" : secret "missing" not found'


def waiting(*events: dict[str, Any], names: tuple[str, ...] = ("receipt",)) -> InMemoryOperator:
    """An operator with pods that wait on their node, and such Events about each."""
    operator = make_operator()
    operator.put_queue(policy=Policy(start_timeout_seconds=600))
    for name in names:
        operator.put_task(make_task(name, uid=name))
    operator.drain()
    for name in names:
        tell(operator, *events, name=name)
    return operator


def tell(operator: InMemoryOperator, *events: dict[str, Any], name: str = "receipt") -> None:
    operator.server.pod_events[operator.server.get("pods", f"{name}-1")["metadata"]["uid"]] = events


def said(operator: InMemoryOperator) -> tuple[str | None, str | None]:
    status = operator.status()
    return status.reason, status.message


def reads(operator: InMemoryOperator) -> int:
    return sum(request.startswith("events ") for request in operator.api.requests)


def test_a_task_says_what_keeps_its_pod_from_starting() -> None:
    operator = waiting(SECRET)
    operator.wait(5)
    assert (reads(operator), said(operator)) == (0, (None, None)), "most pods start within seconds"
    operator.wait(6)
    assert (operator.status().phase, *said(operator)) == (Phase.STARTING, Reason.VOLUME_NOT_READY, SECRET_WORDS)
    assert operator.queue_status().last_error is None or SECRET_WORDS in str(operator.queue_status().last_error)
    operator.wait(30)
    assert reads(operator) == 1
    tell(operator, SECRET, event("FailedMount", 'secret "another" not found', 40))
    operator.wait(60)
    assert said(operator)[1] == 'FailedMount: secret "another" not found'
    tell(operator, SECRET, PULLING)
    operator.wait(60)
    assert said(operator) == (None, None), "it is over"
    operator.wait(600)
    assert reads(operator) < 15
    attempt = operator.status().attempts[0]
    assert attempt.reason == Reason.START_TIMEOUT
    assert (attempt.message or "").endswith(
        'did not start within 600 s. Its last Event: Pulling: Pulling image "shop:1"'
    )


def test_a_pod_that_starts_too_late_fails_with_what_kept_it() -> None:
    operator = waiting(SECRET)
    for _ in range(61):
        operator.wait(10)
    attempt = operator.status().attempts[0]
    assert (attempt.reason, attempt.message) == (
        Reason.VOLUME_NOT_READY,
        f"The pod did not start within 600 s. {SECRET_WORDS}",
    )


def test_what_a_tenant_writes_in_events_is_bounded_and_plain() -> None:
    operator = waiting(event("FailedMount", "\x1b[2J\u202e" + "x" * 100_000))
    operator.wait(11)
    reason, message = said(operator)
    assert reason == Reason.VOLUME_NOT_READY
    assert message is not None
    assert len(message) <= MESSAGE_MAX_CHARS
    assert "\x1b" not in message
    assert "\u202e" not in message


@pytest.mark.thorough
def test_many_pods_that_do_not_start_cost_few_reads() -> None:
    operator = waiting(SECRET, names=tuple(f"t{number:03}" for number in range(90)))
    operator.wait(11)
    assert reads(operator) == 20
    for _ in range(12):
        operator.wait(5)
    assert 90 <= reads(operator) <= 150, "each of them is read"


@pytest.mark.parametrize(
    ("error", "tries"), [(ApiError(403, {"message": "events is forbidden"}), 1), (ApiError(500, {}), 9), (OSError(), 9)]
)
def test_events_that_cannot_be_read_change_nothing(error: Exception, tries: int) -> None:
    operator = waiting(SECRET)
    operator.wait(11)
    before = said(operator)

    def judge(request: str) -> None:
        if request.startswith("events "):
            raise error

    operator.api.before_request = judge
    operator.api.requests.clear()
    for _ in range(54):
        operator.wait(10)
    assert said(operator) == before
    assert 1 <= reads(operator) <= tries


class RefusingWriter:
    """It may not read the Events of `bank`."""

    store = Store()

    async def read_events(self, pod: Pod) -> list[object]:
        if pod.namespace == "bank":
            raise ApiError(403, {"message": "events is forbidden"})
        return []


def test_a_namespace_that_refuses_its_events_costs_no_other_its_own() -> None:
    """Its Role lacks the permission, perhaps through those who own the namespace."""
    read: list[str] = []

    def spawn(reading: Coroutine[Any, Any, None]) -> None:
        asyncio.run(reading)

    clock = Clock()
    reader = EventReader(cast(Any, RefusingWriter()), spawn, lambda: clock.now, clock.seconds)
    for namespace in ("bank", "shop", "bank", "shop"):
        key = Key(namespace, "receipt")
        if reader.read(key, replace(make_pod(), namespace=namespace)) is None:
            read.append(namespace)
    assert read == ["bank", "shop", "shop"]
    clock.advance(REFUSED.total_seconds())
    assert reader.read(Key("bank", "receipt"), replace(make_pod(), namespace="bank")) is None
