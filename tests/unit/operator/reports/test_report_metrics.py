"""Reports of pods are counted by what became of them."""

from __future__ import annotations

import asyncio

import pytest

from djangotasks_api.outcome import Outcome
from djangotasks_api.report_fields import InvalidReport
from djangotasks_api.reports import Started
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.reports.recorder import Stale
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.telemetry.metrics import Metrics
from tests.unit.operator.counted import by_labels
from tests.unit.operator.reports.report_calls import OUTCOME, RecorderStub, path_of, post
from tests.unit.operator.reports.serving import bearer, serving

STARTED = Started(started_at="2026-11-23T12:00:00+00:00").to_json().encode()


@pytest.mark.parametrize(
    ("kind", "token", "error", "code"),
    [
        ("started", bearer(), None, 202),
        ("outcome", bearer(), None, 200),
        ("outcome", bearer(), Stale("ended"), 409),
        ("outcome", bearer(), InvalidReport("no"), 400),
        ("outcome", bearer(), ApiError(500, {}), 503),
        ("outcome", "Bearer wrong", None, 403),
    ],
)
def test_reports_are_counted_by_answer(kind: str, token: str, error: Exception | None, code: int) -> None:
    metrics = Metrics()

    class Recorder(RecorderStub):
        async def outcome(self, attempt: AttemptRef, outcome: Outcome) -> None:
            if error is not None:
                raise error

    async def story() -> list[int]:
        body = STARTED if kind == "started" else OUTCOME
        async with serving(recorder=Recorder(), answered=metrics.report) as port:
            paths = [path_of(kind=kind), "/v1/elsewhere"]
            return [await asyncio.to_thread(post, port, path, body, {"Authorization": token}) for path in paths]

    assert asyncio.run(story()) == [code, 404]
    assert dict(by_labels(metrics, "djangotasks_reports")) == {(kind, str(code)): 1}
