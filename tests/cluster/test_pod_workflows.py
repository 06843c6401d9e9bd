"""Workflows that tasks enqueue, and that they return, from pods without credentials."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from shop import workflows_of_tasks as flows

from django_tasks_kubernetes.exceptions import PermissionDenied, TaskFailed
from tests.support.faults import AFTER, BEFORE, Crash, Drop, Fault, Moment, Rule
from tests.support.queues import put_queue
from tests.support.tasks import FINISH_SECONDS
from tools.cluster import Target
from tools.kubectl import wait_for
from tools.manifests import queue_manifest

if TYPE_CHECKING:
    from django_tasks_kubernetes import KubernetesBackend
    from tests.support.stage import Stage
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

# A workflow has several pods one after the other.
FLOW_SECONDS = 3 * FINISH_SECONDS
WORKFLOWS = "/apis/djangotasks.dev/v1alpha1/namespaces/{namespace}/djangotaskworkflows"


@pytest.fixture(scope="module")
def returning(cluster: Cluster, kubectl: Kubectl, queue: str) -> None:
    """The queue `default` lets its tasks return workflows."""
    put_queue(kubectl, queue_manifest("default", cluster.image(Target.EXAMPLE), returnedWorkflows="Allowed"))


def test_a_task_enqueues_a_workflow_and_waits_for_it(backend: KubernetesBackend, kubectl: Kubectl) -> None:
    parent: Any = flows.enqueue_and_wait.enqueue(3)
    found = parent.get(FLOW_SECONDS)
    assert found == {"id": found["id"], "same": True, "value": 6, "third": 4, "tasks": 4, "by": parent.id}
    workflow = backend.get_workflow(found["id"])
    assert workflow.enqueued_by is not None
    assert {each.enqueued_by for each in workflow.task_results()} == {workflow.enqueued_by}
    assert parent.id in kubectl("get", "djangotaskworkflow", found["id"], "-o", "wide")


def test_an_asynchronous_task_waits_too(backend: KubernetesBackend) -> None:
    assert flows.await_it.enqueue(2).get(FLOW_SECONDS) == 2  # type: ignore[attr-defined]


def test_a_task_cancels_the_workflow_that_it_has_enqueued(backend: KubernetesBackend) -> None:
    assert flows.cancel_it.enqueue().get(FLOW_SECONDS) == "Cancelled"  # type: ignore[attr-defined]


def test_a_task_sees_no_workflow_of_others(backend: KubernetesBackend) -> None:
    foreign = flows.sum_of_doubles.enqueue(0)
    mine: Any = flows.read_it.enqueue(foreign.id)
    with pytest.raises(TaskFailed, match="was not enqueued by this task"):
        mine.get(FINISH_SECONDS)
    assert mine.errors[-1].exception_class is PermissionDenied


def test_a_queue_lets_its_tasks_return_none_by_default(backend: KubernetesBackend) -> None:
    refused: Any = flows.go_on.enqueue(1)
    with pytest.raises(TaskFailed, match="returnedWorkflows: Allowed"):
        refused.get(FINISH_SECONDS)
    assert refused.errors[-1].exception_class is PermissionDenied


@pytest.mark.usefixtures("returning")
def test_the_result_of_a_returned_workflow_is_the_tasks(backend: KubernetesBackend, kubectl: Kubectl) -> None:
    result: Any = flows.go_on.enqueue(3)
    name = wait_for(
        "it is returned",
        lambda: kubectl.get("djangotask", result.id).get("status", {}).get("returnedWorkflow"),
        seconds=FINISH_SECONDS,
    )
    assert "WorkflowReturned" in kubectl("get", "djangotask", result.id, "-o", "wide")
    assert result.get(FLOW_SECONDS) == 6
    owner = kubectl.get("djangotaskworkflow", name)["metadata"]["ownerReferences"][0]
    assert owner["name"] == result.id
    kubectl("delete", "djangotask", result.id)
    kubectl("wait", f"djangotaskworkflow/{name}", "--for=delete", "--timeout=240s", seconds=250)


@pytest.mark.usefixtures("returning")
def test_it_is_that_of_a_step(backend: KubernetesBackend) -> None:
    assert flows.around.enqueue(3).get(FLOW_SECONDS) == 1006
    assert flows.around.enqueue(0).get(FLOW_SECONDS) == 999


@pytest.mark.usefixtures("returning")
def test_a_loop_in_a_queue_of_one_place(backend: KubernetesBackend, kubectl: Kubectl, cluster: Cluster) -> None:
    """A task that has returned a workflow holds no place, or this would never end."""
    image = cluster.image(Target.EXAMPLE)
    put_queue(kubectl, queue_manifest("default", image, returnedWorkflows="Allowed", concurrency=1))
    assert flows.counted_down.enqueue(3).get(2 * FLOW_SECONDS) == "done"
    put_queue(kubectl, queue_manifest("default", image, returnedWorkflows="Allowed"))


@pytest.mark.usefixtures("returning")
def test_its_failure_is_the_tasks(backend: KubernetesBackend) -> None:
    result: Any = flows.go_on_in_vain.enqueue()
    with pytest.raises(TaskFailed, match=r"which it returned, is Failed, StepFailed"):
        result.get(FLOW_SECONDS)


@pytest.mark.usefixtures("returning")
def test_cancelling_the_outer_workflow_reaches_the_inner_ones_pod(backend: KubernetesBackend, kubectl: Kubectl) -> None:
    outer = flows.around_for_long.enqueue()

    def inner() -> Any:
        step = kubectl("get", "djangotask", f"{outer.id}-go-on-for-long", "--ignore-not-found", "-o", "json")
        return json.loads(step)["status"].get("returnedWorkflow") if step else None

    sleeping = f"{wait_for('the inner workflow', inner, seconds=FLOW_SECONDS)}-sleep"
    wait_for(
        "its task",
        lambda: kubectl("get", "djangotask", sleeping, "--ignore-not-found") or None,
        seconds=FLOW_SECONDS,
    )
    kubectl("wait", f"djangotask/{sleeping}", "--for=jsonpath={.status.phase}=Running", "--timeout=240s", seconds=250)
    outer.cancel("enough")
    assert outer.wait(FLOW_SECONDS).phase == "Cancelled"
    assert kubectl.get("djangotask", sleeping)["status"]["phase"] == "Cancelled"


@pytest.mark.parametrize("fault", [Drop(), Crash()], ids=["answer lost", "operator killed"])
@pytest.mark.parametrize("moment", [BEFORE, AFTER])
def test_what_goes_wrong_makes_no_second_workflow(stage: Stage, fault: Fault, moment: Moment) -> None:
    """Of a task that returns one. AFTER: the API server has it, and the operator, or the pod, does not know."""
    queue = "/apis/djangotasks.dev/v1alpha1/namespaces/{namespace}/djangotaskqueues/default"
    stage.request("PATCH", queue, {"spec": {"returnedWorkflows": "Allowed"}})
    rule = Rule(fault, "create djangotaskworkflows", moment=moment)
    stage.proxy.add(rule)
    parent = stage.enqueue("shop.workflows_of_tasks.go_on", 2)
    wait_for("the fault", lambda: rule.hits or None, seconds=FINISH_SECONDS, why=stage.operator.log)
    if isinstance(fault, Crash):
        wait_for("the operator has ended", lambda: None if stage.operator.running else True, seconds=FINISH_SECONDS)
        stage.operator.start()
    done = stage.wait(
        parent, lambda status: status["phase"] in ("Succeeded", "Failed"), "the end", seconds=FLOW_SECONDS
    )
    assert (done["phase"], json.loads(done["result"])) == ("Succeeded", 2), done
    assert len(stage.request("GET", WORKFLOWS)["items"]) == 1
    assert len(done["attempts"]) == 1
    stage.proxy.clear()
