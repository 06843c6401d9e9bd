"""What an administrator says of a queue: pauses, rates, ceilings, overrides, the class of its pods."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from math import inf
from typing import Any

import pytest
from django.tasks import TaskResultStatus
from django.utils import timezone
from shop import probes

from django_tasks_kubernetes import Retry, exceptions
from tests.support.faults import Delay, Rule
from tests.support.stage import Stage
from tests.support.tasks import FINISH_SECONDS, create_task, finish, status_of, wait_gone, wait_phase
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for
from tools.manifests import queue_manifest

STARTS, PERIOD = 2, 5


def using(task: Any, **options: Any) -> Any:
    return task.using(**options)


@pytest.fixture
def new_queue(cluster: Cluster, kubectl: Kubectl) -> Any:
    def make(name: str, **spec: Any) -> str:
        kubectl.apply(queue_manifest(name, cluster.image(Target.EXAMPLE), **spec))
        return name

    return make


def suspend(kubectl: Kubectl, name: str, value: str) -> None:
    kubectl("patch", "djangotaskqueue", name, "--type=merge", "-p", f'{{"spec":{{"suspended":{value}}}}}')


def test_a_suspended_queue(backend: Any, kubectl: Kubectl, new_queue: Any) -> None:
    queue = new_queue("paused")
    running = using(probes.sleep, queue_name=queue).enqueue(5)
    wait_phase(kubectl, running.id, "Running")
    suspend(kubectl, queue, "true")
    assert kubectl("get", "djangotaskqueue", queue).splitlines()[1].split()[-2] == "true"
    waiting = using(probes.add, queue_name=queue, priority=100).enqueue(1, 2)
    assert finish(running).return_value == 5, "what runs goes on"
    # A task of another queue, enqueued later, has come and gone: this one would have been started by now.
    finish(probes.add.enqueue(1, 2))
    status = status_of(kubectl, waiting.id)
    assert (status["phase"], "attempts" in status) == ("Queued", False)
    suspend(kubectl, queue, "false")
    assert finish(waiting).return_value == 3


def test_a_rate_limit(backend: Any, new_queue: Any) -> None:
    queue = new_queue("slow", rateLimit={"starts": STARTS, "periodSeconds": PERIOD})
    task = using(probes.add, queue_name=queue)
    results: list[Any] = [finish(result) for result in [task.enqueue(number, 1) for number in range(7)]]
    started = sorted(result.started_at for result in results)
    first = min(result.enqueued_at for result in results)
    for number, at in enumerate(started):
        # From the first one's admission; a pod may take its time, and cannot be early.
        assert at - first >= timedelta(seconds=number // STARTS * PERIOD)


CEILINGS = {
    "maxAttempts": 3,
    "timeoutSeconds": 60,
    "gracePeriodSeconds": 30,
    "startTimeoutSeconds": 300,
    "ttlSecondsAfterFinished": 3600,
    "heartbeatTimeoutSeconds": 20,
    "priority": 10,
    "resources": {"memory": "256Mi"},
}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"retry": Retry(max_attempts=4)}, "allows maxAttempts of at most 3; the task asks for 4"),
        ({"timeout": 61}, "allows timeoutSeconds of at most 60; the task asks for 61"),
        ({"grace_period": 31}, "allows gracePeriodSeconds of at most 30; the task asks for 31"),
        ({"start_timeout": 301}, "allows startTimeoutSeconds of at most 300; the task asks for 301"),
        ({"ttl": 3601}, "allows ttlSecondsAfterFinished of at most 3600; the task asks for 3601"),
        ({"heartbeat_timeout": 21}, "allows heartbeatTimeoutSeconds of at most 20; the task asks for 21"),
        ({"priority": 11}, "allows a priority of at most 10; the task asks for 11"),
        ({"resources": {"memory": "2Gi"}}, "allows requests of memory of at most 256Mi; the task asks for 2Gi"),
        ({"node_selector": {"disk": "ssd"}}, "does not let tasks set their nodeSelector"),
    ],
)
def test_what_is_over_a_ceiling_is_refused(
    backend: Any, kubectl: Kubectl, new_queue: Any, options: dict[str, Any], words: str
) -> None:
    queue = new_queue("strict", ceilings=CEILINGS, allowedOverrides=["resources"])
    result = finish(using(probes.describe_context, queue_name=queue, **options).enqueue())
    assert (result.status, result.started_at) == (TaskResultStatus.FAILED, None)
    assert result.errors[0].exception_class is exceptions.NotAllowed
    assert words in result.errors[0].traceback
    assert status_of(kubectl, result.id)["reason"] == "NotAllowed"


def test_what_is_at_its_ceilings_runs(backend: Any, new_queue: Any) -> None:
    queue = new_queue("strict", ceilings=CEILINGS, allowedOverrides=["resources"])
    options = {"timeout": 60, "grace_period": 30, "start_timeout": 300, "ttl": 3600, "heartbeat_timeout": 20}
    more = {"priority": 10, "resources": {"memory": "256Mi"}, "retry": Retry(max_attempts=3)}
    result = finish(using(probes.describe_context, queue_name=queue, **options, **more).enqueue())
    assert result.status == TaskResultStatus.SUCCESSFUL


def test_a_queue_allows_no_overrides_unless_it_says_so(backend: Any, kubectl: Kubectl) -> None:
    task = using(probes.add, resources={"memory": "1Mi"})
    result = finish(task.enqueue(1, 2))
    assert result.errors[0].exception_class is exceptions.NotAllowed
    assert "does not let tasks set their resources" in status_of(kubectl, result.id)["message"]


def test_what_the_queue_says_holds_for_tasks_that_say_nothing(backend: Any, kubectl: Kubectl, new_queue: Any) -> None:
    policy = {
        "maxAttempts": 2,
        "backoff": {"initialSeconds": 0.1},
        "neverRetryOn": ["builtins.ValueError"],
    }
    queue = new_queue("with-retries", policy=policy)
    hurried = new_queue("with-a-timeout", policy={"timeoutSeconds": 2, "gracePeriodSeconds": 1})
    forgetful = new_queue("forgetful", policy={"ttlSecondsAfterFinished": 0})
    capped = new_queue("capped", ceilings={"timeoutSeconds": 2})
    fails = using(probes.fail, queue_name=queue).enqueue()
    never = using(probes.raise_error, queue_name=queue).enqueue("ValueError")
    own_word = using(probes.fail, queue_name=queue, retry=Retry(max_attempts=1)).enqueue()
    long = using(probes.ignore_sigterm, queue_name=hurried).enqueue(600)
    long_too = using(probes.sleep, queue_name=capped).enqueue(600)
    forgotten = using(probes.add, queue_name=forgetful).enqueue(1, 2)
    assert [len(finish(result).errors) for result in (fails, never, own_word)] == [2, 1, 1]
    for result in (long, long_too):
        assert [error.exception_class for error in finish(result).errors] == [exceptions.DeadlineExceeded]
    assert kubectl.get("job", f"{long.id}-1")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 1
    wait_gone(kubectl, "djangotask", forgotten.id)


@pytest.mark.parametrize(("ageing", "first"), [(1, "old"), (0, "urgent")])
def test_waiting_is_worth_priority_where_the_queue_says_so(
    backend: Any, kubectl: Kubectl, new_queue: Any, ageing: int, first: str
) -> None:
    queue = new_queue(f"ageing-{ageing}", concurrency=1, ageingSeconds=ageing, suspended=True)
    # By the API server's clock: what the web app writes as the time of enqueue() is no lever.
    tasks = {"old": create_task(kubectl, "shop.probes.add", 1, 2, queue=queue)}
    hour_ago = (timezone.now() - timedelta(hours=1)).isoformat()
    created = timezone.now()
    wait_for(
        "the old task to wait for 5 s",
        lambda: timezone.now() - created > timedelta(seconds=5) or None,
        seconds=FINISH_SECONDS,
    )
    tasks["urgent"] = create_task(kubectl, "shop.probes.add", 1, 2, queue=queue, priority=2, enqueuedAt=hour_ago)
    # A task of another queue, enqueued later, has come and gone: the operator knows of these two.
    finish(probes.add.enqueue(1, 2))
    suspend(kubectl, queue, "false")
    started = {name: wait_phase(kubectl, id_, "Succeeded")["startedAt"] for name, id_ in tasks.items()}
    assert min(tasks, key=lambda name: started[name]) == first


def test_a_deferred_task_is_no_older_than_its_time(backend: Any, kubectl: Kubectl, new_queue: Any) -> None:
    """Each second of waiting is worth a point here, and none of those before runAfter."""
    queue = new_queue("deferred", concurrency=1, ageingSeconds=1, suspended=True)
    # The other one is created while the deferred one has waited for longer than its priority is worth, and at the
    # latest when that is due for as long: a busy machine has half a minute for that.
    now = timezone.now()
    worth, due = 15, now + timedelta(seconds=32)
    deferred = create_task(kubectl, "shop.probes.add", 1, 2, queue=queue, runAfter=due.isoformat())
    long_enough = timezone.now() + timedelta(seconds=worth + 2)
    wait_for("more than it is worth", lambda: timezone.now() > long_enough or None, seconds=FINISH_SECONDS)
    other = create_task(kubectl, "shop.probes.add", 1, 2, queue=queue, priority=worth)
    wait_for("its time", lambda: timezone.now() > due or None, seconds=FINISH_SECONDS)
    finish(probes.add.enqueue(1, 2))  # of another queue: the operator knows of these two
    suspend(kubectl, queue, "false")
    started = {name: wait_phase(kubectl, name, "Succeeded")["startedAt"] for name in (deferred, other)}
    assert started[other] < started[deferred]


HEAVY, LIGHT = "heavy", "light"
TASKS_EACH = 40
HELD_SECONDS = 8.0
# Starts at once. The others of the operator's are for other namespaces.
OF_ONE_NAMESPACE = 30


def test_two_queues_share_what_is_started_by_their_weights(stage: Stage) -> None:
    """Neither has a limit of its own: the operator's, of how many are on their way to a pod, is what they share."""
    nowhere = {"nodeSelector": {"nobody": "has-this"}}
    stage.add_queue(HEAVY, weight=3, pod_update=nowhere)
    stage.add_queue(LIGHT, weight=1, pod_update=nowhere)
    stage.operator.stop()
    queue_of = {}
    for _ in range(TASKS_EACH):
        for queue in (LIGHT, HEAVY):
            # The order of enqueue(), and the priority, would have it the other way round.
            queue_of[stage.enqueue("add", 1, 2, queue=queue, priority=50 if queue == LIGHT else 0)] = queue
    # None is through before all that may be on their way are.
    stage.proxy.add(Rule(Delay(HELD_SECONDS), "create jobs", times=inf))
    stage.operator.start()

    def on_their_way() -> list[str] | None:
        calls = stage.proxy.writes(resource="jobs", verb="create")
        # Not the dry runs, by which the operator finds out whether a queue's pods can be made.
        names = [call.name.rpartition("-")[0] for call in calls if "dryRun" not in call.path]
        return names[:OF_ONE_NAMESPACE] if len(names) >= OF_ONE_NAMESPACE else None

    first = wait_for("all that may are on their way", on_their_way, seconds=FINISH_SECONDS, why=stage.tell)
    # With equal weights it would be half of them.
    assert abs(sum(queue_of[name] == HEAVY for name in first) - OF_ONE_NAMESPACE * 3 / 4) < 1


@pytest.fixture
def priority_class(kubectl: Kubectl) -> Iterator[str]:
    name = f"{kubectl.namespace}-batch"
    kubectl.apply(
        {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": 7}
    )
    yield name
    kubectl("delete", "priorityclass", name)


def test_what_is_allowed_is_in_the_pod(backend: Any, kubectl: Kubectl, new_queue: Any, priority_class: str) -> None:
    node = kubectl.get("nodes", "-l", "kubernetes.io/os")["items"][0]["metadata"]["labels"]["kubernetes.io/os"]
    queue = new_queue("free", allowedOverrides=["resources", "nodeSelector"], priorityClassName=priority_class)
    options = {"resources": {"memory": "160Mi"}, "node_selector": {"kubernetes.io/os": node}}
    result = finish(using(probes.add, queue_name=queue, **options).enqueue(1, 2))
    assert result.return_value == 3
    spec = kubectl.get("pod", f"{result.id}-1")["spec"]
    assert spec["containers"][0]["resources"] == {"limits": {"memory": "160Mi"}, "requests": {"memory": "160Mi"}}
    assert (spec["nodeSelector"], spec["priority"]) == ({"kubernetes.io/os": node}, 7)
