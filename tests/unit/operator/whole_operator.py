"""A whole process of the operator, with kopf, against an API server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from djangotasks_api.models import DjangoTask, DjangoTaskQueue
from djangotasks_operator.app import Operator
from djangotasks_operator.config import Config
from tests.support.builders import NAMESPACE
from tests.unit.operator.http_api import HttpApi

KEY = b"k" * 32
LOCAL = "127.0.0.1"


class Running:
    """An operator that runs, and its API server."""

    def __init__(self, api: HttpApi, port: int, health_port: int, process: asyncio.Task[None]) -> None:
        self.api, self.server = api, api.server
        self.port, self.health_port = port, health_port
        self.process = process

    def create(self, plural: str, model: DjangoTask | DjangoTaskQueue) -> None:
        body = model.model_dump(mode="json", by_alias=True, exclude_none=True)
        self.server.create(plural, body | {"metadata": {"name": model.metadata.name}})

    def lease(self) -> str | None:
        body = self.server.objects.get(("leases", "operator"))
        return None if body is None else body["spec"]["holderIdentity"]

    async def answer(self, path: str) -> int:
        async with aiohttp.ClientSession() as session:
            try:
                async with session.get(f"http://{LOCAL}:{self.health_port}{path}") as response:
                    return response.status
            except aiohttp.ClientError:
                return 0


def free_port() -> int:
    with socket.socket() as found:
        found.bind((LOCAL, 0))
        port: int = found.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def running(directory: Path, api: HttpApi, namespaces: tuple[str, ...] = ()) -> AsyncIterator[Running]:
    port, health_port = free_port(), free_port()
    async with api.served() as url:
        kubeconfig(directory, url)
        config = Config(
            namespaces=namespaces,
            report_url=f"http://{LOCAL}:{port}",
            lease=(NAMESPACE, "operator"),
            host=LOCAL,
            port=port,
            health_port=health_port,
            keys=(KEY,),
        )
        process = asyncio.create_task(Operator(config).run())
        operator = Running(api, port, health_port, process)
        try:
            yield operator
        finally:
            process.cancel()
            await asyncio.gather(process, return_exceptions=True)


def kubeconfig(directory: Path, url: str) -> None:
    named = {
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": {"token": "t"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    (directory / "config").write_text(json.dumps({"current-context": "test", **named}))
