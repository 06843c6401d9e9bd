"""When a replica may take the lease."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.leader_election import (
    LEASE_SECONDS,
    RENEW_DEADLINE,
    REQUEST_SECONDS,
    RETRY_SECONDS,
    LeaseElection,
    NotLeading,
    ObservedLease,
)


@pytest.mark.parametrize(
    ("holder", "age", "expected"),
    [
        ("", 0, True),
        ("me", 0, True),
        ("other", 0, False),
        ("other", LEASE_SECONDS, False),
        ("other", LEASE_SECONDS + 0.1, True),
    ],
)
def test_may_be_acquired(holder: str, age: float, expected: bool) -> None:
    assert ObservedLease("1", holder, since=100.0).may_be_acquired("me", 100.0 + age) is expected


def test_a_leader_stops_before_another_can_begin() -> None:
    assert RENEW_DEADLINE + REQUEST_SECONDS < LEASE_SECONDS
    assert RETRY_SECONDS + REQUEST_SECONDS < RENEW_DEADLINE


class Leases:
    """The API server, with one Lease."""

    def __init__(self) -> None:
        self.body: dict[str, Any] | None = None
        self.version = 0

    async def get(self, *_: object) -> dict[str, Any]:
        if self.body is None:
            raise ApiError(404, {"reason": "NotFound"})
        return self.body

    async def create(self, _resource: object, _namespace: str, body: dict[str, Any]) -> dict[str, Any]:
        if self.body is not None:
            raise ApiError(409, {"reason": "AlreadyExists"})
        return self._stored(body)

    async def replace(self, _resource: object, _namespace: str, _name: str, body: dict[str, Any]) -> dict[str, Any]:
        if (await self.get())["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            raise ApiError(409, {"reason": "Conflict"})
        return self._stored(body)

    def _stored(self, body: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        self.body = body | {"metadata": body["metadata"] | {"resourceVersion": str(self.version)}}
        return self.body


class Candidate(LeaseElection):
    """A replica whose clock stands still."""

    def __init__(self, leases: Leases, identity: str) -> None:
        self.round = asyncio.Event()
        super().__init__(leases, ("tasks", "operator"), identity, lambda: 100.0, self.round.set)  # type: ignore[arg-type]

    async def one_round(self) -> bool:
        """Take part once. Returns whether it leads then, and may write."""
        self.round.clear()
        running = asyncio.create_task(self.run())
        async with asyncio.timeout(30):
            await self.round.wait()
        running.cancel()
        try:
            self.ensure_leading()
        except NotLeading:
            assert not self.leads
        return self.leads


def test_a_leader_whose_lease_another_has_taken_stops_at_once() -> None:
    """Somebody has deleted the Lease, to make another one lead. Until its own deadline, two would."""

    async def story() -> None:
        leases = Leases()
        first, second = Candidate(leases, "first"), Candidate(leases, "second")
        assert [await first.one_round(), await second.one_round()] == [True, False]
        leases.body = None
        assert [await second.one_round(), await first.one_round()] == [True, False]
        assert [await second.one_round(), await first.one_round()] == [True, False]

    asyncio.run(story())


def test_a_leader_whose_lease_somebody_edits_or_deletes_goes_on() -> None:
    async def story() -> None:
        leases = Leases()
        leader = Candidate(leases, "first")
        assert await leader.one_round()
        await leases.replace(None, "", "", dict(await leases.get()))
        assert await leader.one_round()
        leases.body = None
        assert await leader.one_round()

    asyncio.run(story())
