"""Answers of the API server to requests for a log."""

from urllib3.exceptions import ReadTimeoutError

from tests.unit.backend.resources import FakeResponse

AWAY = FakeResponse(500, b"dial tcp: i/o timeout")
SILENT = ReadTimeoutError(None, "url", "silent")  # type: ignore[arg-type]


def stamped(*texts: str, second: int = 0) -> bytes:
    return b"".join(f"2026-11-23T12:00:{second + n:02}.000000001Z {text}\n".encode() for n, text in enumerate(texts))


def ok(*parts: bytes | Exception) -> FakeResponse:
    return FakeResponse(200, list(parts))


def refusal(status: int, message: str) -> FakeResponse:
    return FakeResponse(status, f'{{"message": "{message}"}}'.encode())
