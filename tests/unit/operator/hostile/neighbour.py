"""An operator with something hostile, and a well-behaved neighbour beside it."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, settings

from djangotasks_api.names import QUEUE_PLURAL
from tests.support.builders import make_queue, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.model.server import Object

# In all tests: how many inputs were tried.
TRIED: Counter[str] = Counter()
# A start is read, Job, Pod; the rest is the queue's check, its status, and the hostile object's own.
REQUESTS_MAX = 60
# In ten minutes, for one thing that is broken for all that time.
REQUESTS_AFTER_MAX = 150
WELL = make_queue("well").model_dump(mode="json", by_alias=True, exclude_none=True)


# An input on the whole operator costs 15 ms, on a part of it 5 ms. Of nine tests of the first kind and two of the second,
# the thorough profile (20,000) makes 108,000 inputs, in about a quarter of an hour.
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
