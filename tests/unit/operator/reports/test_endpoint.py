"""The endpoint under fire: on loopback, with real HTTP, and with the worst that a client can send."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import http.client
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

import pytest
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from djangotasks_api.bounds import PROGRESS_REPORT_MAX_BYTES, REPORT_MAX_BYTES
from djangotasks_api.outcome import Outcome
from djangotasks_api.report_fields import InvalidReport
from djangotasks_api.reports import ProgressReport, Started
from djangotasks_api.stored import TextRef
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.pods.tokens import sign
from djangotasks_operator.reports import intake
from djangotasks_operator.reports.authentication import AttemptRef, Authentication
from djangotasks_operator.reports.endpoint import reports_app
from djangotasks_operator.reports.input_requests import InputRequests
from djangotasks_operator.reports.recorder import ReportRecorder
from djangotasks_operator.reports.task_requests import TaskRequests
from djangotasks_operator.runtime import http_server
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.http_server import serve

KEY = b"k" * 32
OUTCOME = Outcome(started_at=None, finished_at="2026-11-23T12:00:00+00:00", result="1").to_json().encode()
PROGRESS = ProgressReport(started_at="2026-11-23T12:00:00+00:00", done=1, total=2).to_json().encode()
NONE: dict[str, str | bytes] = {}
NO_TASKS = cast(TaskRequests, None)
NO_INPUTS = cast(InputRequests, None)
LOCAL = "127.0.0.1"


def authentication() -> Authentication:
    """Of an operator whose cache has no tasks."""
    return Authentication([KEY], lambda task: None)


class RecorderStub:
    """In place of a recorder: remembers whose reports came through."""

    def __init__(self) -> None:
        self.reports: list[tuple[AttemptRef, Started | ProgressReport | Outcome]] = []

    def started(self, attempt: AttemptRef, report: Started) -> None:
        self.reports.append((attempt, report))

    async def progress(self, attempt: AttemptRef, report: ProgressReport) -> None:
        self.reports.append((attempt, report))

    async def outcome(self, attempt: AttemptRef, outcome: Outcome) -> None:
        self.reports.append((attempt, outcome))


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


def bearer(uid: str = "u", attempt: int = 1) -> str:
    return f"Bearer {sign(KEY, 'shop', uid, attempt)}"


def served[Result](story: Callable[[int, RecorderStub], Awaitable[Result]]) -> Result:
    """Runs a story against the endpoint as the operator serves it; blocking calls go to threads."""

    async def run() -> Result:
        with socket.socket() as free:
            free.bind((LOCAL, 0))
            port = free.getsockname()[1]
        recorder = RecorderStub()
        app = reports_app(cast(ReportRecorder, recorder), NO_TASKS, NO_INPUTS, authentication())
        async with serve(app, LOCAL, port):
            return await story(port, recorder)

    return asyncio.run(run())


def answers(*calls: tuple[str, bytes], **headers: str | bytes) -> tuple[list[int], RecorderStub]:
    """The status of each call, which is a path and a body."""

    async def story(port: int, recorder: RecorderStub) -> tuple[list[int], RecorderStub]:
        return [await asyncio.to_thread(post, port, path, body, headers) for path, body in calls], recorder

    return served(story)


def test_a_report_with_the_right_token() -> None:
    (status,), recorder = answers((path_of(), OUTCOME), Authorization=bearer())
    assert status == 200
    assert [attempt for attempt, _ in recorder.reports] == [AttemptRef(Key("shop", "a"), "u", 1)]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("djangotasks/shop/a.result-1.0.json", 200),
        ("djangotasks/shop/b.result-1.0.json", 400),
        ("djangotasks/other/a.result-1.0.json", 400),
        ("media/passport.jpg", 400),
    ],
)
def test_a_file_must_be_the_tasks_own(name: str, status: int) -> None:
    ref = TextRef(storage="tasks", name=name, size=1, sha256="0" * 64)
    body = Outcome(started_at=None, finished_at="2026-11-23T12:00:00+00:00", result_ref=ref).to_json().encode()
    (answered,), recorder = answers((path_of(), body), Authorization=bearer())
    assert (answered, len(recorder.reports)) == (status, int(status == 200))


@pytest.mark.parametrize(
    "task", ["..", "..%2f..%2fsecrets", "%2e%2e", "a%2Fb", "a?x=1", "a%3Fwatch=1", "a%23", "A", "a_b", "%00", "a%0d%0ab", "%C3%BC", "-", "a" * 64]
)  # fmt: skip
def test_a_name_is_a_name_and_no_path(task: str) -> None:
    """It becomes part of the path of a request with the operator's own rights. The token is right in all of these."""
    (status,), recorder = answers((path_of(task=task), OUTCOME), Authorization=bearer())
    assert status == 404
    assert recorder.reports == []


@pytest.mark.parametrize(
    "header",
    [b"", b"Bearer", b"Bearer ", b"bearer x", b"Basic x", b"Bearer \xff\xfe", "Bearer ü".encode(), b"Bearer " + b"a" * 5000,
     bearer().encode()[:-1], bearer().encode() + b"0", bearer().upper().encode(), bearer(uid="v").encode(),
     bearer(attempt=2).encode()],
)  # fmt: skip
def test_a_wrong_token(header: bytes) -> None:
    (status,), recorder = answers((path_of(), OUTCOME), Authorization=header)
    assert (status, recorder.reports) == (403, [])


@pytest.mark.parametrize("kind", ["started", "progress", "outcome"])
def test_a_right_token_beside_an_invented_name(kind: str) -> None:
    """The token does not sign the name: otherwise each would be a request to the API server, and have its own limits."""
    bodies = {"started": Started(started_at="2026-11-23T12:00:00+00:00").to_json().encode(), "progress": PROGRESS}
    names = ["a", "invented-1", "invented-2", "a"]
    calls = [(path_of(task=name, kind=kind), bodies.get(kind, OUTCOME)) for name in names]
    statuses, recorder = answers(*calls, Authorization=bearer())
    assert ([status < 300 for status in statuses], statuses[1]) == ([True, False, False, True], 403)
    assert {attempt.task.name for attempt, _ in recorder.reports} == {"a"}


def test_bodies_that_are_too_large_or_compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    # The server still reads what it refused when it is to end.
    monkeypatch.setattr(http_server, "SHUTDOWN_SECONDS", 0.1)
    bomb = gzip.compress(b"0" * 4 * REPORT_MAX_BYTES)
    assert len(bomb) < REPORT_MAX_BYTES
    (status,), _ = answers((path_of(), bomb), Authorization=bearer(), **{"Content-Encoding": "gzip"})
    assert status == 400
    (status,), _ = answers((path_of(), b"0" * (REPORT_MAX_BYTES + 1)), Authorization=bearer())
    assert status == 413


def test_an_attempt_that_reports_too_often() -> None:
    calls = [(path_of(), OUTCOME)] * (intake.BURST + 20)
    statuses, _ = answers(*calls, Authorization=bearer())
    assert statuses[: intake.BURST] == [200] * intake.BURST
    assert 429 in statuses


def test_progress_has_a_measure_of_its_own() -> None:
    """However much of it there is, the start and the outcome are taken."""
    many = [(path_of(kind="progress"), PROGRESS)] * (intake.PROGRESS_BURST + intake.BURST)
    statuses, _ = answers(*many, (path_of(), OUTCOME), Authorization=bearer())
    assert statuses[: intake.PROGRESS_BURST] == [202] * intake.PROGRESS_BURST
    assert (statuses.count(429) > intake.BURST / 2, statuses[-1]) == (True, 200)


@pytest.mark.parametrize(
    ("body", "expected"),
    [(PROGRESS, 202), (b"{}", 400), (PROGRESS[:-1], 400), (PROGRESS + b" " * 10_000, 413), (b'{"startedAt":1}', 400)],
)
def test_a_report_of_progress(body: bytes, expected: int) -> None:
    (status,), recorder = answers((path_of(kind="progress"), body), Authorization=bearer())
    assert (status, len(recorder.reports)) == (expected, 1 if expected == 202 else 0)
    (status,), recorder = answers((path_of(kind="progress"), body), Authorization=bearer(attempt=2))
    assert (status, recorder.reports) == (403, [])


def test_hundreds_of_bad_requests_and_then_a_good_one() -> None:
    async def story(port: int, recorder: RecorderStub) -> None:
        wrong = [
            (path_of(), OUTCOME, {"Authorization": "Bearer x"}), ("/", b"", {}), (path_of(kind="x"), b"{", {}),
            (path_of(attempt="99999999"), b"", {}), (path_of(uid="v"), b"{", {"Authorization": bearer("v")}),
        ]  # fmt: skip

        async def bad(number: int) -> int:
            path, body, headers = wrong[number % len(wrong)]
            return await asyncio.to_thread(post, port, path, body, headers)

        statuses = {
            status
            for start in range(0, 300, 50)
            for status in await asyncio.gather(*map(bad, range(start, start + 50)))
        }
        # 429: one of them has a token, and comes too often.
        assert statuses == {400, 403, 404, 429}
        assert recorder.reports == []
        assert await asyncio.to_thread(post, port, path_of(), OUTCOME, {"Authorization": bearer()}) == 200

    served(story)


def test_connections_that_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow-loris: half a header, half a body, or nothing at all. They are closed, and others are served meanwhile."""
    monkeypatch.setattr(http_server, "CONNECTION_SECONDS", 0.5)
    monkeypatch.setattr(http_server, "CHECK_SECONDS", 0.1)
    head = f"POST {path_of(uid='v')} HTTP/1.1\r\nHost: x\r\n"
    half = [
        b"",
        b"POST /v1",
        head.encode(),
        f"{head}Authorization: {bearer(uid='v')}\r\nContent-Length: 900\r\n\r\n{{".encode(),
    ]

    async def story(port: int, recorder: RecorderStub) -> None:
        connections = [await asyncio.open_connection(LOCAL, port) for _ in range(100)]
        for number, (_, writer) in enumerate(connections):
            writer.write(half[number % len(half)])
        assert await asyncio.to_thread(post, port, path_of(), OUTCOME, {"Authorization": bearer()}) == 200
        for reader, writer in connections:
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 60)
            await closed(writer)
        assert len(recorder.reports) == 1

    served(story)


def test_more_connections_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "CONNECTIONS_MAX", 10)
    monkeypatch.setattr(http_server, "CHECK_SECONDS", 0.1)

    async def story(port: int, recorder: RecorderStub) -> None:
        connections = [await asyncio.open_connection(LOCAL, port) for _ in range(30)]
        # The oldest are closed, long before their time.
        for reader, _ in connections[:20]:
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), http_server.CONNECTION_SECONDS / 2)
        assert await asyncio.to_thread(post, port, path_of(), OUTCOME, {"Authorization": bearer()}) == 200
        for _, writer in connections:
            await closed(writer)

    served(story)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)  # fmt: skip
FIELDS = [
    "startedAt",
    "finishedAt",
    "result",
    "reason",
    "error",
    "retryable",
    "truncated",
    "type",
    "traceback",
    "retryAfterSeconds",
    "progress",
    "done",
    "total",
    "message",
    "__proto__",
]
TIMES = st.sampled_from(["2026-11-23T12:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "now", ""])
REPORTS = st.dictionaries(st.sampled_from(FIELDS), JSON | TIMES).map(lambda value: json.dumps(value).encode())


@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()) | REPORTS)
def test_any_bytes_are_a_report_or_an_invalid_one(body: bytes) -> None:
    for kind in (Started, ProgressReport, Outcome):
        try:
            report = kind.from_json(body)
        except InvalidReport:
            continue
        assert kind.from_json(report.to_json()) == report


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=30))
def test_any_bytes_on_the_wire_leave_the_endpoint_at_work(chunks: list[bytes]) -> None:
    async def story(port: int, recorder: RecorderStub) -> None:
        for chunk in chunks:
            _, writer = await asyncio.open_connection(LOCAL, port)
            start = f"POST {path_of()} HTTP/1.1\r\nAuthorization: {bearer()}\r\n".encode()
            writer.write(chunk if len(chunk) % 2 else start + chunk)
            with contextlib.suppress(ConnectionError):
                writer.write_eof()
            await closed(writer)
        assert await asyncio.to_thread(post, port, path_of(), OUTCOME, {"Authorization": bearer()}) == 200

    served(story)


def chunked(body: bytes, size: int = 1000) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@pytest.mark.parametrize(("kind", "limit"), [("progress", PROGRESS_REPORT_MAX_BYTES), ("outcome", REPORT_MAX_BYTES)])
def test_a_body_is_limited_whatever_its_headers_say(kind: str, limit: int) -> None:
    async def story(port: int, recorder: RecorderStub) -> bytes:
        reader, writer = await asyncio.open_connection(LOCAL, port)
        head = f"POST {path_of(kind=kind)} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer()}\r\n"
        writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            for _ in range(limit // 1000 + 2):
                writer.write(chunked(b"x" * 1000)[:-5])
                await writer.drain()
        line = await asyncio.wait_for(reader.readline(), 30)
        await closed(writer)
        assert recorder.reports == []
        return line

    assert b" 413 " in served(story)


def test_an_attempt_has_one_outcome_in_flight() -> None:
    """The runner has no more. Another attempt's is taken meanwhile."""

    async def story(port: int, recorder: RecorderStub) -> None:
        _, writer = await asyncio.open_connection(LOCAL, port)
        head = f"POST {path_of()} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer()}\r\nContent-Length: 900\r\n\r\n{{"
        writer.write(head.encode())
        await writer.drain()
        while (status := await asyncio.to_thread(post, port, path_of(), OUTCOME, {"Authorization": bearer()})) != 429:
            assert status == 200, "the first one has not arrived yet"
        other = await asyncio.to_thread(post, port, path_of(uid="v"), OUTCOME, {"Authorization": bearer(uid="v")})
        assert other == 200
        await closed(writer)

    served(story)


def test_a_body_that_does_not_come_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BODY_SECONDS", 0.2)

    async def story(port: int, recorder: RecorderStub) -> bytes:
        reader, writer = await asyncio.open_connection(LOCAL, port)
        head = f"POST {path_of()} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer()}\r\nContent-Length: 900\r\n\r\n{{"
        writer.write(head.encode())
        line = await asyncio.wait_for(reader.readline(), 30)
        await closed(writer)
        assert await asyncio.to_thread(post, port, path_of(), OUTCOME, {"Authorization": bearer()}) == 200
        return line

    assert b" 408 " in served(story)


def test_nobody_is_asked_for_a_body_without_a_token() -> None:
    async def story(port: int, recorder: RecorderStub) -> list[bytes]:
        lines = []
        for token in ("", bearer()):
            reader, writer = await asyncio.open_connection(LOCAL, port)
            head = f"POST {path_of()} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nExpect: 100-continue\r\n"
            writer.write(f"{head}Content-Length: {len(OUTCOME)}\r\n\r\n".encode())
            lines.append(await asyncio.wait_for(reader.readline(), 30))
            await closed(writer)
        return lines

    refused, asked = served(story)
    assert b" 403 " in refused
    assert b" 100 " in asked


def test_clients_that_talk_no_http_write_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async def story(port: int, recorder: RecorderStub) -> None:
        for start in (b"\x16\x03\x01", b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"):
            reader, writer = await asyncio.open_connection(LOCAL, port)
            writer.write(start + b"\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 30)
            await closed(writer)
        assert await asyncio.to_thread(post, port, path_of(), OUTCOME, {"Authorization": bearer()}) == 200

    served(story)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ApiError(422, {}), 422),
        (ApiError(413, {}), 422),
        (ApiError(500, {}), 503),
        (ApiError(403, {}), 503),
        (OSError(), 503),
    ],
)
def test_what_can_never_be_stored_is_not_asked_for_again(error: Exception, status: int) -> None:
    class Refusing(RecorderStub):
        async def outcome(self, attempt: AttemptRef, outcome: Outcome) -> None:
            raise error

    async def story() -> int:
        app = reports_app(cast(ReportRecorder, Refusing()), NO_TASKS, NO_INPUTS, authentication())
        async with TestServer(app) as server:
            return await asyncio.to_thread(post, server.port or 0, path_of(), OUTCOME, {"Authorization": bearer()})

    assert asyncio.run(story()) == status
