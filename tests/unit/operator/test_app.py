"""A whole process of the operator, with kopf, against an API server on loopback."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from kopf._cogs.aiokits import aiotasks

from djangotasks_api.names import HOLD_PLURAL, QUEUE_PLURAL, SCHEDULE_PLURAL, TASK_PLURAL, WORKFLOW_PLURAL
from djangotasks_api.outcome import Outcome
from djangotasks_operator.app import Operator
from djangotasks_operator.config import Config
from djangotasks_operator.pods.tokens import sign
from djangotasks_operator.runtime import kopf_shell
from djangotasks_operator.runtime.http_server import CannotServe
from djangotasks_operator.runtime.kopf_shell import WatchBackoffs
from tests.support.builders import NAMESPACE, at, make_queue, make_task
from tests.unit.operator.harness import DEADLINE, until
from tests.unit.operator.http_api import HttpApi
from tests.unit.operator.model.server import ApiServer, Clock
from tests.unit.operator.whole_operator import KEY, LOCAL, Running, free_port, kubeconfig, running

pytestmark = pytest.mark.thorough
OUTCOME = Outcome(started_at=at(1).isoformat(), finished_at=at(2).isoformat(), result="42")


@pytest.fixture(autouse=True)
def _waits_for_ever_for_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its end, kopf waits 5 s for tasks that are left: there should be none, on a machine of any speed."""
    wait: Any = aiotasks.wait

    async def patient(tasks: Any, **options: Any) -> Any:
        return await wait(tasks, **options | ({"timeout": None} if options.get("timeout") == 5 else {}))

    monkeypatch.setattr(aiotasks, "wait", patient)


@pytest.fixture(autouse=True)
def _kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))


def play(directory: Path, story: Callable[[Running], Awaitable[None]]) -> HttpApi:
    api = HttpApi(ApiServer(Clock()))

    async def run() -> None:
        async with running(directory, api) as operator:
            await until(
                lambda: operator.process.done() or set(api.watched) >= {TASK_PLURAL, QUEUE_PLURAL, "jobs", "pods"}
            )
            assert not operator.process.done(), operator.process.exception()
            await story(operator)

    asyncio.run(run())
    return api


def test_a_task_of_a_queue_that_kopf_delivers_runs_to_its_end(tmp_path: Path) -> None:
    async def story(operator: Running) -> None:
        server = operator.server
        operator.create(QUEUE_PLURAL, make_queue())
        operator.create(TASK_PLURAL, make_task())
        await until(lambda: ("pods", "receipt-1") in server.objects)
        uid = server.get(TASK_PLURAL, "receipt")["metadata"]["uid"]
        url = f"http://{LOCAL}:{operator.port}/v1/attempts/{NAMESPACE}/receipt/{uid}/1/outcome"
        headers = {"Authorization": f"Bearer {sign(KEY, NAMESPACE, uid, 1)}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=OUTCOME.to_json(), headers=headers) as response,
        ):
            assert response.status == 200
        assert server.get(TASK_PLURAL, "receipt")["status"]["result"] == "42"
        assert (await operator.answer("/readyz"), await operator.answer("/healthz")) == (200, 200)

    api = play(tmp_path, story)
    assert sorted(api.watched) == sorted(
        [TASK_PLURAL, QUEUE_PLURAL, SCHEDULE_PLURAL, HOLD_PLURAL, WORKFLOW_PLURAL, "jobs", "pods", "pods"]
    ), "one watch for each kind, and one for standby pods"


def test_a_namespace_that_cannot_be_read_stops_nothing_in_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was deleted, or the operator's Role in it. kopf watches there for ever, and our own client leaves it out."""
    monkeypatch.setattr(WatchBackoffs, "__iter__", lambda _: itertools.repeat(0.01))
    api = HttpApi(ApiServer(Clock()))
    api.refused["bank"] = 0

    async def run() -> None:
        async with running(tmp_path, api, (NAMESPACE, "bank")) as operator:
            await until(lambda: operator.process.done() or api.refused["bank"] > 50)
            assert not operator.process.done(), operator.process.exception()
            operator.create(QUEUE_PLURAL, make_queue())
            operator.create(TASK_PLURAL, make_task())
            await until(lambda: ("pods", "receipt-1") in operator.server.objects)
            assert (await operator.answer("/readyz"), await operator.answer("/healthz")) == (200, 200)

    asyncio.run(run())


def test_crds_that_are_deleted_and_applied_again_end_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """kopf ended it at the first 404. A process that began meanwhile would have found no CRDs, and ended as well."""
    monkeypatch.setattr(kopf_shell, "WATCH_AGAIN_SECONDS", 0.01)

    async def story(operator: Running) -> None:
        api = operator.api
        api.unserved.update(dict.fromkeys([QUEUE_PLURAL, TASK_PLURAL], 0))
        await until(lambda: operator.process.done() or api.unserved[QUEUE_PLURAL] > 3)
        api.unserved.clear()
        operator.create(QUEUE_PLURAL, make_queue())
        operator.create(TASK_PLURAL, make_task())
        await until(lambda: operator.process.done() or ("pods", "receipt-1") in operator.server.objects)
        assert not operator.process.done(), operator.process.exception()

    play(tmp_path, story)
    assert "watching djangotaskqueues: 404" in caplog.text


def test_a_watch_of_queues_that_ends_with_an_error_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kopf_shell, "WATCH_AGAIN_SECONDS", 0.01)

    async def story(operator: Running) -> None:
        watches = operator.api.watched.count(QUEUE_PLURAL)
        operator.api.watch_errors[QUEUE_PLURAL] = [{"kind": "Status", "code": 500, "message": "unable to decode"}]
        await until(lambda: operator.process.done() or operator.api.watched.count(QUEUE_PLURAL) > watches)
        operator.create(QUEUE_PLURAL, make_queue())
        operator.create(TASK_PLURAL, make_task())
        await until(lambda: operator.process.done() or ("pods", "receipt-1") in operator.server.objects)
        assert not operator.process.done(), operator.process.exception()

    play(tmp_path, story)


def test_a_signal_drains_the_process_and_releases_the_lease(tmp_path: Path) -> None:
    async def story(operator: Running) -> None:
        await until(lambda: bool(operator.lease()))
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(DEADLINE):
            await operator.process
        assert operator.lease() == ""
        assert await operator.answer("/readyz") == 0

    play(tmp_path, story)


def test_a_defect_in_a_part_ends_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = asyncio.Event()

    async def events(_: object) -> None:
        await broken.wait()
        raise ZeroDivisionError

    monkeypatch.setattr("djangotasks_operator.app.EventRecorder.run", events)

    async def story(operator: Running) -> None:
        await until(lambda: bool(operator.lease()))
        broken.set()
        with pytest.raises(ZeroDivisionError):
            async with asyncio.timeout(DEADLINE):
                await operator.process
        assert operator.lease() == "", "another replica need not wait for the end of the lease"

    play(tmp_path, story)


def test_a_port_that_is_taken_ends_the_start(tmp_path: Path) -> None:
    async def run() -> None:
        with socket.socket() as taken:
            taken.bind((LOCAL, 0))
            taken.listen()
            api = HttpApi(ApiServer(Clock()))
            async with api.served() as url:
                kubeconfig(tmp_path, url)
                port = taken.getsockname()[1]
                config = Config(report_url="http://x", host=LOCAL, port=port, health_port=free_port(), keys=(KEY,))
                with pytest.raises(CannotServe):
                    await Operator(config).run()

    asyncio.run(run())
