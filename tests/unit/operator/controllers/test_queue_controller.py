"""When a queue is checked, and when its status is written."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.names import QUEUE_PLURAL
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers.queue_controller import NOT_READY_INTERVAL
from djangotasks_operator.controllers.work_queues import QUEUE_STATUS_DEBOUNCE_SECONDS
from djangotasks_operator.runtime.controller import Result
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import NAMESPACE, at, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.model.calls import run
from tests.unit.operator.model.server import Object

KEY = Key(NAMESPACE, "default")
POD_SPEC = {"containers": [{"name": "web", "image": "shop:1"}]}
REFUSED = "violates PodSecurity"
DRY_RUN = ["dry_run jobs djangotasks-dry-run-1", "dry_run pods djangotasks-dry-run-1"]
READ = "get deployments web"


def with_queue(refusal: str | None = None, **spec: Any) -> InMemoryOperator:
    """A queue that was just created."""
    operator = make_operator()
    operator.server.refusal = refusal
    operator.put_queue(**spec)
    return operator


def follow_deployment(operator: InMemoryOperator, pod_spec: Object = POD_SPEC) -> None:
    template = {"spec": pod_spec}
    if ("deployments", "web") in operator.server.objects:
        operator.server.update("deployments", "web", {"spec": {"template": template}})
    else:
        operator.server.create("deployments", {"metadata": {"name": "web"}, "spec": {"template": template}})


def checks(operator: InMemoryOperator, seconds: float = 0.0) -> tuple[list[str], str]:
    """Let time pass. Returns the requests of the check, and the condition's reason then."""
    operator.api.requests.clear()
    operator.wait(seconds)
    requests = [r for r in operator.api.requests if r == READ or r in DRY_RUN]
    return requests, operator.queue_status().conditions[0].reason


def writes(operator: InMemoryOperator) -> int:
    return sum(event.type == "MODIFIED" for event in operator.server.events if event.plural == QUEUE_PLURAL)


def test_a_good_queue_is_checked_once_for_each_spec() -> None:
    operator = with_queue()
    assert checks(operator) == (DRY_RUN, "Ready")
    assert checks(operator, 100_000) == ([], "Ready")
    assert writes(operator) == 1
    operator.put_queue(suspended=True)
    assert checks(operator) == (DRY_RUN, "Suspended")


def test_a_refused_queue_is_checked_until_it_is_repaired() -> None:
    operator = with_queue(REFUSED)
    assert checks(operator) == (DRY_RUN, "PodRefused")
    assert checks(operator, 14) == ([], "PodRefused")
    operator.server.refusal = " ".join(reversed(REFUSED.split()))
    assert checks(operator, 2) == (DRY_RUN, "PodRefused")
    assert operator.queue_status().conditions[0].message == REFUSED, "the message does not flap"
    operator.server.refusal = "no PriorityClass with name urgent was found"
    assert checks(operator, 16) == (DRY_RUN, "PodRefused")
    assert "urgent" in operator.queue_status().conditions[0].message, "what is left to do is shown"
    operator.server.refusal = None
    assert checks(operator, 16) == (DRY_RUN, "Ready")


def test_a_webhook_that_is_down_makes_the_queue_not_ready() -> None:
    """And its tasks are counted meanwhile."""
    operator = make_operator()
    down = 'Internal error occurred: failed calling webhook "x": no endpoints available'

    def judge(request: str) -> None:
        if request.startswith(("create jobs", "dry_run jobs")):
            raise ApiError(500, {"message": down})

    operator.api.before_request = judge
    operator.put_queue()
    operator.put_task(make_task())
    operator.wait(QUEUE_STATUS_DEBOUNCE_SECONDS + 1)
    status = operator.queue_status()
    (ready,) = status.conditions
    assert (ready.status, ready.reason, ready.message, status.queued) == ("False", "PodRefused", down, 1)
    operator.api.before_request = lambda _: None
    assert checks(operator, 16) == (DRY_RUN, "Ready")
    assert operator.names("pods") == ["receipt-1"]


def test_a_deployment_is_read_periodically_and_a_new_template_is_tried() -> None:
    operator = with_queue(template=None, pod_template_from={"deployment": "web"})
    assert checks(operator) == ([READ], "DeploymentNotFound")
    follow_deployment(operator)
    assert checks(operator, 16) == ([READ, *DRY_RUN], "Ready")
    assert checks(operator, 61) == ([READ], "Ready")
    follow_deployment(operator, {"containers": [{"name": "web", "image": "shop:2"}]})
    operator.server.refusal = REFUSED
    assert checks(operator, 61) == ([READ, *DRY_RUN], "PodRefused")


def test_a_ready_queue_says_which_containers_its_pods_do_without() -> None:
    operator = make_operator()
    follow_deployment(operator)
    operator.put_queue(template=None, pod_template_from={"deployment": "web"})
    operator.drain()
    assert operator.queue_status().conditions[0].message == "Tasks can be started."
    follow_deployment(operator, POD_SPEC | {"initContainers": [{"name": "migrate", "image": "shop:1"}]})
    operator.wait(61)
    message = operator.queue_status().conditions[0].message
    assert message == "Tasks can be started. Without these containers of the Deployment's pods: migrate."


def test_a_quota_does_not_make_a_queue_unready() -> None:
    assert checks(with_queue("exceeded quota: narrow")) == (DRY_RUN, "Ready")


def test_a_task_that_cannot_start_has_its_queue_checked_again() -> None:
    operator = with_queue()
    checks(operator)
    operator.server.refusal = REFUSED
    operator.put_task(make_task())
    operator.drain()
    assert (operator.status().phase, operator.status().reason) == (Phase.QUEUED, Reason.POD_REFUSED)
    # Once by the task, which asks whose fault it is, and once by the queue.
    assert checks(operator, QUEUE_STATUS_DEBOUNCE_SECONDS) == (2 * DRY_RUN, "PodRefused")
    status = operator.queue_status()
    assert (status.last_error, status.last_error_at) == (f"PodRefused: {REFUSED}", at(0))


def test_a_task_that_fails_by_itself_has_no_queue_checked() -> None:
    operator = with_queue()
    checks(operator)
    operator.put_task(make_task(overrides={"nodeSelector": {"disk": "ssd"}}))
    assert checks(operator, QUEUE_STATUS_DEBOUNCE_SECONDS) == ([], "Ready")
    assert operator.status().reason is Reason.NOT_ALLOWED


def test_a_queues_tasks_are_counted() -> None:
    operator = with_queue(concurrency=1)
    for name in "abc":
        operator.put_task(make_task(name, enqueued_at=at(-5)))
    operator.drain()
    operator.wait(QUEUE_STATUS_DEBOUNCE_SECONDS)
    status = operator.queue_status()
    assert (status.queued, status.running) == (2, 1)
    assert status.oldest_queued_at == at(0), "since they are there, whatever the client's clock says"


def test_task_changes_within_the_debounce_are_one_write() -> None:
    operator = with_queue()
    operator.drain()
    before = writes(operator)
    for name in "abc":
        operator.put_task(make_task(name))
        operator.drain()
        operator.wait(1)
    assert writes(operator) == before
    operator.wait(QUEUE_STATUS_DEBOUNCE_SECONDS)
    assert writes(operator) == before + 1


@pytest.mark.parametrize(
    ("error", "result"),
    [(ApiError(409, {"reason": "Conflict"}), Result.RETRY), (ApiError(404, {"reason": "NotFound"}), Result.DONE)],
    ids=["the queue has changed", "the queue is gone"],
)
def test_a_refused_status_write_is_retried_unless_the_queue_is_gone(error: ApiError, result: Result) -> None:
    operator = with_queue()

    def refuse(request: str) -> None:
        if request.startswith("patch"):
            raise error

    operator.api.before_request = refuse
    assert run(operator.term.queues.reconcile(KEY)) is result


def test_a_queue_that_does_not_exist_is_not_reconciled() -> None:
    operator = make_operator()
    assert run(operator.term.queues.reconcile(KEY)) is Result.DONE
    assert not [request for request in operator.api.requests if request.startswith(("dry_run", "patch"))]


def test_the_tasks_of_a_queue_start_as_soon_as_it_is_found_well() -> None:
    """Not at the end of a backoff that has grown to a minute meanwhile."""
    operator = with_queue(template=None, pod_template_from={"deployment": "web"})
    operator.put_task(make_task())
    for _ in range(20):
        operator.wait(30)
    template = {"metadata": {}, "spec": {"containers": [{"name": "web", "image": "shop:1"}]}}
    operator.server.create("deployments", {"metadata": {"name": "web"}, "spec": {"template": template}})
    operator.wait(NOT_READY_INTERVAL.total_seconds())
    assert operator.names("pods") == ["receipt-1"]


def test_a_queue_that_no_task_can_name_is_not_ready() -> None:
    operator = make_operator()
    operator.put_queue("a.b")
    operator.drain()
    (ready,) = operator.queue_status("a.b").conditions
    assert (ready.status, ready.reason) == ("False", "InvalidTemplate")
    assert "63 characters" in ready.message


def over_the_limit(most: int, extra: int) -> InMemoryOperator:
    """A namespace with more queues than are kept, one a second."""
    operator = make_operator()
    operator.store.queue_limit.most = most
    for number in range(most + extra):
        operator.put_queue(f"q{number}")
        operator.wait(1)
    return operator


def ready(operator: InMemoryOperator, name: str) -> tuple[str, str]:
    condition = operator.queue_status(name).conditions[0]
    return condition.status, condition.reason


def test_queues_over_the_limit_say_so_and_cost_nothing_more() -> None:
    operator = over_the_limit(3, 20)
    assert [ready(operator, f"q{number}") for number in range(3)] == [("True", "Ready")] * 3
    assert {ready(operator, f"q{number}") for number in range(3, 23)} == {("False", "TooManyQueues")}
    requests = [request for request in operator.api.requests if request.split()[-1] in {f"q{n}" for n in range(3, 23)}]
    assert len(requests) == 2 * 20, "each is read and written once"
    operator.api.requests.clear()
    operator.relist()
    operator.wait(1000)
    assert [r for r in operator.api.requests if not r.startswith(("list", "watch"))] == []


def test_a_task_of_a_queue_that_is_not_kept_says_why_it_waits() -> None:
    operator = over_the_limit(2, 1)
    operator.put_task(make_task(queue="q2"))
    operator.drain()
    status = operator.status()
    assert status.reason is Reason.QUEUE_NOT_FOUND
    assert status.message is not None
    assert "as many DjangoTaskQueues as the operator keeps, and 'q2' is none of the oldest" in status.message


def test_a_queue_is_kept_once_there_is_room() -> None:
    operator = over_the_limit(2, 1)
    operator.put_task(make_task(queue="q2"))
    operator.drain()
    operator.server.delete(QUEUE_PLURAL, "q0", operator.server.get(QUEUE_PLURAL, "q0")["metadata"]["uid"])
    operator.relist()
    operator.relist()
    operator.wait(10)
    assert ready(operator, "q2") == ("True", "Ready")
    assert operator.names("pods") == ["receipt-1"]
