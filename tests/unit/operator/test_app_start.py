"""What the operator needs to begin, and to go on, against an API server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from djangotasks_api.names import QUEUE_PLURAL, TASK_PLURAL
from djangotasks_operator.app import Operator
from djangotasks_operator.config import Config
from djangotasks_operator.runtime import first_answers, premises
from djangotasks_operator.runtime.premises import PremisesChanged
from tests.support.builders import NAMESPACE
from tests.unit.operator.harness import until
from tests.unit.operator.http_api import HttpApi
from tests.unit.operator.model.server import ApiServer, Clock
from tests.unit.operator.whole_operator import KEY, LOCAL, free_port, kubeconfig

pytestmark = pytest.mark.thorough


@pytest.fixture(autouse=True)
def _kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))


@contextlib.asynccontextmanager
async def starting_alone(directory: Path, api_port: int) -> AsyncIterator[asyncio.Task[None]]:
    """An operator whose API server is away."""
    kubeconfig(directory, f"http://{LOCAL}:{api_port}")
    service = (NAMESPACE, "operator")
    config = Config(service=service, host=LOCAL, port=free_port(), health_port=free_port(), keys=(KEY,))
    process = asyncio.create_task(Operator(config).run())
    try:
        yield process
    finally:
        process.cancel()
        await asyncio.gather(process, return_exceptions=True)


def service(address: str) -> dict[str, Any]:
    return {"metadata": {"name": "operator"}, "spec": {"clusterIP": address, "ports": [{"port": 80}]}}


WAITS = "the operator waits for the API server: Cannot connect to host"


def test_an_api_server_that_is_away_at_the_start_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The process ended, and was begun again up to five minutes after the API server was back."""
    monkeypatch.setattr(first_answers, "BACKOFFS", (0.01,))
    api, port = HttpApi(ApiServer(Clock())), free_port()

    async def run() -> None:
        async with starting_alone(tmp_path, port) as process:
            await until(lambda: process.done() or caplog.text.count(WAITS) > 2)
            assert not process.done(), process.exception()
            api.server.create("services", service("10.0.0.7"))
            async with api.served(port):
                await until(lambda: process.done() or set(api.watched) >= {TASK_PLURAL, QUEUE_PLURAL})
                assert not process.done(), process.exception()
                process.cancel()
                await asyncio.gather(process, return_exceptions=True)

    asyncio.run(run())


def test_another_address_of_the_service_begins_the_process_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has deleted the Service, and applied it again: pods would be given the old address for ever."""
    monkeypatch.setattr(premises, "CHECK_SECONDS", 0.01)
    api, port = HttpApi(ApiServer(Clock())), free_port()
    api.server.create("services", service("10.0.0.7"))

    async def run() -> None:
        async with api.served(port), starting_alone(tmp_path, port) as process:
            await until(lambda: process.done() or set(api.watched) >= {TASK_PLURAL, QUEUE_PLURAL})
            api.server.delete("services", "operator")
            api.server.create("services", service("10.0.0.8"))
            await until(process.done)
            with pytest.raises(PremisesChanged, match="The address of the operator's Service has changed"):
                await process

    asyncio.run(run())


def test_a_signal_ends_the_wait_for_the_api_server(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first process of a container ignores a SIGTERM that it has no handler for."""

    async def run() -> None:
        async with starting_alone(tmp_path, free_port()) as process:
            await until(lambda: process.done() or WAITS in caplog.text)
            os.kill(os.getpid(), signal.SIGTERM)
            await until(process.done)
            assert process.cancelled()

    asyncio.run(run())
