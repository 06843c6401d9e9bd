"""Which reports the endpoint takes: of whom, of which task, how large and how often."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from djangotasks_api.bounds import REPORT_MAX_BYTES
from djangotasks_api.items import ItemsReport
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Reason
from djangotasks_api.reports import Started
from djangotasks_api.stored import TextRef
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.reports import intake
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.runtime import http_server
from djangotasks_operator.runtime.errors import ApiError
from tests.unit.operator.reports.report_calls import OUTCOME, PROGRESS, RecorderStub, answers, path_of, post
from tests.unit.operator.reports.serving import bearer, serving

pytestmark = pytest.mark.thorough


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
        (r"djangotasks/shop/a.\..\..\..\media\passport.jpg", 400),
    ],
)
def test_a_file_must_be_the_tasks_own(name: str, status: int) -> None:
    ref = TextRef(storage="tasks", name=name, size=1, sha256="0" * 64)
    body = Outcome(started_at=None, finished_at="2026-11-23T12:00:00+00:00", result_ref=ref).to_json().encode()
    items = ItemsReport(completed="0", result_ref=ref)
    failed = Outcome(started_at=None, finished_at="2026-11-23T12:00:00+00:00", reason=Reason.TASK_ERROR, items=items)
    for kind, sent in (("outcome", body), ("outcome", failed.to_json().encode()), ("items", items.to_json().encode())):
        (answered,), recorder = answers((path_of(kind=kind), sent), Authorization=bearer())
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


@pytest.mark.parametrize("kind", ["started", "progress", "items", "outcome"])
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
def test_what_can_never_be_stored_is_not_asked_for_again(
    error: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing(RecorderStub):
        async def outcome(self, attempt: AttemptRef, outcome: Outcome) -> None:
            raise error

    async def story() -> int:
        async with serving(recorder=Refusing()) as port:
            return await asyncio.to_thread(post, port, path_of(), OUTCOME, {"Authorization": bearer()})

    assert asyncio.run(story()) == status
    (line,) = caplog.messages
    assert line.startswith("shop/"), "the log says whose report it is"
