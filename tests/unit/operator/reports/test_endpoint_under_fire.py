"""The worst that a client can send, on connections of its own: the endpoint is at work afterwards."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from djangotasks_api.bounds import PROGRESS_REPORT_MAX_BYTES, REPORT_MAX_BYTES
from djangotasks_operator.reports import intake
from djangotasks_operator.runtime import http_server
from tests.unit.operator.reports.report_calls import OUTCOME, RecorderStub, closed, path_of, post, served
from tests.unit.operator.reports.serving import LOCAL, bearer

pytestmark = pytest.mark.thorough


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
    """At once: thousands may come before anybody looks, and the process may open no more files than some."""
    monkeypatch.setattr(http_server, "CONNECTIONS_MAX", 10)
    monkeypatch.setattr(http_server, "CHECK_SECONDS", 600)

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


@pytest.mark.parametrize(
    ("kind", "limit"),
    [("progress", PROGRESS_REPORT_MAX_BYTES), ("items", REPORT_MAX_BYTES), ("outcome", REPORT_MAX_BYTES)],
)
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
