"""Whatever a tenant writes harms that alone: a well-behaved neighbour's task starts beside it, at a bounded cost.

Each thing that a tenant can write gets hostile and odd values. What is asserted is counted, not timed: requests, objects,
bytes. `HYPOTHESIS_PROFILE=thorough pytest -s tests/unit/operator/test_blast_radius.py` tries more than 100,000 inputs,
and prints how many.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from djangotasks_api.names import HOLD_PLURAL, QUEUE_PLURAL, SCHEDULE_PLURAL, TASK_PLURAL, WORKFLOW_PLURAL
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase
from djangotasks_api.report_fields import InvalidReport
from djangotasks_api.reports import ProgressReport, Started
from djangotasks_operator.cache.keys import Key
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
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.reports.recorder import Stale
from djangotasks_operator.reports.task_requests import AlreadyExists, TaskRequests
from djangotasks_operator.reports.task_rules import Refused, parse_body
from djangotasks_operator.runtime.decoding import UnreadableAnswer, decode_event, decode_list
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.reflector import Kind
from tests.support.builders import NAMESPACE, make_queue, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.hostile.attempts import JOB, POD
from tests.unit.operator.hostile.queues import DEPLOYMENT, FOLLOWING, HOLD, QUEUE, REPLICA_SET
from tests.unit.operator.hostile.tasks import CHILD, REPORT, RETRY, SCHEDULE, TASK, WORKFLOW
from tests.unit.operator.hostile.values import HOSTILE, mutated, text_of
from tests.unit.operator.model.calls import run
from tests.unit.operator.model.server import Object

# In all tests: how many inputs were tried.
TRIED: Counter[str] = Counter()
# A start is read, Job, Pod; the rest is the queue's check, its status, and the hostile object's own.
REQUESTS_MAX = 60
# In ten minutes, for one thing that is broken for all that time.
REQUESTS_AFTER_MAX = 150
WELL = make_queue("well").model_dump(mode="json", by_alias=True, exclude_none=True)


@pytest.fixture(autouse=True, scope="module")
def _count() -> Iterator[None]:
    yield
    print(f"\nblast radius: {TRIED.total()} hostile inputs {dict(TRIED)}", file=sys.__stderr__)


# An input on the whole operator costs 15 ms, on a part of it 5 ms. Of eight tests of the first kind and two of the second,
# the thorough profile (20,000) makes 104,000 inputs, in about a quarter of an hour.
WHOLE = settings(
    max_examples=max(5, settings().max_examples // 5),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
PART = settings(WHOLE, max_examples=max(20, settings().max_examples * 9 // 5))


def operator_beside(plural: str, body: Object) -> InMemoryOperator:
    """An operator with a hostile object, and a neighbour: a queue of its own, and then a task."""
    operator = make_operator(starting_limit=4)
    operator.server.create(QUEUE_PLURAL, WELL)
    insert(operator, plural, body)
    return operator


def insert(operator: InMemoryOperator, plural: str, body: Object) -> None:
    """Store what the API server is given, as it is, but for what it fills in itself."""
    metadata = body["metadata"]
    kept = {key: metadata[key] for key in metadata if key not in ("deletionTimestamp", "creationTimestamp")}
    operator.server.create(plural, {**body, "metadata": kept})


def check_neighbour(operator: InMemoryOperator, what: str) -> None:
    """The neighbour's task starts now, and a broken thing costs little from then on. No defect is hidden: a stack trace
    in the log for what a tenant wrote is not what an administrator needs."""
    TRIED[what] += 1
    operator.relist()
    operator.drain()
    operator.put_task(make_task("neighbour", uid="n", queue="well"))
    operator.api.requests.clear()
    operator.drain()
    assert "neighbour-1" in operator.names("pods")
    assert len(operator.api.requests) <= REQUESTS_MAX
    operator.api.requests.clear()
    for _ in range(3):
        operator.wait(200)
    assert len(operator.api.requests) <= REQUESTS_AFTER_MAX
    assert len(operator.names("jobs")) <= 12
    assert operator.queue_status("well").conditions[0].status == "True"


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


FIELDS = tuple(REPORT)


def running_beside() -> tuple[InMemoryOperator, AttemptRef]:
    """With a hostile attempt that runs."""
    operator = operator_beside(QUEUE_PLURAL, QUEUE)
    insert(operator, TASK_PLURAL, {**TASK, "spec": {"task": "a.b", "queue": "default"}})
    operator.relist()
    operator.drain()
    task = operator.store.task(Key(NAMESPACE, "receipt"))
    assert task is not None
    return operator, AttemptRef(Key(NAMESPACE, "receipt"), task.metadata.uid, 1)


@WHOLE
@given(mutated(REPORT, *FIELDS), st.sets(st.sampled_from(FIELDS)))
def test_a_hostile_report(body: dict[str, Any], without: set[str]) -> None:
    """Of each kind, from an attempt that runs. It is refused, or its task's status is one that can be read."""
    operator, attempt = running_beside()
    text = json.dumps({key: value for key, value in body.items() if key not in without})

    with contextlib.suppress(InvalidReport, Stale):
        Started.from_json(text)
        run(operator.recorder.write_start(attempt, operator.clock.now))
    with contextlib.suppress(InvalidReport, Stale):
        run(operator.recorder.write_progress(attempt, ProgressReport.from_json(text)))
    with contextlib.suppress(InvalidReport, Stale):
        run(operator.recorder.outcome(attempt, Outcome.from_json(text)))
    assert operator.status("receipt").phase in Phase
    check_neighbour(operator, "reports")


@WHOLE
@given(mutated(CHILD, *CHILD).map(text_of))
def test_a_hostile_request_of_a_pod(text: str) -> None:
    """A pod that asks for another task, and to cancel a neighbour's."""
    operator, attempt = running_beside()
    requests = TaskRequests(operator.writer, operator.clock.seconds, operator.api.clock.now)
    for ask in (requests.enqueue, lambda attempt, body: requests.cancel(attempt, "receipt", body)):
        with contextlib.suppress(Refused, AlreadyExists, ApiError):
            run(ask(attempt, parse_body(text.encode("utf-8", "surrogatepass"))))
    check_neighbour(operator, "requests")


@PART
@given(st.lists(st.tuples(st.sampled_from(["well", "hostile"]), HOSTILE), min_size=1, max_size=6))
def test_hostile_bytes_in_a_list_and_a_watch(items: list[tuple[str, Any]]) -> None:
    """The well-behaved objects before and after are handed out, in order."""
    TRIED["lists"] += 1
    bodies = [
        f'{{"metadata":{{"name":"{number}"}}}}' if kind == "well" else text_of(value)
        for number, (kind, value) in enumerate(items)
    ]
    text = f'{{"items":[{",".join(bodies)}],"metadata":{{"resourceVersion":"1"}}}}'.encode()
    names = [
        body["metadata"]["name"]
        for body in decode_list(text).objects
        if isinstance(body.get("metadata"), dict) and "name" in body["metadata"]
    ]
    wanted = [str(number) for number, (kind, _) in enumerate(items) if kind == "well"]
    assert [name for name in names if name in wanted] == wanted
    for body in bodies:
        for line in (body, f'{{"type":"ADDED","object":{body}}}', body[: len(body) // 2]):
            try:
                decode_event(line.encode())
            except UnreadableAnswer:
                continue


REFUSALS = st.builds(
    lambda status, message: ApiError(status, {"message": message, "reason": "x"}),
    st.sampled_from([400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 502, 503, 504]),
    st.sampled_from(["", "denied", "exceeded quota", "request is too large", 'User "x" cannot get'])
    | st.text(max_size=20),
)


@WHOLE
@given(
    REFUSALS | st.sampled_from([OSError(), TimeoutError()]),
    st.sampled_from(["create jobs broken", "create pods broken", "patch djangotasks broken", "get djangotasks broken"]),
)
def test_a_hostile_webhook(error: Exception, where: str) -> None:
    """Whatever the API server answers for one queue's tasks, always and for all of them."""
    operator = operator_beside(QUEUE_PLURAL, {**QUEUE, "metadata": {"name": "default"}})

    def judge(request: str) -> None:
        if request.startswith(where):
            raise error

    operator.api.before_request = judge
    for number in range(8):
        body = {**TASK, "metadata": {"name": f"broken-{number}"}, "spec": {"task": "a.b", "queue": "default"}}
        insert(operator, TASK_PLURAL, body)
    check_neighbour(operator, "answers")


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
