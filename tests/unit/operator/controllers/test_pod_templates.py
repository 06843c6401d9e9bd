"""A Deployment that is rolled out: which image new attempts run, and what the queue says of it."""

from __future__ import annotations

from typing import Any

from djangotasks_operator.controllers.pod_templates import DEPLOYMENT_FRESH_SECONDS
from djangotasks_operator.controllers.queue_controller import DEPLOYMENT_INTERVAL
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.pods.test_rollout import replica_set, template

SELECTOR = {"matchLabels": {"app": "web"}}


def rolling_out() -> InMemoryOperator:
    """An operator whose queue follows a Deployment, of which a new revision is under way and has no ready pod."""
    operator = make_operator()
    body = {"metadata": {"name": "web"}, "spec": {"selector": SELECTOR, "template": template("shop:3")}}
    uid = operator.server.create("deployments", body)["metadata"]["uid"]
    operator.server.update(
        "deployments", "web", {"status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 1}}
    )
    for name, revision, ready in (("web-2", 2, 1), ("web-3", 3, 0)):
        made = replica_set(f"shop:{revision}", revision, ready, owner=uid)
        made["metadata"]["name"] = name
        operator.server.create("replicasets", made)
    operator.put_queue(template=None, pod_template_from={"deployment": "web"})
    operator.drain()
    return operator


def image_of(operator: InMemoryOperator, name: str) -> str:
    operator.put_task(make_task(name, uid=name))
    operator.drain()
    containers: list[dict[str, Any]] = operator.server.get("pods", f"{name}-1")["spec"]["containers"]
    return str(containers[0]["image"])


def condition(operator: InMemoryOperator) -> tuple[str, str]:
    (ready,) = operator.queue_status().conditions
    return ready.status, ready.message


def test_tasks_run_what_the_web_app_runs_until_the_new_revision_is_ready() -> None:
    operator = rolling_out()
    assert image_of(operator, "a") == "shop:2"
    status, message = condition(operator)
    assert status == "True", "they can be started"
    assert "Tasks run revision 2 of the Deployment" in message
    operator.server.update("replicasets", "web-3", {"status": {"readyReplicas": 1}})
    operator.clock.advance(2)
    assert image_of(operator, "b") == "shop:3"
    operator.wait(DEPLOYMENT_INTERVAL.total_seconds())
    assert condition(operator) == ("True", "Tasks can be started.")


def test_what_a_slow_api_server_said_is_as_old_as_the_question() -> None:
    """Its answer may take seconds, and be of their beginning: a task that starts later asks again."""
    operator = rolling_out()
    operator.clock.advance(2)

    def is_slow(request: str) -> None:
        if "get deployments" in request:
            operator.clock.advance(DEPLOYMENT_FRESH_SECONDS + 0.1)

    operator.api.before_request = is_slow
    assert image_of(operator, "a") == "shop:2"
    operator.server.update("replicasets", "web-3", {"status": {"readyReplicas": 1}})
    assert image_of(operator, "b") == "shop:3"


def test_outside_of_a_rollout_no_replica_sets_are_read() -> None:
    operator = rolling_out()
    operator.server.update("deployments", "web", {"status": {"updatedReplicas": 2}})
    operator.clock.advance(2)
    operator.api.requests.clear()
    assert image_of(operator, "a") == "shop:3"
    assert "list replicasets" not in operator.api.requests


def test_without_the_right_to_read_them_the_newest_revision_runs_and_the_queue_says_so() -> None:
    operator = rolling_out()

    def judge(request: str) -> None:
        if "replicasets" in request:
            raise ApiError(403, {"message": "replicasets.apps is forbidden"})

    operator.api.before_request = judge
    operator.clock.advance(2)
    assert image_of(operator, "a") == "shop:3"
    operator.wait(DEPLOYMENT_INTERVAL.total_seconds())
    assert "may not list ReplicaSets" in condition(operator)[1]


def test_a_deployment_that_may_not_be_read_makes_its_queue_not_ready() -> None:
    operator = make_operator()

    def judge(request: str) -> None:
        if "deployments" in request:
            raise ApiError(403, {"message": 'User "operator" cannot get resource "deployments"'})

    operator.api.before_request = judge
    operator.put_queue(template=None, pod_template_from={"deployment": "web"})
    operator.put_task(make_task())
    operator.drain()
    status, message = condition(operator)
    assert status == "False"
    assert 'cannot get resource "deployments"' in message
    assert operator.status().reason == "DeploymentNotFound"
