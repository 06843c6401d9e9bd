"""The ends that a DjangoTask shows."""

from datetime import UTC, datetime
from typing import Any

import pytest

from django_tasks_kubernetes.notify.ends import End, as_deleted, ends_of
from django_tasks_kubernetes.notify.follower import SOMETHING_ENDED
from djangotasks_api.phases import Phase

AT = "2026-11-25T08:00:00Z"
ERROR = {"type": "shop.CardDeclined", "traceback": "Traceback …\nshop.CardDeclined: no card"}


def attempt(number: int, reason: str | None = None, **more: Any) -> dict[str, Any]:
    ended = {"reason": reason, "finishedAt": AT, "message": f"{reason} it was"} if reason else {}
    return {"number": number, "job": f"t-{number}", "pod": f"t-{number}", "startedAt": AT} | ended | more


def resource(phase: str | None, *attempts: dict[str, Any], **status: Any) -> dict[str, Any]:
    spec = {"task": "shop.tasks.a", "payload": '{"args":["\\"finishedAt\\""],"kwargs":{}}'}
    whole = {"phase": phase, "attempts": list(attempts)} | status
    return {"metadata": {"name": "t", "uid": "u"}, "spec": spec} | ({"status": whole} if phase else {})


def end(reason: str | None = None, *, reported: bool = False, message: str | None = None) -> End:
    said = message if message is not None else (f"{reason} it was" if reason else "")
    return End(uid="u", reason=reason, message=said, reported=reported)


def failed(number: int, reason: str, *, reported: bool = False) -> End:
    return End(uid="u", attempt=number, reason=reason, message=f"{reason} it was", reported=reported)


def failure(reason: str, *attempts: dict[str, Any], phase: str = "Failed") -> dict[str, Any]:
    return resource(phase, *attempts, reason=reason, message=f"{reason} it was", finishedAt=AT)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (resource(None), []),
        (resource("Queued"), []),
        (resource("Running", attempt(1)), []),
        (resource("SomethingNew", attempt(1)), []),
        # A problem that it may get over.
        (resource("Starting", attempt(1, "ImagePullFailed", finishedAt=None), reason="ImagePullFailed"), []),
        (resource("Succeeded", attempt(1), finishedAt=AT), [end(reported=True)]),
        (
            resource("Succeeded", attempt(1, "OOMKilled"), attempt(2), finishedAt=AT),
            [failed(1, "OOMKilled"), end(reported=True)],
        ),
        (resource("Retrying", attempt(1, "Evicted"), reason="Evicted"), [failed(1, "Evicted")]),
        (
            failure("TaskError", attempt(1, "TaskError", error=ERROR)),
            [failed(1, "TaskError", reported=True), end("TaskError", reported=True)],
        ),
        (failure("OOMKilled", attempt(1, "OOMKilled")), [failed(1, "OOMKilled"), end("OOMKilled")]),
        # Reported by the pod, but no signal was sent there: the task was never called.
        (
            failure("SetupError", attempt(1, "SetupError", error=ERROR, startedAt=None)),
            [failed(1, "SetupError"), end("SetupError")],
        ),
        # What ended the task is another thing than what ended its last attempt.
        (
            failure("Expired", attempt(1, "TaskError", error=ERROR)),
            [failed(1, "TaskError"), end("Expired")],
        ),
        (
            failure("TooManyInterruptions", *(attempt(n, "NodeLost") for n in (1, 2))),
            [failed(1, "NodeLost"), failed(2, "NodeLost"), end("TooManyInterruptions")],
        ),
        (failure("CancelRequested", phase="Cancelled"), [end("CancelRequested")]),
        (
            failure("CancelRequested", attempt(1, "TaskError", error=ERROR), phase="Cancelled"),
            [failed(1, "TaskError"), end("CancelRequested")],
        ),
        (failure("QueueNotFound"), [end("QueueNotFound")]),
        # Written by hand, or by an operator of another time.
        (resource("Failed"), [end("Failed", message="")]),
    ],
)
def test_ends_of_a_task(given: dict[str, Any], expected: list[End]) -> None:
    assert ends_of(given) == expected
    for end_ in expected:
        assert End.of(given, end_.attempt) == end_


def test_ends_of_a_task_have_different_keys() -> None:
    events = ends_of(failure("OOMKilled", attempt(1, "OOMKilled"), attempt(2, "OOMKilled")))
    assert [end_.key for end_ in events] == ["u/1", "u/2", "u"]


@pytest.mark.parametrize("phase", [None, "Queued", "Running", "Retrying"])
def test_a_task_deleted_before_its_end_counts_as_cancelled(phase: str | None) -> None:
    given = resource(phase, attempt(1, "OOMKilled"))
    now = datetime(2026, 11, 25, 9, tzinfo=UTC)
    ended = as_deleted(given, now)
    assert ended["status"]["phase"] == Phase.CANCELLED
    assert ended["status"]["finishedAt"] == "2026-11-25T09:00:00.000000Z"
    end_ = ends_of(ended)[-1]
    assert (end_.key, end_.reason, end_.reported) == ("u", "CancelRequested", False)
    assert given == resource(phase, attempt(1, "OOMKilled")), "the one it was made of is as it was"


def test_a_task_deleted_after_its_end_keeps_it() -> None:
    given = failure("OOMKilled", attempt(1, "OOMKilled"))
    assert as_deleted(given, datetime.now(UTC)) is given


@pytest.mark.parametrize(
    ("given", "there"),
    [
        (resource("Running", attempt(1)), False),
        (resource("Retrying", attempt(1, "Evicted")), True),
        (resource("Succeeded", attempt(1), finishedAt=AT), True),
    ],
)
def test_a_line_without_an_end_is_recognised_unparsed(given: dict[str, Any], there: bool) -> None:
    """Also where the arguments have the word."""
    import json

    line = json.dumps({"type": "MODIFIED", "object": given}, separators=(",", ":")).encode()
    assert (SOMETHING_ENDED in line) == there


def test_a_deleted_task_may_have_metadata_of_any_depth() -> None:
    """Else it would end watch_tasks, and its own end would never be dispatched."""
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"f:a": deep}
    running = resource("Running")
    running["metadata"]["managedFields"] = [{"fieldsV1": deep}]
    ended = as_deleted(running, datetime(2026, 11, 25, 8, tzinfo=UTC))
    assert [each.reason for each in ends_of(ended)] == ["CancelRequested"]
    assert running["status"]["phase"] == "Running"
