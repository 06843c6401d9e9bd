"""What schedules do is counted, and what they leave out is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from djangotasks_api.schedules.record import Skip, SkipReason
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.schedules import CachedSchedule, parse_schedule
from djangotasks_operator.cache.store import Store
from djangotasks_operator.status.queue_status import NotReady
from djangotasks_operator.telemetry.event_recorder import EventRecorder
from djangotasks_operator.telemetry.metrics import Metrics
from djangotasks_operator.telemetry.schedule_observer import WORDS, ScheduleTelemetry
from tests.support.builders import NAMESPACE, NOW, make_task


class Events:
    """Keeps what is recorded."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str]] = []

    def add(self, kind: str, metadata: Any, draft: Any, now: Any) -> None:
        self.said.append((kind, metadata.name, f"{draft.reason}: {draft.message}"))


@pytest.fixture
def schedule() -> CachedSchedule:
    metadata = {"name": "nightly", "namespace": NAMESPACE, "uid": "u", "resourceVersion": "1"}
    spec = {"cron": ["@daily"], "task": {"task": "a.b"}}
    return parse_schedule({"metadata": metadata | {"creationTimestamp": "2026-11-23T12:00:00Z"}, "spec": spec})


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def telemetry(metrics: Metrics, events: Events) -> ScheduleTelemetry:
    return ScheduleTelemetry(Store(), metrics, cast("EventRecorder", events), lambda: NOW)


def test_what_is_left_out_can_be_compared_with_what_was_created(
    telemetry: ScheduleTelemetry, metrics: Metrics, schedule: CachedSchedule
) -> None:
    """Where all is left out since the operator began, PromQL has nothing to compare with, and the alert did not fire."""
    telemetry.skipped(schedule, Skip(NOW, SkipReason.PREVIOUS_UNFINISHED))
    assert 'djangotasks_scheduled_tasks_total{namespace="shop",queue="(missing)"} 0.0' in metrics.text().decode()


def test_a_task_counts_with_how_late_it_was(
    telemetry: ScheduleTelemetry, metrics: Metrics, schedule: CachedSchedule
) -> None:
    telemetry.created(schedule, timedelta(seconds=0.02))
    text = metrics.text().decode()
    assert 'djangotasks_scheduled_tasks_total{namespace="shop",queue="(missing)"} 1.0' in text
    assert 'djangotasks_schedule_lateness_seconds_bucket{le="0.025"} 1.0' in text


@pytest.mark.parametrize("reason", SkipReason)
def test_a_time_that_is_left_out_is_counted_and_said(
    telemetry: ScheduleTelemetry, metrics: Metrics, events: Events, schedule: CachedSchedule, reason: SkipReason
) -> None:
    telemetry.skipped(schedule, Skip(NOW, reason))
    assert f'reason="{reason}"}} 1.0' in metrics.text().decode()
    ((kind, name, text),) = events.said
    assert (kind, name) == ("DjangoTaskSchedule", "nightly")
    assert text.startswith("Skipped: No task was created for 2026-11-23T")
    assert WORDS[reason] in text


def test_the_task_that_has_not_ended_is_named(metrics: Metrics, events: Events, schedule: CachedSchedule) -> None:
    store = Store()
    for name in ("nightly-1", "nightly-2"):
        store.put_task(make_task(name=name, schedule="nightly"))
    telemetry = ScheduleTelemetry(store, metrics, cast("EventRecorder", events), lambda: NOW)
    telemetry.skipped(schedule, Skip(NOW, SkipReason.PREVIOUS_UNFINISHED))
    ((_, _, text),) = events.said
    assert text.endswith("its last task has not finished (PreviousUnfinished). Unfinished: nightly-1 and 1 more.")


def test_why_it_is_not_ready_is_said(telemetry: ScheduleTelemetry, events: Events, schedule: CachedSchedule) -> None:
    telemetry.not_ready(schedule, NotReady("QueueNotFound", "no queue"))
    assert events.said == [("DjangoTaskSchedule", "nightly", "NotReady: QueueNotFound: no queue")]


def test_the_queue_is_named_where_it_exists(schedule: CachedSchedule) -> None:
    assert schedule.queue == "default"
    assert schedule.key == Key(NAMESPACE, "nightly")
