"""The end of a task's log stays with the task: whose is kept, when, and that it costs nobody else anything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.tasks import TaskResult
from django.tasks.backends.base import BaseTaskBackend
from prometheus_client.parser import text_string_to_metric_families
from shop import probes

from django_tasks_kubernetes import Fixed, Retry
from tests.support.operator import OperatorProcess
from tests.support.tasks import FINISH_SECONDS, Status, finish, status_of, wait_gone, wait_phase, wait_status
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for
from tools.manifests import queue_manifest


@pytest.fixture(scope="module")
def queues(backend: BaseTaskBackend, cluster: Cluster, kubectl: Kubectl) -> None:
    """One for each way to keep logs; their pods are given a second to end."""
    image, pod = cluster.image(Target.EXAMPLE), {"terminationGracePeriodSeconds": 1}
    for name, keep in (("onfailure", None), ("always", "Always"), ("never", "Never")):
        spec = {} if keep is None else {"keepLog": keep}
        kubectl.apply(queue_manifest(name, image, pod_update=pod, **spec))


def using(task: Any, **options: Any) -> Any:
    return task.using(**({"queue_name": "onfailure"} | options))


def with_tail(kubectl: Kubectl, result: TaskResult[..., Any], attempt: int = 1) -> Status:
    def kept(status: Status) -> bool:
        return bool(status.get("logTail", {}).get("attempt") == attempt)

    return wait_status(kubectl, result.id, kept, "its log is kept")


def logs_read(operator: OperatorProcess) -> float:
    """How often the operator has read a log. It asks again where a busy kubelet does not answer."""
    families = text_string_to_metric_families(operator.get("/metrics"))
    samples = [sample for family in families for sample in family.samples]
    of_logs = [s for s in samples if s.name == "djangotasks_api_requests_total" and s.labels["resource"] == "pods/log"]
    return sum(sample.value for sample in of_logs if sample.labels["code"] == "200")


def wait_for_job(kubectl: Kubectl, result: TaskResult[..., Any]) -> None:
    """The operator has done all that there is to do for the first attempt."""

    def look() -> bool | None:
        return True if kubectl.get("job", f"{result.id}-1")["status"].get("conditions") else None

    wait_for(f"job {result.id}-1 has ended", look, seconds=FINISH_SECONDS)


def test_pods_go_before_results_and_after_the_log_is_kept(
    backend: BaseTaskBackend, cluster: Cluster, kubectl: Kubectl
) -> None:
    kubectl.apply(
        queue_manifest("brief", cluster.image(Target.EXAMPLE), keepLog="Always", podTtlSecondsAfterFinished=0)
    )
    retry = Retry(max_attempts=2, backoff=Fixed(delay=1))
    good = finish(using(probes.add, queue_name="brief").enqueue(1, 2))
    bad = finish(using(probes.fail, queue_name="brief", retry=retry).enqueue())
    for result, attempts in ((good, 1), (bad, 2)):
        with_tail(kubectl, result, attempts)
        for number in range(1, attempts + 1):
            wait_gone(kubectl, "job", f"{result.id}-{number}")
            wait_gone(kubectl, "pod", f"{result.id}-{number}")
    assert status_of(kubectl, good.id)["result"] == "3"
    assert [attempt["reason"] for attempt in status_of(kubectl, bad.id)["attempts"]] == ["TaskError"] * 2


def test_a_failure_keeps_the_end_of_its_log_when_the_pod_is_gone(queues: None, kubectl: Kubectl) -> None:
    result = finish(probes.fail.using(queue_name="onfailure").enqueue())
    text = with_tail(kubectl, result)["logTail"]["text"]
    assert "shop.probes.CardDeclined: no card is on file for order A00000001" in text
    kubectl("delete", "pod", f"{result.id}-1", "--wait=false")
    wait_gone(kubectl, "pod", f"{result.id}-1")
    assert status_of(kubectl, result.id)["logTail"]["text"] == text


def test_a_crash_keeps_its_last_words(queues: None, kubectl: Kubectl) -> None:
    result = finish(probes.crash.using(queue_name="onfailure").enqueue())
    assert "Segmentation fault" in with_tail(kubectl, result)["logTail"]["text"]


def test_a_success_costs_nothing(queues: None, kubectl: Kubectl, operator: OperatorProcess) -> None:
    before = logs_read(operator)
    good = finish(probes.write_lines.using(queue_name="onfailure").enqueue(3))
    wait_for_job(kubectl, good)
    with_tail(kubectl, finish(probes.fail.using(queue_name="onfailure").enqueue()))
    assert "logTail" not in status_of(kubectl, good.id)
    assert logs_read(operator) == before + 1


def test_the_queue_says_whose_is_kept(queues: None, kubectl: Kubectl, operator: OperatorProcess) -> None:
    failed = finish(probes.fail.using(queue_name="never").enqueue())
    many = finish(probes.write_lines.using(queue_name="always").enqueue(2000))
    text = with_tail(kubectl, many)["logTail"]["text"]
    lines = text.splitlines()
    assert lines[-1] == "line 2000 of 2000"
    assert len(lines) >= 100
    assert len(text.encode()) <= 16 * 1024
    assert json.loads(status_of(kubectl, many.id)["result"]) == 2000
    wait_for_job(kubectl, failed)
    assert "logTail" not in status_of(kubectl, failed.id)


def test_each_attempt_takes_the_place_of_the_one_before(queues: None, kubectl: Kubectl) -> None:
    result = finish(using(probes.fail_until, retry=Retry(max_attempts=2, backoff=Fixed(delay=1))).enqueue(9))
    text = with_tail(kubectl, result, attempt=2)["logTail"]["text"]
    assert "attempt 2 of 9" in text
    assert "attempt 1 of 9" not in text


@pytest.mark.parametrize("how", ["a deadline", "a cancellation"])
def test_it_is_read_before_a_pod_is_deleted(queues: None, kubectl: Kubectl, how: str) -> None:
    if how == "a deadline":
        result = using(probes.ignore_sigterm, timeout=5).enqueue(600)
        wait_phase(kubectl, result.id, "Failed")
    else:
        result = probes.ignore_sigterm.using(queue_name="onfailure").enqueue(600)
        wait_phase(kubectl, result.id, "Running")
        wait_for("it has said something", lambda: kubectl("logs", f"{result.id}-1") or None, seconds=FINISH_SECONDS)
        kubectl("patch", "djangotask", result.id, "--type=merge", "-p", '{"spec":{"cancel":true}}')
        wait_phase(kubectl, result.id, "Cancelled")
    assert "ignoring SIGTERM" in with_tail(kubectl, result)["logTail"]["text"]


def test_a_new_operator_does_not_read_it_again(queues: None, kubectl: Kubectl, operator: OperatorProcess) -> None:
    kept = finish(probes.fail.using(queue_name="onfailure").enqueue())
    with_tail(kubectl, kept)
    assert operator.stop() == 0
    operator.start()
    later = finish(probes.fail.using(queue_name="onfailure").enqueue())
    with_tail(kubectl, later)
    assert logs_read(operator) == 1
