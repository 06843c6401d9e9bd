from __future__ import annotations

import asyncio

import pytest

from djangotasks_operator.runtime import first_answers
from djangotasks_operator.runtime.errors import ApiError

REFUSED = ApiError(403, {"reason": "Forbidden", "message": "cannot list"})


@pytest.mark.parametrize(
    "away",
    [
        ConnectionError("Cannot connect to host"),
        TimeoutError(),
        ApiError(503, {"message": "etcd is away"}),
        ApiError(429, {"message": "too many requests"}),
    ],
)
def test_what_passes_is_waited_for(
    away: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(first_answers, "BACKOFFS", (0.0,))
    answers: list[Exception | int] = [7, away, away, away]

    async def request() -> int:
        if isinstance(answer := answers.pop(), Exception):
            raise answer
        return answer

    assert asyncio.run(first_answers.until_answered(request)) == 7
    assert caplog.text.count(f"the operator waits for the API server: {str(away) or 'TimeoutError'}") == 3


def test_what_is_refused_is_raised_at_once() -> None:
    async def request() -> None:
        raise REFUSED

    with pytest.raises(ApiError, match="cannot list"):
        asyncio.run(first_answers.until_answered(request))
