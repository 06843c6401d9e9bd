"""Whatever a tenant writes harms that alone: a well-behaved neighbour's task starts beside it, at a bounded cost.

Each thing that a tenant can write gets hostile and odd values. What is asserted is counted, not timed: requests, objects,
bytes. `HYPOTHESIS_PROFILE=thorough pytest -s tests/unit/operator/hostile` tries more than 100,000 inputs, and prints how
many.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.names import HOLD_PLURAL, QUEUE_PLURAL, SCHEDULE_PLURAL, TASK_PLURAL, WORKFLOW_PLURAL
from djangotasks_operator.cache.kinds import (
    HOLD_SOURCE,
    JOB_SOURCE,
    POD_SOURCE,
    QUEUE_SOURCE,
    SCHEDULE_SOURCE,
    TASK_SOURCE,
    WORKFLOW_SOURCE,
)
from djangotasks_operator.cache.store import Store
from djangotasks_operator.runtime.reflector import Kind
from tests.support.builders import NAMESPACE, make_task
from tests.unit.operator.hostile.attempts import JOB, POD, STANDBY
from tests.unit.operator.hostile.neighbour import PART, TRIED, WHOLE, check_neighbour, insert, operator_beside
from tests.unit.operator.hostile.queues import DEPLOYMENT, FOLLOWING, HOLD, QUEUE, REPLICA_SET
from tests.unit.operator.hostile.tasks import RETRY, SCHEDULE, TASK, WORKFLOW
from tests.unit.operator.hostile.values import mutated
from tests.unit.operator.model.server import Object

pytestmark = pytest.mark.thorough


@WHOLE
@given(mutated(TASK, "metadata", "spec"))
def test_a_hostile_task(body: dict[str, Any]) -> None:
    operator = operator_beside(QUEUE_PLURAL, QUEUE)
    insert(operator, TASK_PLURAL, body)
    check_neighbour(operator, "tasks")


@WHOLE
@given(mutated(QUEUE, "metadata", "spec"))
def test_a_hostile_queue(body: dict[str, Any]) -> None:
    """With a task that would run in it."""
    operator = operator_beside(QUEUE_PLURAL, body)
    insert(operator, TASK_PLURAL, {**TASK, "spec": {"task": "a.b", "queue": "default"}})
    check_neighbour(operator, "queues")


@WHOLE
@given(
    mutated(DEPLOYMENT, "metadata", "spec", "status"),
    mutated(REPLICA_SET, "metadata", "spec", "status"),
    mutated(FOLLOWING, *FOLLOWING),
    st.sampled_from(["the Deployment", "a ReplicaSet", "what the queue takes of it"]),
)
def test_a_hostile_deployment(deployment: Object, replica_set: Object, following: Object, which: str) -> None:
    """The API server checks Deployments. What it lets through today, and what comes with its next version, is odd at
    worst, but the operator does not rely on it."""
    spec = {**QUEUE["spec"], "podTemplateFrom": FOLLOWING if which != "what the queue takes of it" else following}
    del spec["template"]
    operator = operator_beside(QUEUE_PLURAL, {**QUEUE, "spec": spec})
    insert(operator, "deployments", deployment if which == "the Deployment" else DEPLOYMENT)
    insert(operator, "replicasets", replica_set if which == "a ReplicaSet" else REPLICA_SET)
    insert(operator, TASK_PLURAL, {**TASK, "spec": {"task": "a.b", "queue": "default"}})
    check_neighbour(operator, "deployments")


@WHOLE
@given(
    mutated(SCHEDULE, "metadata", "spec", "status"),
    st.tuples(st.sampled_from(["cron", "everyMinutes"]), st.sampled_from(["task", "workflow"])),
)
def test_a_hostile_schedule(body: dict[str, Any], without: tuple[str, str]) -> None:
    """It makes a task once a minute at most, whatever it says."""
    spec = body["spec"]
    operator = operator_beside(QUEUE_PLURAL, QUEUE)
    kept = {key: spec[key] for key in spec if key not in without} if isinstance(spec, dict) else spec
    insert(operator, SCHEDULE_PLURAL, {**body, "spec": kept})
    check_neighbour(operator, "schedules")


@WHOLE
@given(mutated(HOLD, "metadata", "spec"))
def test_a_hostile_hold(body: dict[str, Any]) -> None:
    """It holds the queue of its name, at worst, and no other."""
    operator = operator_beside(QUEUE_PLURAL, QUEUE)
    insert(operator, HOLD_PLURAL, body)
    insert(operator, TASK_PLURAL, {**TASK, "spec": {"task": "a.b", "queue": "default"}})
    check_neighbour(operator, "holds")


@WHOLE
@given(st.one_of(mutated(WORKFLOW, "metadata", "spec"), mutated(RETRY, "metadata", "spec")))
def test_a_hostile_workflow(body: dict[str, Any]) -> None:
    operator = operator_beside(QUEUE_PLURAL, QUEUE)
    insert(operator, WORKFLOW_PLURAL, body)
    check_neighbour(operator, "workflows")


@WHOLE
@given(mutated(STANDBY, "metadata", "spec", "status"))
def test_a_hostile_standby_pod(body: dict[str, Any]) -> None:
    """Who may create pods may make one look like a queue's."""
    operator = operator_beside(QUEUE_PLURAL, QUEUE)
    insert(operator, "pods", body if isinstance(body["status"], dict) else {**body, "status": {}})
    insert(operator, TASK_PLURAL, {**TASK, "spec": {"task": "a.b", "queue": "default"}})
    check_neighbour(operator, "standby pods")


SOURCES = (HOLD_SOURCE, JOB_SOURCE, POD_SOURCE, QUEUE_SOURCE, SCHEDULE_SOURCE, TASK_SOURCE, WORKFLOW_SOURCE)
KINDS: tuple[Kind[Store, Any], ...] = SOURCES
OBJECTS = {
    TASK_PLURAL: TASK,
    QUEUE_PLURAL: QUEUE,
    HOLD_PLURAL: HOLD,
    SCHEDULE_PLURAL: SCHEDULE,
    WORKFLOW_PLURAL: WORKFLOW,
    "jobs": JOB,
    "pods": POD,
}


# Made once: one that is made for each input takes longer than what is done with it.
MUTATED = st.one_of(
    [st.tuples(st.just(plural), mutated(body, "metadata", "spec", "status")) for plural, body in OBJECTS.items()]
)


@PART
@given(MUTATED)
def test_a_hostile_object_in_a_cache(made: tuple[str, dict[str, Any]]) -> None:
    """Of each kind, in an event, beside an object that is there: nothing is raised, and the other stays."""
    plural, body = made
    TRIED["objects"] += 1
    store = Store()
    kind: Kind[Store, Any] = next(kind for kind in KINDS if kind.resource.plural == plural)
    stored = {"namespace": NAMESPACE, "uid": "u", "resourceVersion": "2", "creationTimestamp": "2026-11-23T12:00:00Z"}
    store.put_task(make_task("neighbour", uid="n"))
    for type_ in ("ADDED", "MODIFIED", "DELETED"):
        metadata = body["metadata"] if isinstance(body["metadata"], dict) else {}
        kind.apply_event(store, {"type": type_, "object": {**body, "metadata": {**metadata, **stored}}})
        for key in store.all_keys():
            store.snapshot(key)
    assert [task.metadata.name for task in store.tasks()] == ["neighbour"]
