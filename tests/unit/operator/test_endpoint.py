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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from djangotasks_api.outcome import REPORT_MAX_BYTES, InvalidReport, Outcome, ProgressReport, Started
from djangotasks_api.stored import TextRef
from djangotasks_operator import endpoint, server
from djangotasks_operator.endpoint import reports_app
from djangotasks_operator.reports import Reports
from djangotasks_operator.server import serve
from djangotasks_operator.store import Key
from djangotasks_operator.tokens import sign

KEY = b"k" * 32
OUTCOME = Outcome(started_at=None, finished_at="2026-11-23T12:00:00+00:00", result="1").to_json().encode()
PROGRESS = ProgressReport(started_at="2026-11-23T12:00:00+00:00", done=1, total=2).to_json().encode()
NONE: dict[str, str | bytes] = {}
LOCAL = "127.0.0.1"


class Told:
    """In place of Reports: remembers whose reports came through."""

    def __init__(self) -> None:
        self.reports: list[tuple[Key, str, int, Started | ProgressReport | Outcome]] = []

    def started(self, key: Key, uid: str, attempt: int, report: Started) -> None:
        self.reports.append((key, uid, attempt, report))

    async def progress(self, key: Key, uid: str, attempt: int, report: ProgressReport) -> None:
        self.reports.append((key, uid, attempt, report))

    async def outcome(self, key: Key, uid: str, attempt: int, outcome: Outcome) -> None:
        self.reports.append((key, uid, attempt, outcome))


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


def served[Result](story: Callable[[int, Told], Awaitable[Result]]) -> Result:
    """Runs a story against the endpoint as the operator serves it; blocking calls go to threads."""

    async def run() -> Result:
        with socket.socket() as free:
            free.bind((LOCAL, 0))
            port = free.getsockname()[1]
        told = Told()
        async with serve(reports_app(cast(Reports, told), [KEY]), LOCAL, port):
            return await story(port, told)

    return asyncio.run(run())


def answers(*calls: tuple[str, bytes], **headers: str | bytes) -> tuple[list[int], Told]:
    """The status of each call, which is a path and a body."""

    async def story(port: int, told: Told) -> tuple[list[int], Told]:
        return [await asyncio.to_thread(post, port, path, body, headers) for path, body in calls], told

    return served(story)


def test_a_report_with_the_right_token() -> None:
    (status,), told = answers((path_of(), OUTCOME), Authorization=bearer())
    assert status == 200
    assert [report[:3] for report in told.reports] == [(Key("shop", "a"), "u", 1)]


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
    (answered,), told = answers((path_of(), body), Authorization=bearer())
    assert (answered, len(told.reports)) == (status, int(status == 200))


@pytest.mark.parametrize(
    "task", ["..", "..%2f..%2fsecrets", "%2e%2e", "a%2Fb", "a?x=1", "a%3Fwatch=1", "a%23", "A", "a_b", "%00", "a%0d%0ab", "%C3%BC", "-", "a" * 64]
)  # fmt: skip
def test_a_name_is_a_name_and_no_path(task: str) -> None:
    """It becomes part of the path of a request with the operator's own rights. The token is right in all of these."""
    (status,), told = answers((path_of(task=task), OUTCOME), Authorization=bearer())
    assert status == 404
    assert told.reports == []


@pytest.mark.parametrize(
    "header",
    [b"", b"Bearer", b"Bearer ", b"bearer x", b"Basic x", b"Bearer \xff\xfe", "Bearer ü".encode(), b"Bearer " + b"a" * 5000,
     bearer().encode()[:-1], bearer().encode() + b"0", bearer().upper().encode(), bearer(uid="v").encode(),
     bearer(attempt=2).encode()],
)  # fmt: skip
def test_a_wrong_token(header: bytes) -> None:
    (status,), told = answers((path_of(), OUTCOME), Authorization=header)
    assert (status, told.reports) == (403, [])


def test_bodies_that_are_too_large_or_compressed() -> None:
    bomb = gzip.compress(b"0" * 50 * REPORT_MAX_BYTES)
    assert len(bomb) < REPORT_MAX_BYTES
    (status,), _ = answers((path_of(), bomb), Authorization=bearer(), **{"Content-Encoding": "gzip"})
    assert status == 400
    (status,), _ = answers((path_of(), b"0" * (REPORT_MAX_BYTES + 1)), Authorization=bearer())
    assert status == 413


def test_an_attempt_that_reports_too_often() -> None:
    calls = [(path_of(), OUTCOME)] * (endpoint.BURST + 20)
    statuses, _ = answers(*calls, Authorization=bearer())
    assert statuses[: endpoint.BURST] == [200] * endpoint.BURST
    assert 429 in statuses


def test_progress_has_a_measure_of_its_own() -> None:
    """However much of it there is, the start and the outcome are taken."""
    many = [(path_of(kind="progress"), PROGRESS)] * (endpoint.PROGRESS_BURST + endpoint.BURST)
    statuses, _ = answers(*many, (path_of(), OUTCOME), Authorization=bearer())
    assert statuses[: endpoint.PROGRESS_BURST] == [202] * endpoint.PROGRESS_BURST
    assert (statuses.count(429) > endpoint.BURST / 2, statuses[-1]) == (True, 200)


@pytest.mark.parametrize(
    ("body", "expected"),
    [(PROGRESS, 202), (b"{}", 400), (PROGRESS[:-1], 400), (PROGRESS + b" " * 10_000, 413), (b'{"startedAt":1}', 400)],
)
def test_a_report_of_progress(body: bytes, expected: int) -> None:
    (status,), told = answers((path_of(kind="progress"), body), Authorization=bearer())
    assert (status, len(told.reports)) == (expected, 1 if expected == 202 else 0)
    (status,), told = answers((path_of(kind="progress"), body), Authorization=bearer(attempt=2))
    assert (status, told.reports) == (403, [])


def test_a_thousand_bad_requests_and_then_a_good_one() -> None:
    async def story(port: int, told: Told) -> None:
        wrong = [
            (path_of(), OUTCOME, {"Authorization": "Bearer x"}), ("/", b"", {}), (path_of(kind="x"), b"{", {}),
            (path_of(attempt="99999999"), b"", {}), (path_of(uid="v"), b"{", {"Authorization": bearer("v")}),
        ]  # fmt: skip

        async def bad(number: int) -> int:
            path, body, headers = wrong[number % len(wrong)]
            return await asyncio.to_thread(post, port, path, body, headers)

        statuses = {
            status
            for start in range(0, 1000, 50)
            for status in await asyncio.gather(*map(bad, range(start, start + 50)))
        }
        # 429: one of them has a token, and comes too often.
        assert statuses == {400, 403, 404, 429}
        assert told.reports == []
        assert await asyncio.to_thread(post, port, path_of(), OUTCOME, {"Authorization": bearer()}) == 200

    served(story)


def test_connections_that_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow-loris: half a header, half a body, or nothing at all. They are closed, and others are served meanwhile."""
    monkeypatch.setattr(server, "CONNECTION_SECONDS", 0.5)
    monkeypatch.setattr(server, "LOOK_SECONDS", 0.1)
    head = f"POST {path_of()} HTTP/1.1\r\nHost: x\r\n"
    half = [
        b"",
        b"POST /v1",
        head.encode(),
        f"{head}Authorization: {bearer()}\r\nContent-Length: 900\r\n\r\n{{".encode(),
    ]

    async def story(port: int, told: Told) -> None:
        streams = [await asyncio.open_connection(LOCAL, port) for _ in range(100)]
        for number, (_, writer) in enumerate(streams):
            writer.write(half[number % len(half)])
        assert await asyncio.to_thread(post, port, path_of(), OUTCOME, {"Authorization": bearer()}) == 200
        for reader, writer in streams:
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 60)
            await closed(writer)
        assert len(told.reports) == 1

    served(story)


def test_more_connections_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS_MAX", 10)
    monkeypatch.setattr(server, "LOOK_SECONDS", 0.1)

    async def story(port: int, told: Told) -> None:
        streams = [await asyncio.open_connection(LOCAL, port) for _ in range(30)]
        # The oldest are closed, long before their time.
        for reader, _ in streams[:20]:
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), server.CONNECTION_SECONDS / 2)
        assert await asyncio.to_thread(post, port, path_of(), OUTCOME, {"Authorization": bearer()}) == 200
        for _, writer in streams:
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
    async def story(port: int, told: Told) -> None:
        for chunk in chunks:
            _, writer = await asyncio.open_connection(LOCAL, port)
            start = f"POST {path_of()} HTTP/1.1\r\nAuthorization: {bearer()}\r\n".encode()
            writer.write(chunk if len(chunk) % 2 else start + chunk)
            with contextlib.suppress(ConnectionError):
                writer.write_eof()
            await closed(writer)
        assert await asyncio.to_thread(post, port, path_of(), OUTCOME, {"Authorization": bearer()}) == 200

    served(story)
