"""Calls of the endpoint for reports, and a recorder that remembers what came through."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from collections.abc import Awaitable, Callable, Mapping

from djangotasks_api.items import ItemsReport
from djangotasks_api.outcome import Outcome
from djangotasks_api.reports import ProgressReport, Started
from djangotasks_operator.reports.authentication import AttemptRef
from tests.unit.operator.reports.serving import LOCAL, serving

OUTCOME = Outcome(started_at=None, finished_at="2026-11-23T12:00:00+00:00", result="1").to_json().encode()
PROGRESS = ProgressReport(started_at="2026-11-23T12:00:00+00:00", done=1, total=2).to_json().encode()
NONE: dict[str, str | bytes] = {}


class RecorderStub:
    """In place of a recorder: remembers whose reports came through."""

    def __init__(self) -> None:
        self.reports: list[tuple[AttemptRef, Started | ProgressReport | Outcome | ItemsReport]] = []

    def started(self, attempt: AttemptRef, report: Started) -> None:
        self.reports.append((attempt, report))

    async def progress(self, attempt: AttemptRef, report: ProgressReport) -> None:
        self.reports.append((attempt, report))

    async def outcome(self, attempt: AttemptRef, outcome: Outcome) -> None:
        self.reports.append((attempt, outcome))

    async def items(self, attempt: AttemptRef, items: ItemsReport) -> None:
        self.reports.append((attempt, items))


def path_of(task: str = "a", uid: str = "u", attempt: str = "1", kind: str = "outcome") -> str:
    return f"/v1/attempts/shop/{task}/{uid}/{attempt}/{kind}"


def post(port: int, path: str, body: bytes = OUTCOME, headers: Mapping[str, str | bytes] = NONE) -> int:
    connection = http.client.HTTPConnection(LOCAL, port, timeout=30)
    connection.putrequest("POST", path, skip_accept_encoding=True)
    for name, value in ({"Content-Length": str(len(body))} | dict(headers)).items():
        connection.putheader(name, value)
    connection.endheaders()
    try:
        connection.send(body)
        with connection.getresponse() as response:
            return response.status
    finally:
        connection.close()


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


def served[Result](story: Callable[[int, RecorderStub], Awaitable[Result]]) -> Result:
    """Runs a story against the endpoint as the operator serves it; blocking calls go to threads."""

    async def run() -> Result:
        recorder = RecorderStub()
        async with serving(recorder=recorder) as port:
            return await story(port, recorder)

    return asyncio.run(run())


def answers(*calls: tuple[str, bytes], **headers: str | bytes) -> tuple[list[int], RecorderStub]:
    """The status of each call, which is a path and a body."""

    async def story(port: int, recorder: RecorderStub) -> tuple[list[int], RecorderStub]:
        return [await asyncio.to_thread(post, port, path, body, headers) for path, body in calls], recorder

    return served(story)
