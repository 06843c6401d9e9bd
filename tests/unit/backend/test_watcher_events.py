"""What there is to tell of a DjangoTask."""

from datetime import UTC, datetime
from typing import Any

import pytest

from django_tasks_kubernetes.watcher.events import Event, as_deleted, events_of
from django_tasks_kubernetes.watcher.follow import SOMETHING_ENDED
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


def end(reason: str | None = None, *, reported: bool = False, message: str | None = None) -> Event:
    said = message if message is not None else (f"{reason} it was" if reason else "")
    return Event(uid="u", reason=reason, message=said, reported=reported)


def failed(number: int, reason: str, *, reported: bool = False) -> Event:
    return Event(uid="u", attempt=number, reason=reason, message=f"{reason} it was", reported=reported)


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
        # Told by the pod, but no signal was sent there: the task was never called.
        (
            failure("SetupError", attempt(1, "SetupError", error=ERROR, startedAt=None)),
            [failed(1, "SetupError"), end("SetupError")],
        ),
        # What ended the task is another thing than what ended its last attempt.
        (
            failure("Expired", attempt(1, "TaskError", error=ERROR)),
            [failed(1, "TaskError", reported=True), end("Expired")],
        ),
        (
            failure("TooManyInterruptions", *(attempt(n, "NodeLost") for n in (1, 2))),
            [failed(1, "NodeLost"), failed(2, "NodeLost"), end("TooManyInterruptions")],
        ),
        (failure("CancelRequested", phase="Cancelled"), [end("CancelRequested")]),
        (
            failure("CancelRequested", attempt(1, "TaskError", error=ERROR), phase="Cancelled"),
            [failed(1, "TaskError", reported=True), end("CancelRequested")],
        ),
        (failure("QueueNotFound"), [end("QueueNotFound")]),
        # Written by hand, or by an operator of another time.
        (resource("Failed"), [end("Failed", message="")]),
    ],
)
def test_what_there_is_to_tell(given: dict[str, Any], expected: list[Event]) -> None:
    assert events_of(given) == expected
    for event in expected:
        assert Event.of(given, event.attempt) == event


def test_the_keys_are_different_for_all_that_may_happen_to_a_task() -> None:
    events = events_of(failure("OOMKilled", attempt(1, "OOMKilled"), attempt(2, "OOMKilled")))
    assert [event.key for event in events] == ["u/1", "u/2", "u"]


@pytest.mark.parametrize("phase", [None, "Queued", "Running", "Retrying"])
def test_a_task_that_was_deleted_before_it_had_ended_was_cancelled(phase: str | None) -> None:
    given = resource(phase, attempt(1, "OOMKilled"))
    now = datetime(2026, 11, 25, 9, tzinfo=UTC)
    ended = as_deleted(given, now)
    assert ended["status"]["phase"] == Phase.CANCELLED
    assert ended["status"]["finishedAt"] == "2026-11-25T09:00:00.000000Z"
    event = events_of(ended)[-1]
    assert (event.key, event.reason, event.reported) == ("u", "CancelRequested", False)
    assert given == resource(phase, attempt(1, "OOMKilled")), "the one it was made of is as it was"


def test_a_task_that_was_deleted_after_it_had_ended_ended_as_it_did() -> None:
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
def test_what_need_not_be_parsed(given: dict[str, Any], there: bool) -> None:
    """Also where the arguments have the word."""
    import json

    line = json.dumps({"type": "MODIFIED", "object": given}, separators=(",", ":")).encode()
    assert (SOMETHING_ENDED in line) == there
