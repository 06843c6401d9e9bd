"""That a queue is held is an Event of the queue; that a hold holds nothing, one of the hold."""

from __future__ import annotations

from typing import Any, cast

import pytest

from djangotasks_api.models import Held
from djangotasks_operator.cache.holds import parse_hold
from djangotasks_operator.telemetry.event_recorder import EventRecorder
from djangotasks_operator.telemetry.hold_observer import HoldTelemetry
from tests.support.builders import NAMESPACE, NOW, make_queue


class Events:
    """Keeps what is recorded."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str]] = []

    def add(self, kind: str, metadata: Any, draft: Any, now: Any) -> None:
        self.said.append((kind, metadata.name, f"{draft.reason}: {draft.message}"))


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def telemetry(events: Events) -> HoldTelemetry:
    return HoldTelemetry(cast("EventRecorder", events), lambda: NOW)


def test_a_queue_that_is_held_and_released(telemetry: HoldTelemetry, events: Events) -> None:
    queue = make_queue("reports")
    telemetry.held(queue, Held(concurrency=0, by="jane", reason="prices are wrong", until=NOW))
    telemetry.held(queue, None)
    assert events.said == [
        (
            "DjangoTaskQueue",
            "reports",
            "Held: Nothing is started while the queue is held by jane until 2026-11-23T12:00:00Z: prices are wrong",
        ),
        ("DjangoTaskQueue", "reports", "Released: It is not held any more."),
    ]


def test_a_hold_without_a_queue(telemetry: HoldTelemetry, events: Events) -> None:
    metadata = {"name": "reports", "namespace": NAMESPACE, "uid": "u", "resourceVersion": "1"}
    body = {"metadata": metadata | {"creationTimestamp": "2026-11-23T12:00:00Z"}, "spec": {"by": "jane"}}
    telemetry.without_queue(parse_hold(body))
    ((kind, name, text),) = events.said
    assert (kind, name) == ("DjangoTaskHold", "reports")
    assert text == "QueueNotFound: There is no DjangoTaskQueue 'reports' in the namespace 'shop'."
