"""Tasks that enqueue tasks: from pods that have no credentials, through the operator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from shop import enqueueing, probes

from django_tasks_kubernetes.exceptions import PermissionDenied, TaskFailed
from django_tasks_kubernetes.retry import Fixed, Retry
from tests.support.faults import AFTER, BEFORE, Crash, Drop, Fault, Moment, Rule
from tests.support.queues import put_queue
from tests.support.tasks import FINISH_SECONDS, finish
from tools.cluster import Target
from tools.kubectl import wait_for
from tools.manifests import queue_manifest

if TYPE_CHECKING:
    from django_tasks_kubernetes import KubernetesBackend
    from tests.support.stage import Stage
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

# Of 200 pods, one after the other on a small machine.
FAN_OUT_SECONDS = 900.0


@pytest.fixture(scope="module")
def queues(cluster: Cluster, kubectl: Kubectl) -> None:
    """`reports` for what a task waits for, `mail` that starts nothing. The image's settings know both."""
    image = cluster.image(Target.EXAMPLE)
    kubectl.apply(queue_manifest("reports", image))
    kubectl.apply(queue_manifest("mail", image, suspended=True))


def children_of(kubectl: Kubectl, name: str) -> list[dict[str, Any]]:
    found = kubectl("get", "djangotasks", "-l", f"djangotasks.dev/enqueued-by={name}", "-o", "json")
    items: list[dict[str, Any]] = json.loads(found)["items"]
    return items


@pytest.mark.parametrize("task", [enqueueing.pass_on, enqueueing.pass_on_async], ids=["sync", "async"])
def test_a_chain_of_three(backend: KubernetesBackend, kubectl: Kubectl, task: Any) -> None:
    result = task.enqueue(1, 2)
    ids, values, parents = [result.id], [], []
    while (found := result.get(FINISH_SECONDS))["next"] is not None:
        (child,) = children_of(kubectl, result.id)
        assert child["metadata"]["name"] == found["next"]
        assert result.id in kubectl("get", "djangotask", found["next"], "-o", "wide")
        result = backend.get_result(found["next"])
        ids.append(result.id)
        values.append(found["value"])
        parents.append(result.enqueued_by and result.enqueued_by.id)
    assert (values, found["value"]) == ([1, 2], 3)
    assert parents == ids[:2]


@pytest.mark.parametrize("count", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_a_task_fans_out_and_is_killed_in_the_middle(
    backend: KubernetesBackend, kubectl: Kubectl, queues: None, count: int
) -> None:
    """The second attempt finds what the first has enqueued, enqueues the rest, and waits for all."""
    twice: Any = enqueueing.sum_of_doubles.using(retry=Retry(max_attempts=2, backoff=Fixed(delay=0)))  # type: ignore[call-arg]
    result = twice.enqueue(count, "reports", count // 2)
    assert result.get(FAN_OUT_SECONDS) == count * (count - 1)
    assert result.attempts == 2
    children = children_of(kubectl, result.id)
    assert len(children) == count
    assert {child["spec"]["enqueuedBy"]["attempt"] for child in children} == {1, 2}
    assert {len(child["status"]["attempts"]) for child in children} == {1}


def test_a_task_looks_at_what_it_has_enqueued_and_cancels_it(
    backend: KubernetesBackend, kubectl: Kubectl, queues: None
) -> None:
    result: Any = enqueueing.look_after.enqueue("mail")
    assert result.get(FINISH_SECONDS) == {
        "listed": 20,
        "enqueued_by": result.id,
        "status": "FAILED",
        "class": "django_tasks_kubernetes.exceptions.Cancelled",
    }
    children = children_of(kubectl, result.id)
    assert {child["spec"]["cancelReason"] for child in children} == {"not needed"}


def test_a_task_sees_no_others_unless_its_queue_says_so(
    backend: KubernetesBackend, kubectl: Kubectl, cluster: Cluster
) -> None:
    other: Any = finish(probes.add.enqueue(1, 2))
    mine: Any = enqueueing.read_result.enqueue(other.id)
    with pytest.raises(TaskFailed, match=r"was not enqueued by this task.* taskAccess: Namespace"):
        mine.get(FINISH_SECONDS)
    assert mine.errors[-1].exception_class is PermissionDenied
    put_queue(kubectl, queue_manifest("reports", cluster.image(Target.EXAMPLE), taskAccess="Namespace"))
    wide: Any = enqueueing.read_result.using(queue_name="reports").enqueue(other.id)
    assert wide.get(FINISH_SECONDS) == "SUCCESSFUL"
    put_queue(kubectl, queue_manifest("reports", cluster.image(Target.EXAMPLE), taskAccess="None"))
    nothing: Any = enqueueing.pass_on.using(queue_name="reports").enqueue(1, 1)
    with pytest.raises(TaskFailed, match="has taskAccess: None"):
        nothing.get(FINISH_SECONDS)
    put_queue(kubectl, queue_manifest("reports", cluster.image(Target.EXAMPLE), taskAccess="Own"))


def test_a_task_that_waits_for_its_own_queue_is_warned(
    backend: KubernetesBackend, kubectl: Kubectl, cluster: Cluster
) -> None:
    put_queue(kubectl, queue_manifest("reports", cluster.image(Target.EXAMPLE), concurrency=1))
    stuck: Any = enqueueing.wait_briefly.using(queue_name="reports").enqueue()
    with pytest.raises(TaskFailed, match="is not finished after 3 s of waiting: it is READY"):
        stuck.get(FINISH_SECONDS)
    log = kubectl("logs", f"{stuck.id}-1")
    assert "waits for a task of its own queue 'reports', and holds one of the 1 places" in log
    put_queue(kubectl, queue_manifest("reports", cluster.image(Target.EXAMPLE)))


def test_a_receiver_of_task_finished_enqueues(backend: KubernetesBackend, kubectl: Kubectl) -> None:
    """After the outcome is stored, while its process still runs."""
    parent: Any = finish(enqueueing.enqueue_when_finished.enqueue(21))
    (child,) = wait_for("the child", lambda: children_of(kubectl, parent.id) or None, seconds=FINISH_SECONDS)
    assert backend.get_result(child["metadata"]["name"]).get(FINISH_SECONDS) == 42


def test_a_program_that_a_task_starts_has_no_token(backend: KubernetesBackend) -> None:
    program = "import django; django.setup(); from shop import probes; probes.add.enqueue(1, 2)"
    said = enqueueing.run_program.enqueue(program).get(FINISH_SECONDS)  # type: ignore[attr-defined]
    assert "ClusterNotConfigured: This process was started by a task, in its pod." in said


@pytest.mark.parametrize("fault", [Drop(), Crash()], ids=["answer lost", "operator killed"])
@pytest.mark.parametrize("moment", [BEFORE, AFTER])
def test_what_goes_wrong_between_the_request_and_its_answer_makes_no_second_task(
    stage: Stage, fault: Fault, moment: Moment
) -> None:
    """AFTER: the API server has the task, and the operator, or the pod, does not know."""
    rule = Rule(fault, "create djangotasks", moment=moment)
    stage.proxy.add(rule)
    parent = stage.enqueue("shop.enqueueing.pass_on", 1, 1)
    wait_for("the fault", lambda: rule.hits or None, seconds=FINISH_SECONDS, why=stage.operator.log)
    if isinstance(fault, Crash):
        wait_for("the operator has ended", lambda: None if stage.operator.running else True, seconds=FINISH_SECONDS)
        stage.operator.start()
    done = stage.wait(parent, lambda status: status["phase"] in ("Succeeded", "Failed"), "the end")
    assert done["phase"] == "Succeeded", done
    child = json.loads(done["result"])["next"]
    stage.wait(child, lambda status: status["phase"] == "Succeeded", "the child's end")
    assert set(stage.statuses()) == {parent, child}
    assert len(done["attempts"]) == 1
    stage.proxy.clear()
