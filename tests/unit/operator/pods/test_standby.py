"""Standby pods: their manifest, their hash, the patch of a claim, and what is read of them before and after it."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from djangotasks_api.phases import Reason
from djangotasks_api.standby import StandbyAccess
from djangotasks_operator.pods.diagnosis import end_cause
from djangotasks_operator.pods.parsing import parse_pod
from djangotasks_operator.pods.standby import (
    KEEPING_ANNOTATIONS,
    SAFE_TO_EVICT_ANNOTATION,
    StandbyPod,
    claim_patch,
    parse_standby,
    standby_name,
    standby_pod,
    template_hash,
    why_ended,
)
from djangotasks_operator.pods.template import PodTemplate, pod_template
from djangotasks_operator.pods.times import running_since
from tests.support.assignments import make_assignment
from tests.support.builders import NOW, at, make_job, make_pod, make_queue, make_terminated

URL = "http://10.0.0.1"
TEMPLATE = {
    "metadata": {"labels": {"team": "shop"}},
    "spec": {
        "containers": [{"name": "web", "image": "shop:7", "env": [{"name": "A", "value": "1"}]}, {"name": "proxy"}]
    },
}
ACCESS = StandbyAccess(url=URL, namespace="shop", pod="default-0123456789", queue_uid="uid-of-default")


def template(changes: dict[str, Any] | None = None) -> PodTemplate:
    queue = make_queue(standby={}, template=TEMPLATE | (changes or {}))
    assert queue.spec.template is not None
    return pod_template(queue.spec.template, queue.spec)


def body(**metadata: Any) -> dict[str, Any]:
    """As the API server has it."""
    made = standby_pod(make_queue(standby={}), template(), "the-hash", ACCESS, "the-token")
    made["metadata"] |= {"uid": "p", "resourceVersion": "7", "creationTimestamp": at(-600).isoformat()} | metadata
    return made


def test_the_manifest() -> None:
    pod = standby_pod(make_queue(standby={}), template(), "the-hash", ACCESS, "the-$(TOKEN)")
    metadata, (web, proxy) = pod["metadata"], pod["spec"]["containers"]
    assert (metadata["name"], metadata["namespace"]) == ("default-0123456789", "shop")
    assert metadata["labels"]["team"] == "shop"
    assert metadata["labels"]["djangotasks.dev/standby"] == "the-hash"
    assert metadata["labels"]["djangotasks.dev/queue"] == "default"
    assert metadata["annotations"][SAFE_TO_EVICT_ANNOTATION] == "true"
    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("DjangoTaskQueue", "uid-of-default", True)
    assert "blockOwnerDeletion" not in owner
    assert [variable["name"] for variable in web["env"]] == ["A", "DJANGOTASKS_STANDBY", "DJANGOTASKS_TOKEN"]
    assert web["env"][-1]["value"] == "the-$$(TOKEN)"
    assert "env" not in proxy
    assert pod["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize(
    ("queue", "name"),
    [("default", "default-0a"), ("q" * 63, "q" * 52 + "-0a"), ("q" * 51 + "-" * 3 + "x", "q" * 51 + "-0a")],
)
def test_a_name_is_a_host_name(queue: str, name: str) -> None:
    assert standby_name(queue, "0a") == name


def test_the_hash_is_of_what_a_pod_is_made_of() -> None:
    queue = make_queue(standby={})
    same = template_hash(queue, template(), URL)
    assert template_hash(make_queue(standby={"min": 5}, concurrency=3), template(), URL) == same
    others = [
        template_hash(queue, template({"spec": {"containers": [{"name": "web", "image": "shop:8"}]}}), URL),
        template_hash(queue, template({"metadata": {"labels": {"team": "bank"}}}), URL),
        template_hash(queue, template(), "http://10.0.0.2"),
        template_hash(make_queue(standby={"preload": ["shop.tasks"]}), template(), URL),
    ]
    assert len({same, *others}) == 5


def patched(pod: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """The pod after the patch, whose tests hold."""
    pod = deepcopy(pod)
    for operation in operations:
        *parts, last = [p.replace("~1", "/").replace("~0", "~") for p in operation["path"].split("/")[1:]]
        parent: Any = pod
        for part in parts:
            parent = parent[int(part) if isinstance(parent, list) else part]
        match operation["op"]:
            case "test":
                assert parent.get(last) == operation["value"], operation
            case "remove":
                del parent[last]
            case _:
                parent[last] = operation["value"]
    return pod


def claimed(made: PodTemplate | None = None, **fields: Any) -> dict[str, Any]:
    labels = {
        "team": "shop",
        "djangotasks.dev/task": "receipt",
        "djangotasks.dev/task-uid": "u",
        "djangotasks.dev/attempt": "1",
        "djangotasks.dev/queue": "default",
        "batch.kubernetes.io/job-name": "receipt-1",
    }
    standby = parse_standby(body())
    assert standby is not None
    job = make_job(1, uid="j", pod_labels=labels)
    return patched(body(), claim_patch(standby, job, made or template(), make_assignment(**fields), NOW))


def test_a_claim_makes_it_the_attempts_pod() -> None:
    pod = parse_pod(claimed(heartbeat_timeout=30.0, retries_left=2))
    assert pod is not None
    assert (pod.task, pod.task_uid, pod.attempt, pod.job_uid) == ("receipt", "u", 1, "j")
    assert (pod.name, pod.standby, pod.created_at) == ("default-0123456789", True, NOW)
    assert (pod.heartbeat_timeout, pod.retries_left) == (timedelta(seconds=30), 2)
    assert parse_standby(claimed()) is None
    assert SAFE_TO_EVICT_ANNOTATION not in claimed()["metadata"]["annotations"]
    assert claimed()["metadata"]["labels"]["djangotasks.dev/standby"] == "the-hash"
    kept = template({"metadata": {"annotations": {SAFE_TO_EVICT_ANNOTATION: "false"}}})
    assert claimed(kept)["metadata"]["annotations"][SAFE_TO_EVICT_ANNOTATION] == "false"


@pytest.mark.parametrize("key", sorted(KEEPING_ANNOTATIONS))
def test_what_keeps_a_node_for_a_task_keeps_none_for_a_pod_that_waits(key: str) -> None:
    """Nodes of idle runners stayed for ever: https://github.com/JiRaska/open-bank-oss/issues/4317"""
    keeping = template({"metadata": {"annotations": {key: "true", "team": "a"}}})
    annotations = standby_pod(make_queue(standby={}), keeping, "h", ACCESS, "t")["metadata"]["annotations"]
    assert (annotations["team"], key in annotations) == ("a", False)
    assert claimed(keeping)["metadata"]["annotations"][key] == "true"


def test_before_it_is_nobodys_and_after_it_no_standby() -> None:
    standby = parse_standby(body())
    assert isinstance(standby, StandbyPod)
    assert (standby.queue, standby.queue_uid, standby.hash) == ("default", "uid-of-default", "the-hash")
    assert parse_pod(body()) is None


def test_a_copy_for_debugging_is_no_attempts_pod() -> None:
    """kubectl debug --copy-to --keep-labels has the labels, and another owner or none."""
    copy = claimed()
    copy["metadata"] |= {"name": "a-copy", "ownerReferences": []}
    assert parse_pod(copy) is None


RENDER = {"name": "render", "state": {"terminated": {"exitCode": 1, "message": "no secret"}}}
WAITED = {"name": "web", "state": {"terminated": {"exitCode": 143, "reason": "Error"}}}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (
            {"initContainerStatuses": [RENDER]},
            "its init container 'render' ended with exit code 1. It left:\nno secret",
        ),
        ({"reason": "Evicted", "message": "The node was low on memory."}, "Evicted: The node was low on memory."),
        (
            {"reason": "Terminated", "message": "node shutdown", "containerStatuses": [WAITED]},
            "Terminated: node shutdown",
        ),
        ({"containerStatuses": [WAITED]}, "A standby pod ended with exit code 143 (Error)."),
    ],
)
def test_why_it_ended_names_what_ended_it(status: dict[str, Any], words: str) -> None:
    ended = body() | {"status": {"phase": "Failed"} | status}
    ended["spec"] |= {"initContainers": [{"name": "render"}]}
    pod = parse_standby(ended)
    assert pod is not None
    reason, message = why_ended(pod)
    assert (reason, message.endswith(words)) == ("Failing", True), message


def test_it_runs_from_its_claim_on() -> None:
    """Its container has run for ten minutes: the task has not."""
    claimed_pod = claimed()
    state = {"running": {"startedAt": at(-590).isoformat()}}
    claimed_pod["status"] = {"phase": "Running", "containerStatuses": [{"name": "web", "state": state}]}
    pod = parse_pod(claimed_pod)
    assert pod is not None
    assert running_since(pod) == NOW


ENDS = {
    "long before": (-60.0, Reason.STANDBY_LOST),
    "the second before": (-1.0, Reason.STANDBY_LOST),
    "in the same second": (-0.5, Reason.PROCESS_EXITED),
    "after it": (1.0, Reason.PROCESS_EXITED),
}


@pytest.mark.parametrize(("seconds", "reason"), ENDS.values(), ids=ENDS)
def test_one_that_had_ended_is_no_failure_of_the_task(seconds: float, reason: Reason) -> None:
    ended = make_terminated(137, finished_at=at(seconds))
    assert end_cause(make_pod(standby=True, created_at=NOW, terminated=ended, phase="Failed")).reason is reason


def test_a_pod_of_an_attempt_has_failed_whenever_it_ended() -> None:
    ended = make_terminated(137, finished_at=at(-60))
    pod = make_pod(created_at=NOW, terminated=ended, phase="Failed")
    assert end_cause(pod).reason is Reason.PROCESS_EXITED


@pytest.mark.parametrize(
    ("name", "known"),
    [("default-0a", "default-0a"), ("../../secrets", None), ("A", None), ("a" * 64, None), ("", None)],
)
def test_a_job_names_a_pod_and_no_path(name: str, known: str | None) -> None:
    from djangotasks_operator.pods import manifests
    from djangotasks_operator.pods.parsing import parse_job
    from tests.support.builders import make_task

    made = manifests.job(make_task(), 1, {"metadata": {"labels": {}}, "spec": {}}, standby=name)
    made["metadata"] |= {"uid": "j", "resourceVersion": "1"}
    job = parse_job(made)
    assert job is not None
    assert job.standby == known
