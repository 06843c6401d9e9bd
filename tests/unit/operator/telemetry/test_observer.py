"""What is reported of writes."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.workflow.records import WorkflowPhase
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from djangotasks_operator.runtime.workqueue import WorkQueue
from djangotasks_operator.telemetry.collector import StateCollector
from djangotasks_operator.workflows.views import parse_workflow
from tests.support.builders import NAMESPACE, at
from tests.unit.operator.telemetry.test_metrics import NEW, Observed, samples


def test_a_defect_of_the_observer_does_not_reach_the_writer(caplog: pytest.LogCaptureFixture) -> None:
    observed = Observed()
    broken = observed.task.model_copy(update={"spec": None})
    observed.observer.transition(broken, NEW)
    assert "a defect" in caplog.text


def test_the_end_of_a_workflow_is_counted_and_what_it_waits_for_has_an_event() -> None:
    observed = Observed()
    body = {
        "metadata": {"name": "flow", "namespace": NAMESPACE, "uid": "u", "creationTimestamp": at(1).isoformat()},
        "spec": {"steps": [{"name": "a", "task": "shop.a"}]},
    }
    workflow = parse_workflow(body)
    observed.observer.workflow_transition(workflow, WorkflowPhase.RUNNING, "TasksRefused")
    observed.observer.workflow_transition(workflow, WorkflowPhase.SUCCEEDED, None)
    found = samples(observed.metrics)
    assert found["workflow_duration_seconds_count{Succeeded}"] == 1
    assert found["workflow_duration_seconds_sum{Succeeded}"] == 3


def test_workflows_whose_tasks_are_refused_are_counted() -> None:
    observed = Observed()
    body: Any = {
        "metadata": {"name": "flow", "namespace": NAMESPACE, "uid": "u", "resourceVersion": "1"},
        "spec": {"steps": [{"name": "a", "task": "shop.a"}]},
        "status": {"phase": "Running", "reason": "TasksRefused"},
    }
    observed.store.workflows.put(parse_workflow(body))
    queue: WorkQueue[Key] = WorkQueue(lambda: 0.0)
    observed.metrics.add(StateCollector(observed.store, queue, WatchMonitor(), lambda: True, lambda: 0, lambda: 0))
    assert samples(observed.metrics)["workflows_refused"] == 1
