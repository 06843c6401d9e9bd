"""Requests for the lease wait for no others, and are not waited for."""

from __future__ import annotations

import asyncio

import kopf
import pytest
from aiohttp import web

from djangotasks_operator.runtime import client, leader_election
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.leader_election import LeaseElection
from djangotasks_operator.runtime.resources import PODS
from tests.unit.operator.runtime.served import run_served


@pytest.mark.thorough
@pytest.mark.parametrize("trouble", ["throttled", "slow"])
def test_the_lease_is_renewed_whatever_becomes_of_other_writes(monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    monkeypatch.setattr(leader_election, "RETRY_SECONDS", 0.2)
    renewed, twice = 0, asyncio.Event()
    written, all_written = 0, asyncio.Event()

    async def lease(request: web.Request) -> web.Response:
        nonlocal renewed
        renewed += 1
        if renewed == 2:
            twice.set()
        return web.json_response(
            {"metadata": {"resourceVersion": str(renewed)}, "spec": (await request.json())["spec"]}
        )

    async def pods(_: web.Request) -> web.Response:
        nonlocal written
        written += 1
        if written == client.WRITES_IN_FLIGHT:
            all_written.set()
        if trouble == "slow":
            await asyncio.sleep(60)
        return web.json_response({"reason": "TooManyRequests"}, status=429, headers={"Retry-After": "5"})

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url)) as api:
            namespaces = ("shop", "other") * client.WRITES_IN_FLIGHT
            writers = [asyncio.create_task(api.create(PODS, namespace, {})) for namespace in namespaces]
            async with asyncio.timeout(60):
                await all_written.wait()
            election = asyncio.create_task(LeaseElection(api.ahead_of_others(), ("shop", "lease"), "me").run())
            async with asyncio.timeout(60):
                await twice.wait()
            for task in (*writers, election):
                task.cancel()
            await asyncio.gather(*writers, election, return_exceptions=True)

    app = web.Application()
    app.router.add_get("/apis/coordination.k8s.io/{path:.*}", _not_found)
    app.router.add_route("*", "/apis/coordination.k8s.io/{path:.*}", lease)
    app.router.add_route("*", "/{path:.*}", pods)
    run_served(app, story)


async def _not_found(_: web.Request) -> web.Response:
    return web.json_response({"reason": "NotFound"}, status=404)


def test_a_lease_that_is_throttled_is_not_waited_for() -> None:
    """The election's own next round is sooner."""
    asked = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.json_response({}, status=429, headers={"Retry-After": "60"})

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url)) as api, asyncio.timeout(50):
            with pytest.raises(ApiError):
                await api.ahead_of_others().create(PODS, "shop", {})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    run_served(app, story)
    assert asked == 1
