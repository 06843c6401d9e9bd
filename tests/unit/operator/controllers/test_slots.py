"""Slots of the scheduler are freed whatever happens to a start, and limits hold through retries and restarts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from djangotasks_api.models import Backoff, Policy
from djangotasks_api.phases import Reason
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import NAMESPACE, at, make_task
from tests.unit.operator.controllers.many_tasks import fail, put_tasks
from tests.unit.operator.harness import InMemoryOperator, make_operator

WEBHOOK = ApiError(500, {"message": 'failed calling webhook "x": no endpoints available'})
RIGHTS = ApiError(403, {"message": 'deployments.apps "web" is forbidden: User "operator" cannot get resource'})


def pods_of(operator: InMemoryOperator, queue: str) -> int:
    return sum(name.startswith(queue) for name in operator.names("pods"))


BROKEN: dict[str, tuple[dict[str, Any], str, BaseException]] = {
    "a webhook that is down": ({}, "jobs broken", WEBHOOK),
    "a right that is missing": ({"template": None, "pod_template_from": {"deployment": "web"}}, "deployments", RIGHTS),
    "an API server that does not answer": ({}, "jobs broken", TimeoutError()),
    "a Deployment that is missing": (
        {"template": None, "pod_template_from": {"deployment": "gone"}},
        "nothing",
        OSError(),
    ),
    "a template of the wrong type": ({"template": {"spec": {"containers": "x"}}}, "nothing", OSError()),
    "a refusal": ({}, "jobs broken", ApiError(422, {"message": "invalid"})),
}


MORE = list(BROKEN)


@pytest.mark.parametrize("what", [*MORE[:1], *(pytest.param(what, marks=pytest.mark.thorough) for what in MORE[1:])])
@pytest.mark.thorough
def test_a_broken_queue_takes_no_slot_from_another(what: str) -> None:
    """However many of its tasks wait, and few requests are made for them, however many they are."""
    spec, words, error = BROKEN[what]
    operator = make_operator(starting_limit=4)
    operator.put_queue("broken", **spec)
    operator.put_queue("well")
    fail(operator, words, error)
    put_tasks(operator, "broken", 100)
    operator.drain()
    put_tasks(operator, "well", 5)
    operator.drain()
    assert pods_of(operator, "well") == 5
    for _ in range(30):
        operator.wait(10)
    operator.api.requests.clear()
    for _ in range(60):
        operator.wait(10)
    tasks = Counter(request.split()[1] for request in operator.api.requests)
    assert tasks["djangotasks"] <= 75, (
        "in ten minutes: one start every ten seconds at most, whatever the number of tasks"
    )
    assert operator.term.admission.waiting() > 80


def test_what_is_no_fault_of_an_api_server_frees_its_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect that the start of one task meets."""
    operator = make_operator(starting_limit=1)
    operator.put_queue()
    start = operator.term.starter.start

    async def broken(snapshot: Any, number: int) -> Any:
        if snapshot.task.metadata.name == "odd":
            raise KeyError("a defect")
        return await start(snapshot, number)

    monkeypatch.setattr(operator.term.starter, "start", broken)
    operator.put_task(make_task("odd", uid="odd", priority=100))
    operator.put_task(make_task("well", uid="well"))
    with pytest.raises(AssertionError, match="defect"):
        operator.wait(1)
    operator.metrics.defects_seen.clear()
    with pytest.raises(AssertionError, match="defect"):
        operator.wait(1)
    operator.metrics.defects_seen.clear()
    assert operator.names("pods") == ["well-1"]


def test_a_retry_without_a_backoff_counts_for_the_rate() -> None:
    operator = make_operator()
    operator.put_queue(rate_limit={"starts": 1, "period_seconds": 60})
    backoff = Backoff(initial_seconds=0)
    operator.put_task(make_task(policy=Policy(max_attempts=6, backoff=backoff)))
    operator.drain()
    for seconds in range(20):
        for name in operator.names("pods"):
            state = {"terminated": {"exitCode": 1, "reason": "Error"}}
            status = {"phase": "Failed", "containerStatuses": [{"name": "task", "state": state}]}
            operator.set_pod_status(name, status)
        operator.wait(1)
        assert len(operator.names("pods")) == 1, f"after {seconds} s"
    operator.wait(60)
    assert len(operator.names("pods")) == 2


def test_a_retry_without_a_backoff_lets_others_pass() -> None:
    operator = make_operator()
    operator.put_queue(concurrency=1)
    operator.put_task(
        make_task("again", uid="again", policy=Policy(max_attempts=6, backoff=Backoff(initial_seconds=0)))
    )
    operator.drain()
    operator.put_task(make_task("urgent", uid="urgent", priority=100))
    state = {"terminated": {"exitCode": 1, "reason": "Error"}}
    operator.set_pod_status("again-1", {"phase": "Failed", "containerStatuses": [{"name": "task", "state": state}]})
    operator.wait(1)
    assert operator.names("pods") == ["again-1", "urgent-1"]


def test_a_deferred_task_is_no_older_than_its_time() -> None:
    """Nor than it is, whatever its client's clock says."""
    operator = make_operator()
    operator.put_queue(concurrency=1, suspended=True)
    operator.put_task(make_task("urgent", uid="u", priority=50))
    operator.put_task(make_task("deferred", uid="d", enqueued_at=at(-7 * 86400), run_after=at(3600)))
    operator.put_task(make_task("old", uid="o", enqueued_at=at(-7 * 86400)))
    operator.wait(3600)
    operator.put_queue(concurrency=1, suspended=False)
    operator.wait(1)
    assert operator.names("pods") == ["urgent-1"]


def start(operator: InMemoryOperator) -> None:
    operator.drain()
    state = {"running": {"startedAt": "2026-11-23T12:00:00Z"}}
    operator.set_pod_status("receipt-1", {"phase": "Running", "containerStatuses": [{"name": "task", "state": state}]})


@pytest.mark.parametrize("running_for", [0, 20])
def test_a_task_that_a_finalizer_keeps_has_its_pod_stopped(running_for: float) -> None:
    operator = make_operator()
    operator.put_queue(concurrency=1)
    operator.put_task(make_task())
    start(operator)
    operator.wait(running_for)
    operator.server.update("djangotasks", "receipt", {"metadata": {"deletionTimestamp": "2026-11-23T12:00:00Z"}})
    operator.relist()
    operator.drain()
    assert "deletionTimestamp" in operator.server.get("pods", "receipt-1")["metadata"]
    operator.server.remove("pods", "receipt-1")
    operator.relist()
    operator.put_task(make_task("other", uid="other"))
    operator.wait(60)
    assert operator.names("pods") == ["other-1"], "nothing is left that would hold a slot"


def test_a_deadline_is_kept_where_no_status_can_be_written() -> None:
    """Such as of an object that was stored before the schema refused what makes it unchangeable."""
    operator = make_operator()
    operator.put_queue(concurrency=1)
    operator.put_task(make_task(policy=Policy(timeout_seconds=30)))
    start(operator)
    operator.wait(15)
    fail(operator, "patch djangotasks receipt", ApiError(422, {"message": "Invalid date-time formatted string"}))
    operator.wait(20)
    operator.wait(60)
    assert "deletionTimestamp" in operator.server.get("pods", "receipt-1")["metadata"]
    operator.server.remove("pods", "receipt-1")
    operator.relist()
    operator.put_task(make_task("other", uid="other"))
    operator.wait(60)
    operator.wait(60)
    assert operator.names("pods") == ["other-1"], "it holds no slot without a pod"


def test_a_task_starts_as_soon_as_its_name_is_free() -> None:
    """However long the garbage collector takes with the Job and the Pod of an earlier task of this name: a backoff that
    is as long does not follow."""
    operator = make_operator()
    operator.put_queue()
    operator.put_task(make_task())
    operator.drain()
    operator.set_pod_status("receipt-1", {"phase": "Failed"})
    operator.drain()
    operator.server.delete("djangotasks", "receipt")
    operator.relist()
    operator.put_task(make_task(uid="again"))
    for what in ("its Job", "the Job's pod"):
        for _ in range(10):
            operator.wait(60)
        assert operator.status().reason is Reason.JOB_NAME_TAKEN, what
        operator.server.collect()
        operator.relist()
        operator.drain()
    owners = [operator.server.get(plural, "receipt-1")["metadata"]["ownerReferences"][0] for plural in ("jobs", "pods")]
    found = [operator.server.get(plural, name) for plural, name in (("djangotasks", "receipt"), ("jobs", "receipt-1"))]
    assert [owner["uid"] for owner in owners] == [body["metadata"]["uid"] for body in found]


@pytest.mark.parametrize("resource", ["jobs", "pods"])
def test_a_name_that_stays_taken_is_tried_less_and_less_often(resource: str) -> None:
    """By what is no task's: the operator does not see it, so that it cannot tell whether it is there."""
    operator = make_operator()
    operator.put_queue()
    operator.server.create(resource, {"metadata": {"name": "receipt-1"}, "spec": {"template": {}}})
    operator.put_task(make_task())
    operator.drain()
    for _ in range(600):
        operator.wait(1)
    assert operator.status().reason is Reason.JOB_NAME_TAKEN
    assert operator.api.requests.count(f"create {resource} receipt-1") <= 25


def test_a_standby_keeps_no_keys() -> None:
    operator = make_operator(leads=False)
    for number in range(50):
        operator.put_task(make_task(f"t{number}", uid=f"u{number}"))
        operator.server.remove("djangotasks", f"t{number}")
    operator.put_queue()
    operator.relist()
    assert [len(queue) for queue in (operator.work.tasks, operator.work.queues)] == [0, 0]
    operator.put_task(make_task())
    operator.lead()
    operator.drain()
    assert operator.names("pods") == ["receipt-1"]
    assert operator.store.task(Key(NAMESPACE, "receipt")) is not None
