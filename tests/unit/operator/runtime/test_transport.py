"""Connections to the API server: proxies, and how long throttling is taken."""

from __future__ import annotations

import kopf
import pytest
from aiohttp import web

from djangotasks_operator.runtime import transport
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.resources import PODS
from tests.unit.operator.runtime.served import run_served


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_proxies_of_the_environment_are_not_for_the_api_server(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:1")

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"kind": "Pod"})

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url)) as api:
            assert await api.get(PODS, "shop", "a") == {"kind": "Pod"}

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    run_served(app, story)


def test_the_proxy_of_a_kubeconfig_is_taken() -> None:
    seen = []

    async def proxy(request: web.Request) -> web.Response:
        seen.append(request.raw_path)
        return web.json_response({"kind": "Pod"})

    async def story(url: str) -> None:
        connection = kopf.ConnectionInfo(server="http://api.example:6443", proxy_url=url)
        async with Api(lambda: connection) as api:
            await api.get(PODS, "shop", "a")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", proxy)
    run_served(app, story)
    assert seen == ["http://api.example:6443/api/v1/namespaces/shop/pods/a"]


@pytest.mark.parametrize(
    ("header", "seconds"), [(None, 1.0), ("3", 3.0), ("600", 10.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 1.0), ("-1", 1.0)]
)
def test_a_throttling_api_server_is_given_this_long(header: str | None, seconds: float) -> None:
    assert transport._retry_after(header) == seconds


def test_an_answer_that_is_no_json_is_an_error_of_the_connection() -> None:
    """Such as a proxy's page with status 200: it is asked again, and nothing ends."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="<html>")

    async def story(url: str) -> None:
        async with Api(lambda: kopf.ConnectionInfo(server=url)) as api:
            with pytest.raises(OSError, match="malformed"):
                await api.get(PODS, "shop", "a")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    run_served(app, story)
